// `percpu-malta completion`: a script for the shell, made from the commands as they are defined.
import { Argument, Command, type Option } from 'commander';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
const NAME = 'percpu-malta';

/** @param program the whole command line, once it is built */
export function completionCommand(program: () => Command): Command {
  return new Command('completion')
    .addArgument(new Argument('<shell>', 'which shell').choices(SHELLS))
    .description('print a completion script for bash, zsh or fish')
    .addHelpText('after', HELP)
    .action((shell: (typeof SHELLS)[number]) => {
      const commands = program().commands.map((command) => ({ command, options: visibleOptions(command) }));
      process.stdout.write({ bash, zsh, fish }[shell](commands));
    });
}

const HELP = `
  source <(percpu-malta completion bash)              # in ~/.bashrc
  source <(percpu-malta completion zsh)               # in ~/.zshrc, behind compinit
  percpu-malta completion fish | source               # in ~/.config/fish/config.fish`;

interface Entry {
  readonly command: Command;
  readonly options: readonly Option[];
}

/** Its own, and those of its subcommands. */
const visibleOptions = (command: Command): Option[] => [
  ...[command, ...command.commands].flatMap(({ options }) => options.filter(({ hidden }) => !hidden)),
  ...command
    .createHelp()
    .visibleOptions(command)
    .filter(({ long }) => long === '--help'),
];

const flagsOf = ({ short, long }: Option): string[] => [long, short].filter((flag) => flag !== undefined);
const takesValue = ({ required, optional }: Option): boolean => required || optional;
/** What an argument of the command may be, where that is a list; files are completed otherwise. */
const argumentChoices = ({ command }: Entry): readonly string[] =>
  command.commands.length > 0
    ? command.commands.map((subcommand) => subcommand.name())
    : (command.registeredArguments[0]?.argChoices ?? []);

function bash(entries: readonly Entry[]): string {
  const cases = entries.map((entry) => {
    const flags = entry.options.flatMap(flagsOf).join(' ');
    const values = entry.options
      .filter(({ argChoices }) => argChoices)
      .map((option) => `        ${flagsOf(option).join('|')}) choices="${option.argChoices!.join(' ')}" ;;\n`)
      .join('');
    const files = entry.options.filter((option) => takesValue(option) && !option.argChoices).flatMap(flagsOf);
    const free = files.length > 0 ? `        ${files.join('|')}) free=1 ;;\n` : '';
    return (
      `    ${entry.command.name()})\n      words="${[...argumentChoices(entry)].join(' ')}" flags="${flags}"\n` +
      `      case $before in\n${values}${free}        *) ;;\n      esac ;;\n`
    );
  });
  return `# bash completion of ${NAME}
_percpu_malta() {
  local now=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} choices= free= words= flags=
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${entries.map(({ command }) => command.name()).join(' ')} --help --version" -- "$now"))
    return
  fi
  case \${COMP_WORDS[1]} in
${cases.join('')}  esac
  if [ -n "$choices" ]; then COMPREPLY=($(compgen -W "$choices" -- "$now"))
  elif [ -n "$free" ]; then COMPREPLY=()
  elif [[ $now == -* ]]; then COMPREPLY=($(compgen -W "$flags" -- "$now"))
  else COMPREPLY=($(compgen -W "$words" -- "$now"))
  fi
}
# files where nothing else fits
complete -o default -F _percpu_malta ${NAME}
`;
}

/** In single quotes, for zsh and fish. */
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

function zsh(entries: readonly Entry[]): string {
  // _arguments reads brackets, colons and backslashes
  const plain = (text: string): string => text.replace(/[[\]:\\]/g, (character) => `\\${character}`);
  const spec = (option: Option): string[] =>
    flagsOf(option).map((flag) => {
      const value = option.argChoices ? `(${option.argChoices.join(' ')})` : '_files';
      return quoted(`${flag}[${plain(option.description)}]${takesValue(option) ? `:value:${value}` : ''}`);
    });
  const cases = entries.map((entry) => {
    const words = argumentChoices(entry);
    const rest = quoted(words.length > 0 ? `*:argument:(${words.join(' ')})` : '*:file:_files');
    const specs = [...entry.options.flatMap(spec), rest].map((text) => `        ${text}`).join(' \\\n');
    return `    ${entry.command.name()})\n      _arguments \\\n${specs} ;;\n`;
  });
  const names = entries.map(({ command }) => `    ${quoted(`${command.name()}:${plain(command.description())}`)}`);
  return `#compdef ${NAME}
_percpu_malta() {
  local -a commands=(
${names.join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
${cases.join('')}  esac
}
compdef _percpu_malta ${NAME}
`;
}

function fish(entries: readonly Entry[]): string {
  const lines = [`# fish completion of ${NAME}`];
  for (const entry of entries) {
    const { command, options } = entry;
    const name = command.name();
    lines.push(`complete -c ${NAME} -n __fish_use_subcommand -f -a ${name} -d ${quoted(command.description())}`);
    const when = `complete -c ${NAME} -n '__fish_seen_subcommand_from ${name}'`;
    for (const { short, long, argChoices, description, ...option } of options) {
      const flags = `${long ? ` -l ${long.slice(2)}` : ''}${short ? ` -s ${short.slice(1)}` : ''}`;
      const value = argChoices ? ` -x -a ${quoted(argChoices.join(' '))}` : takesValue(option as Option) ? ' -r' : '';
      lines.push(`${when}${flags}${value} -d ${quoted(description)}`);
    }
    if (argumentChoices(entry).length > 0) lines.push(`${when} -f -a ${quoted(argumentChoices(entry).join(' '))}`);
  }
  return `${lines.join('\n')}\n`;
}

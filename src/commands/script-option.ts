// `--script` of the commands that boot once: the options of a boot script, and what it keeps of the boot.
import type { Command } from 'commander';
import { UsageError } from '../errors.js';
import { inputName, readInput } from '../files/input.js';
import { stepNames } from '../experiments/kept.js';
import { DEFAULT_SETUP } from '../experiments/setup.js';
import { BOOT_LAYOUTS } from '../layouts/boot-layouts.js';
import { parseScript } from '../minimize/script.js';

/** Of a script: a whole boot has some hundred lines. */
const MOST_BYTES = 16 << 20;

/** Options given on the command line win over those of the script. */
export function addScriptOption(command: Command): Command {
  return command
    .option('--script <file>', 'boot as this script says, such as minimize writes; options given here win')
    .hook('preAction', () => {
      const { script } = command.opts<{ script?: string }>();
      if (script !== undefined) applyScript(command, script);
    });
}

function applyScript(command: Command, file: string): void {
  const text = readInput(file, { flag: '--script', limit: MOST_BYTES }).toString();
  const names = [...Object.keys(DEFAULT_SETUP), 'seed', 'define'];
  const known = command.options.filter((option) => names.includes(option.attributeName()));
  const { options, kept } = parseScript(text, inputName(file), {
    options: new Map(known.map((option) => [option.name(), (value) => option.parseArg!(value, undefined)])),
    steps: new Set(Object.values(BOOT_LAYOUTS).flatMap(({ pageSize }) => stepNames(pageSize))),
  });
  for (const option of known) {
    const attribute = option.attributeName();
    if (options.has(option.name()) && command.getOptionValueSource(attribute) !== 'cli')
      command.setOptionValueWithSource(attribute, options.get(option.name()), 'config');
  }
  const { controllers } = command.opts<{ controllers: number }>();
  const beyond = kept.targets?.find(({ host }) => host >= controllers);
  if (beyond)
    throw new UsageError(
      `${inputName(file)}: scan ${beyond.host} ...: the hosts of this boot are 0 to ${controllers - 1}`,
    );
  command.setOptionValueWithSource('kept', kept, 'config');
}

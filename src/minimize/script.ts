// Boot scripts: a boot's options and what is kept of it, as text to read, edit and mail.
//
//   percpu-malta script 1
//   kernel f183324133ea          options, as on the command line of boot
//   seed 1
//   scan 0 2 0-3,17              host, channel, ids: the targets that are scanned (`scan none`; without any such line, all)
//   step percpu bioset_init      a step of kernel_init that is done (`step none`; without any such line, all)
import { MAX_CONTROLLERS } from '../../emu/malta/megaraid/pci-device.js';
import { UsageError } from '../errors.js';
import type { BootSetup } from '../experiments/setup.js';
import { definesText } from '../experiments/define.js';
import { camelWords } from '../experiments/table.js';
import { CHANNELS, IDS, type Kept, type TargetRange } from '../experiments/kept.js';

const HEAD = 'percpu-malta script 1';

/** The script of a boot. @param comment lines put behind the head */
export function bootScript(
  { kept = {}, geometry = {}, rules = {}, ...options }: BootSetup,
  seed: number,
  comment: readonly string[] = [],
): string {
  const define = definesText({ geometry, rules });
  const values = Object.entries({ ...options, ...(define === '' ? {} : { define }), seed });
  return printScript(
    values.map(([name, value]) => [camelWords(name, '-'), String(value)]),
    kept,
    comment,
  );
}

/** @param options names and values, as on the command line @param comment lines put behind the head */
export function printScript(
  options: Iterable<readonly [name: string, value: string]>,
  { targets, steps }: Kept,
  comment: readonly string[] = [],
): string {
  const lines = [HEAD, ...comment.map((line) => `# ${line}`), ''];
  for (const [name, value] of options) lines.push(`${name} ${value}`);
  if (targets) {
    lines.push('', '# targets that are scanned: host, channel, ids', ...(targets.length === 0 ? ['scan none'] : []));
    const channels = new Map<string, string[]>();
    for (const { host, channel, first, last } of targets) {
      const key = `${host} ${channel}`;
      channels.set(key, [...(channels.get(key) ?? []), first === last ? `${first}` : `${first}-${last}`]);
    }
    for (const [channel, ids] of channels) lines.push(`scan ${channel} ${ids.join(',')}`);
  }
  if (steps)
    lines.push(
      '',
      '# steps of kernel_init that are done, besides those that every boot needs',
      ...(steps.length === 0 ? ['step none'] : steps.map((step) => `step ${step}`)),
    );
  return `${lines.join('\n')}\n`;
}

/** What a script may say. */
export interface ScriptWords {
  /** Options by name, and what reads their values; it throws an Error that says what is needed. */
  options: ReadonlyMap<string, (text: string) => unknown>;
  /** Names of steps that a script can keep or leave out. */
  steps: ReadonlySet<string>;
}

export interface Script {
  /** Values as ScriptWords.options reads them. */
  options: Map<string, unknown>;
  kept: Kept;
}

/** @param file named in errors @throws UsageError for a bad line, with its number */
export function parseScript(text: string, file: string, words: ScriptWords): Script {
  const options = new Map<string, unknown>();
  const targets: TargetRange[] = [];
  const steps: string[] = [];
  let scans = false;
  let allSteps = true;
  let head = false;
  text.split('\n').forEach((raw, i) => {
    const line = raw.replace(/#.*/, '').trim();
    if (line === '') return;
    try {
      const [word, ...rest] = line.split(/\s+/) as [string, ...string[]];
      if (!head) {
        if (line !== HEAD) throw new Error(`no boot script: the first line has to be '${HEAD}'`);
        head = true;
      } else if (word === 'scan') {
        scans = true;
        if (line !== 'scan none') targets.push(...parseScan(rest));
      } else if (word === 'step') {
        allSteps = false;
        if (line !== 'step none') steps.push(parseStep(rest.join(' '), words.steps));
      } else {
        if (options.has(word)) throw new Error(`${word} is given twice`);
        options.set(word, parseOption(word, rest, words.options));
      }
    } catch (error) {
      throw new UsageError(`${file}:${i + 1}: ${(error as Error).message}`);
    }
  });
  if (!head) throw new UsageError(`${file}: empty: the first line of a boot script has to be '${HEAD}'`);
  return { options, kept: { ...(scans ? { targets } : {}), ...(allSteps ? {} : { steps }) } };
}

function parseStep(name: string, names: ScriptWords['steps']): string {
  if (!names.has(name)) throw new Error(`'${name}' is no step of kernel_init: need one of ${[...names].join(', ')}`);
  return name;
}

function parseOption(name: string, values: readonly string[], options: ScriptWords['options']): unknown {
  const read = options.get(name);
  if (!read) throw new Error(`'${name}' is no option: need scan, step or one of ${[...options.keys()].join(', ')}`);
  if (values.length !== 1) throw new Error(`${name} needs one value`);
  try {
    return read(values[0]!);
  } catch (error) {
    throw new Error(`${name} ${values[0]}: ${(error as Error).message}`, { cause: error });
  }
}

function parseScan(words: readonly string[]): TargetRange[] {
  const match = /^(\d+) (\d+) (\S+)$/.exec(words.join(' '));
  const [host, channel] = [Number(match?.[1]), Number(match?.[2])];
  const ids = match?.[3]!.split(',').map((part) => /^(\d+)(?:-(\d+))?$/.exec(part));
  if (!ids?.every((range) => range !== null))
    throw new Error("need 'scan HOST CHANNEL IDS', such as 'scan 0 2 0-3,17'");
  if (host >= MAX_CONTROLLERS) throw new Error(`host ${host}: hosts are 0 to ${MAX_CONTROLLERS - 1}`);
  if (channel >= CHANNELS) throw new Error(`channel ${channel}: channels are 0 to ${CHANNELS - 1}`);
  return ids.map(([text, from, to = from]) => {
    const [first, last] = [Number(from), Number(to)];
    if (first > last || last >= IDS) throw new Error(`ids ${text}: ids are 0 to ${IDS - 1}, the smaller one first`);
    return { host, channel, first, last };
  });
}

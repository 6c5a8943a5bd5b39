// `--gdb`, `-S` and `--at` of the commands that run a guest: the run waits for gdb and goes where it wants, also backwards.
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { SocketLink } from '../../emu/gdb/link.js';
import { packageRoot } from '../../emu/unicorn/choose.js';
import { UsageError } from '../errors.js';
import { Disassembler } from '../inspect/disassembly.js';
import { Debuggee } from '../moments/debuggee.js';
import type { Moment } from '../moments/moment.js';
import type { Rerun } from '../moments/subject.js';
import { momentOption } from './moment-option.js';

export interface GdbFlags {
  /** Port; true for the usual one. */
  gdb?: number | true;
  stopped?: boolean;
  at?: Moment;
}

/** QEMU's. */
const USUAL_PORT = 1234;

function port(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65535)
    throw new InvalidArgumentError('need a port from 1 to 65535, or 0 for any that is free.');
  return Number(text);
}

export function addGdbOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--gdb [port]', `let gdb attach on this machine (default port ${USUAL_PORT}, 0: any)`).argParser(port),
    )
    .option('-S, --stopped', 'with --gdb: wait before the first instruction')
    .addOption(momentOption('with --gdb: wait there'));
}

/** Whether gdb is to attach. @throws UsageError for what goes with it only */
export function gdbWanted({ gdb, stopped, at }: GdbFlags): boolean {
  if (gdb === undefined && (stopped || at)) throw new UsageError(`${at ? '--at' : '-S'}: goes with --gdb`);
  return gdb !== undefined;
}

/**
 * Runs under gdb.
 * @param makeRerun the run, given what prints a line of its console @param print prints one
 * @returns what the run gives; undefined when gdb has ended it @throws UsageError for a port that cannot be had
 */
export async function runWithGdb<R>(
  { gdb, stopped, at }: GdbFlags,
  makeRerun: (onLine: (line: string) => void) => Rerun<R>,
  print: (line: string) => void,
): Promise<R | undefined> {
  if (stopped && at) throw new UsageError('-S and --at: the guest waits in one place at the start');
  const wanted = gdb === true || gdb === undefined ? USUAL_PORT : gdb;
  const script = path.join(packageRoot(), 'dist', 'gdb-socket.js');
  if (!fs.existsSync(script)) throw new UsageError(`${script} is missing: npm run build makes it`);
  const disassembler = await Disassembler.load();
  let link: SocketLink;
  try {
    link = SocketLink.listen(pathToFileURL(script), wanted);
  } catch (error) {
    throw new UsageError(`--gdb ${wanted}: the port cannot be had (${(error as Error).message})`);
  }
  const say = (text: string): void => void fs.writeSync(2, `gdb: ${text}\n`);
  const ready = (): void => say(`target remote :${link.port} (listening on ${link.addresses.join(' and ')})`);
  // the console's lines come from the run, which is made from what prints them
  let onLine: (line: string) => void = () => {};
  const debuggee = new Debuggee(
    makeRerun((line) => onLine(line)),
    link,
    disassembler,
    { at: stopped ? { kind: 'insn', number: 0 } : at, ready, say },
  );
  onLine = debuggee.console(print);
  try {
    return debuggee.run();
  } finally {
    await link.close();
  }
}

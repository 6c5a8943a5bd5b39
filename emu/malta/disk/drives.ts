// Disks as the option --drive names them: a raw image, copy on write; with `rw` written through, with `ro` write protected;
// a size for a blank disk; `none` for a drive with nothing in it.
import fs from 'node:fs';
import { UsageError } from '../../errors.js';
import { MAX_DISKS, type MaltaDrive } from '../malta-board.js';
import { FileBlocks, WriteThroughMedium } from './file-medium.js';
import { BLOCK_SIZE, blankBlocks, type Medium, OverlayMedium } from './medium.js';

const UNITS: Readonly<Record<string, number>> = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };
/** A blank disk of more is a slip of the hand. */
const MAX_BLANK = 16 * UNITS.T;

type Access = 'copy on write' | 'rw' | 'ro';

interface DriveOption {
  /** As it was given, for error messages. */
  readonly text: string;
  readonly what: string;
  readonly access: Access;
  readonly controller: number;
}

/** Splits at commas; a doubled comma is one in a name, as in QEMU's options. */
function splitAtCommas(text: string): string[] {
  return text.split(/(?<!,),(?!,)/).map((part) => part.replaceAll(',,', ','));
}

function parseDrive(text: string): DriveOption {
  const [what, ...flags] = splitAtCommas(text);
  let access: Access = 'copy on write';
  let controller = 0;
  for (const flag of flags) {
    const number = /^controller=(\d+)$/.exec(flag)?.[1];
    if (flag === 'rw' || flag === 'ro') {
      if (access !== 'copy on write') throw bad(text, 'rw and ro are one choice');
      access = flag;
    } else if (number !== undefined) controller = Number(number);
    else throw bad(text, `'${flag}' is not known here: FILE[,rw|,ro][,controller=N], a size as 8M, or none`);
  }
  if (!what) throw bad(text, 'a file, a size as 8M, or none is missing');
  return { text, what, access, controller };
}

function bad(text: string, what: string): UsageError {
  return new UsageError(`--drive ${text}: ${what}`);
}

/** Bytes of a size as `8M`, undefined for anything else. */
function parseSize(text: string): number | undefined {
  const match = /^(\d+)([KMGT])i?B?$/i.exec(text);
  return match ? Number(match[1]) * UNITS[match[2].toUpperCase()] : undefined;
}

/** The disks of a board, and the files beneath them. */
export interface OpenDrives {
  readonly drives: readonly MaltaDrive[];
  /** Closes the files; the disks are of no more use. */
  close(): void;
}

/**
 * Opens what the values of --drive name, in their order.
 * @param controllers how many controllers the board has @throws UsageError in one line, with no file left open
 */
export function openDrives(texts: readonly string[], controllers: number): OpenDrives {
  const options = texts.map(parseDrive);
  const counts = new Map<number, number>();
  for (const { text, controller } of options) {
    if (controller >= controllers)
      throw bad(
        text,
        controllers === 0
          ? 'there is no controller for it: --controllers 1'
          : `there is no controller ${controller}: the board has ${controllers}, counted from 0`,
      );
    const count = (counts.get(controller) ?? 0) + 1;
    counts.set(controller, count);
    if (count > MAX_DISKS) throw bad(text, `a controller takes ${MAX_DISKS} disks: put it on another, controller=N`);
  }
  const files: number[] = [];
  const close = () => files.splice(0).forEach((fd) => fs.closeSync(fd));
  try {
    const written = new Map<string, string>();
    const drives = options.map((option) => ({
      controller: option.controller,
      medium: openMedium(option, files, written),
    }));
    return { drives, close };
  } catch (error) {
    close();
    throw error;
  }
}

/** @param files gets the descriptor @param used files by identity, to see one used twice */
function openMedium(option: DriveOption, files: number[], used: Map<string, string>): Medium | undefined {
  const { text, what, access } = option;
  if (what === 'none') {
    if (access !== 'copy on write') throw bad(text, `an empty drive is not ${access}`);
    return undefined;
  }
  const size = parseSize(what);
  if (size !== undefined) {
    if (access === 'rw') throw bad(text, 'a blank disk has no file to write to; make one with truncate -s and name it');
    if (size === 0 || size > MAX_BLANK) throw bad(text, 'a blank disk has 1K to 16T');
    return new OverlayMedium(blankBlocks(size / BLOCK_SIZE), access !== 'ro');
  }
  const stat = statOf(option);
  if (stat.isDirectory()) throw bad(text, 'it is a directory; a raw disk image is wanted');
  if (!stat.isFile()) throw bad(text, 'it is not a regular file; a raw disk image is wanted');
  if (stat.size === 0) throw bad(text, 'the file is empty; a disk has at least one block of 512 bytes');
  if (access === 'rw' && stat.size % BLOCK_SIZE !== 0)
    throw bad(
      text,
      `its size, ${stat.size} bytes, is no multiple of 512; without rw the rest of the last block reads as zeros`,
    );
  const identity = `${stat.dev}:${stat.ino}`;
  const before = used.get(identity);
  if (before !== undefined && (access === 'rw' || before === 'rw'))
    throw bad(text, 'the same file is on another drive; only one may be rw, and then it is the only one');
  used.set(identity, access);
  const fd = open(option);
  files.push(fd);
  if (access === 'rw') return new WriteThroughMedium(fd, stat.size);
  return new OverlayMedium(new FileBlocks(fd, stat.size), access !== 'ro');
}

function statOf({ text, what }: DriveOption): fs.Stats {
  try {
    return fs.statSync(what);
  } catch (error) {
    throw bad(text, reason(error));
  }
}

function open({ text, what, access }: DriveOption): number {
  try {
    return fs.openSync(what, access === 'rw' ? 'r+' : 'r');
  } catch (error) {
    throw bad(text, reason(error));
  }
}

function reason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'ENOENT':
      return 'there is no such file; a blank disk is named by its size, as 8M';
    case 'ENOTDIR':
      return 'there is no such file';
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return 'no permission to open it that way';
    default:
      return code ?? message;
  }
}

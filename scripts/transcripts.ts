// The transcripts of README and docs, run again.
//   node scripts/run-ts.mjs scripts/transcripts.ts --check|--write [--slow] [FILE.md...]
// A block of code below `<!-- transcript WORDS -->` is one: its lines that begin with `$ ` are run by bash, in order, in one scratch folder per
// document, and what they print has to be what stands there. WORDS, all optional:
//   none           not run, with the reason behind it
//   slow           run with --slow only: takes minutes
//   needs=NAME     run where NAME is: shared (real kernels in ../shared/kernels, as vmlinux-fixed, vmlinux-buggy and root.ext2),
//                  debian (what `kernel debian` fetches, as debian/vmlinuz and debian/initrd.cpio), gdb, unicornjs
//   command: ...   the command to run, when the block shows another or none
// A line `[...]` or `[... words ...]` stands for any lines, `[...]` within a line for any text. Wall times are not compared, and
// this checkout's folder is left out.
// --check prints a diff and ends with 1; --write puts what is printed into the document. Blocks with `$ ` and no such comment are errors.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import zlib from 'node:zlib';

const root = process.cwd();
const sharedKernels = path.resolve(root, '../shared/kernels');
const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: { check: { type: 'boolean' }, write: { type: 'boolean' }, slow: { type: 'boolean' } },
});
if (flags.check === flags.write) {
  console.error('usage: transcripts.ts --check|--write [--slow] [FILE.md...]');
  process.exit(2);
}

/** A block of code in a document. Line numbers from 0. */
interface Block {
  /** Words of the comment above; undefined without one. */
  marker: string | undefined;
  /** Of the first line of code. */
  start: number;
  /** Code without its indent. */
  code: string[];
  indent: string;
}

function blocksOf(lines: readonly string[]): Block[] {
  const blocks: Block[] = [];
  let marker: string | undefined;
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at]!;
    if (line.startsWith('<!-- transcript')) {
      let text = line;
      while (!text.includes('-->') && at + 1 < lines.length) text += `\n${lines[++at]}`;
      marker = text.replace('<!-- transcript', '').replace('-->', '').trim();
    } else if (line.startsWith('```')) {
      const start = at + 1;
      do at++;
      while (at < lines.length && lines[at] !== '```');
      blocks.push({ marker, start, code: lines.slice(start, at), indent: '' });
      marker = undefined;
    } else if (line.startsWith('    ') && (lines[at - 1] ?? '') === '') {
      const start = at;
      while (at < lines.length && (lines[at] === '' || lines[at]!.startsWith('    '))) at++;
      while (lines[at - 1] === '') at--;
      blocks.push({ marker, start, code: lines.slice(start, at).map((text) => text.slice(4)), indent: '    ' });
      marker = undefined;
      at--;
    } else if (line !== '') marker = undefined;
  }
  return blocks;
}

/** What a block runs, and where in its code the output of each command stands. */
interface Run {
  command: string;
  from: number;
  to: number;
}

function runsOf({ code, marker = '' }: Block): Run[] {
  const runs: Run[] = [];
  for (let at = 0; at < code.length; at++) {
    if (!code[at]!.startsWith('$ ')) continue;
    let command = code[at]!.slice(2);
    while (command.endsWith('\\')) command = command.slice(0, -1) + code[++at]!;
    const next = code.findIndex((line, i) => i > at && line.startsWith('$ '));
    runs.push({ command, from: at + 1, to: next < 0 ? code.length : next });
  }
  const hidden = /\bcommand: ([\s\S]*)$/.exec(marker)?.[1];
  if (hidden === undefined) return runs;
  return [{ command: hidden, from: runs[0]?.from ?? 0, to: code.length }];
}

/** The scratch folder of a document: what its commands find there. */
function scratchFolder(): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'transcripts-'));
  for (const name of ['fixtures', 'docs', 'examples']) fs.symlinkSync(path.join(root, name), path.join(folder, name));
  return folder;
}

const PROVIDERS: Readonly<Record<string, (folder: string) => boolean>> = {
  shared(folder) {
    const at = (name: string): string => path.join(sharedKernels, name);
    if (!fs.existsSync(at('vmlinux-6.1.192-4k-buggy.gz'))) return false;
    for (const kind of ['fixed', 'buggy']) {
      const link = path.join(folder, `vmlinux-${kind}`);
      if (!fs.existsSync(link)) fs.symlinkSync(at(`vmlinux-6.1.192-4k-${kind}.gz`), link);
    }
    const disk = path.join(folder, 'root.ext2');
    if (!fs.existsSync(disk)) fs.writeFileSync(disk, zlib.gunzipSync(fs.readFileSync(at('root-be.ext2.gz'))));
    return true;
  },
  debian(folder) {
    const place = path.join(folder, 'debian');
    if (fs.existsSync(place)) return true;
    const { status, stdout } = bash('npx percpu-malta kernel debian --json 2>/dev/null', folder);
    if (status !== 0) return false;
    const made = JSON.parse(stdout) as { folder: string; kernel: string; initrd: string };
    fs.mkdirSync(place);
    const from = path.resolve(folder, made.folder);
    fs.symlinkSync(path.join(from, made.kernel), path.join(place, 'vmlinuz'));
    fs.symlinkSync(path.join(from, made.initrd), path.join(place, 'initrd.cpio'));
    return true;
  },
  gdb: (folder) => bash('command -v gdb-multiarch', folder).status === 0,
  unicornjs: () => process.env.PERCPU_MALTA_UNICORN_JS !== undefined,
};

/** `npx percpu-malta` is the program of this checkout, and npm runs its scripts. Standard error comes along, as on a terminal. */
function bash(command: string, folder: string): { status: number | null; stdout: string } {
  const cli = path.join(root, 'scripts/percpu-malta.mjs');
  const prelude = `exec 2>&1
percpu-malta() { ${JSON.stringify(process.execPath)} ${JSON.stringify(cli)} "$@"; }
npx() { "$@"; }
npm() { command npm --silent --prefix ${JSON.stringify(root)} "$@"; }
`;
  return spawnSync('bash', ['-c', prelude + command], {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    maxBuffer: 256 << 20,
    env: {
      ...process.env,
      NO_COLOR: '1',
      PERCPU_MALTA_CACHE: process.env.PERCPU_MALTA_CACHE ?? path.join(root, '.cache'),
    },
  });
}

const trimmed = (lines: readonly string[]): string[] => {
  const text = lines.map((line) => line.trimEnd());
  while (text[0] === '') text.shift();
  while (text.at(-1) === '') text.pop();
  return text;
};
const stable = (line: string): string => line.replace(/\d+(\.\d+)? s wall\b/g, '_ s wall');
const ELLIPSIS = /^\s*\[\.\.\.( .* \.\.\.)?\]$/;
const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');

function matches(expected: readonly string[], printed: readonly string[]): boolean {
  const pattern = expected.map((line) =>
    ELLIPSIS.test(line) ? '(?:.*\\n)*?' : `${stable(line).split('[...]').map(escaped).join('.*')}\\n`,
  );
  return new RegExp(`^${pattern.join('')}$`).test(printed.map((line) => `${stable(line)}\n`).join(''));
}

/**
 * What is to stand in the document. Ellipses stay: as many lines before the first and behind the last one as now, and what stands between two
 * goes where a line like its first one is printed. Undefined: somebody has to decide.
 */
function rewritten(expected: readonly string[], printed: readonly string[]): string[] | undefined {
  if (expected.some((line) => line.includes('[...]') && !ELLIPSIS.test(line))) return undefined;
  const text = [...printed];
  let [start, done] = [0, 0];
  const cuts = [...expected.keys()].filter((i) => ELLIPSIS.test(expected[i]!));
  for (const [i, cut] of cuts.entries()) {
    const length = cut - start;
    if (i > 0) {
      const like = shape(expected[start]!);
      const at = text.findIndex((line, place) => place >= done && shape(line) === like);
      if (at < 0) return undefined;
      text.splice(done, at - done);
    }
    text.splice(done + length, 0, expected[cut]!);
    done += length + 1;
    start = cut + 1;
  }
  if (cuts.length > 0) text.splice(done, text.length - done - (expected.length - start));
  return text;
}

/** A line without its numbers. */
const shape = (line: string): string => line.replace(/[0-9a-f]*\d[0-9a-f]*/g, '#');

function diff(expected: readonly string[], printed: readonly string[], folder: string): string {
  const [a, b] = ['documented', 'printed'].map((name) => path.join(folder, `.${name}`)) as [string, string];
  fs.writeFileSync(a, `${expected.join('\n')}\n`);
  fs.writeFileSync(b, `${printed.join('\n')}\n`);
  const { stdout } = spawnSync('diff', ['-u', '--label', 'documented', '--label', 'printed', a, b], {
    encoding: 'utf8',
  });
  return stdout;
}

let failed = 0;
const notTried = new Map<string, number>();

function complain(what: string): void {
  console.log(what);
  failed++;
}

/** Runs the blocks of a document. @returns its lines, with what is printed now */
function document(file: string): string[] {
  const lines = fs.readFileSync(file, 'utf8').split('\n');
  const folder = scratchFolder();
  const changes: { start: number; end: number; lines: string[] }[] = [];
  try {
    for (const block of blocksOf(lines)) {
      const where = `${file}:${block.start + 1}`;
      const runs = runsOf(block);
      if (block.marker === undefined) {
        if (runs.length > 0) complain(`${where}: a transcript without <!-- transcript --> above it`);
        continue;
      }
      const words = block.marker.split('command:')[0]!.split(/\s+/);
      if (words[0]!.startsWith('none')) continue;
      const need = words.find((word) => word.startsWith('needs='))?.slice('needs='.length);
      const lacks =
        words.includes('slow') && !flags.slow
          ? 'slow'
          : need !== undefined && !PROVIDERS[need]!(folder)
            ? `needs ${need}`
            : undefined;
      if (lacks !== undefined) {
        notTried.set(lacks, (notTried.get(lacks) ?? 0) + 1);
        continue;
      }
      for (const { command, from, to } of runs) {
        const start = process.hrtime.bigint();
        const printed = trimmed(bash(command, folder).stdout.replaceAll(`${root}/`, '').split('\n'));
        const seconds = Number(process.hrtime.bigint() - start) / 1e9;
        const expected = trimmed(block.code.slice(from, to));
        const same = matches(expected, printed);
        console.log(
          `${same ? 'ok' : flags.write ? 'changed' : 'FAILED'}: ${where}, ${seconds.toFixed(1)} s: ${command}`,
        );
        if (same) continue;
        const text = flags.write ? rewritten(expected, printed) : undefined;
        if (text === undefined) {
          complain(diff(expected, printed, folder));
          continue;
        }
        const gap = (blank: boolean): string[] => (blank ? [''] : []);
        changes.push({
          start: block.start + from,
          end: block.start + to,
          lines: [
            ...gap(block.code[from] === ''),
            ...text,
            ...gap(to < block.code.length && block.code[to - 1] === ''),
          ].map((line) => (line === '' ? '' : block.indent + line)),
        });
      }
    }
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
  for (const { start, end, lines: text } of changes.reverse()) lines.splice(start, end - start, ...text);
  return lines;
}

const files = positionals.length > 0 ? positionals : ['README.md', ...docs()];
function docs(): string[] {
  return fs
    .readdirSync('docs')
    .filter((name) => name.endsWith('.md'))
    .sort()
    .map((name) => `docs/${name}`);
}
for (const file of files) {
  const before = fs.readFileSync(file, 'utf8');
  const after = document(file).join('\n');
  if (flags.write && after !== before) fs.writeFileSync(file, after);
}
for (const [why, count] of notTried) console.log(`not tried: ${count} (${why})`);
if (failed > 0) console.log(`${failed} transcripts differ; refresh them by --write, and read what changed`);
process.exitCode = failed > 0 ? 1 : 0;

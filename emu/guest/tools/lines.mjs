// Turns `objdump --dwarf=decodedline` (stdin) into the compact line table that is committed beside the image (stdout).
//
//   f emu/guest/tlb.c      the next rows' file; files are numbered from 0 in order of appearance
//   <delta> <file> <line>  addresses from the previous row's (hexadecimal bytes) on belong to this line; file - : same
//                          file as the previous row; line 0: no line from here on
//
// Read by emu/elf/line-table.ts.
import fs from 'node:fs';

const rows = [];
let file = '';
for (const text of fs.readFileSync(0, 'utf8').split('\n')) {
  // Assembly has only the compilation unit's heading; in a C unit a file's own heading follows it.
  const heading = /^(?:CU: )?([^\s:][^:]*):(?:\[\+\+\])?$/.exec(text);
  if (heading) {
    file = heading[1];
    continue;
  }
  const row = /^\S+\s+(\d+|-)\s+0x([0-9a-f]+)/.exec(text);
  if (row)
    rows.push({ address: parseInt(row[2], 16), file, line: row[1] === '-' ? 0 : Number(row[1]), order: rows.length });
}
// Of several rows at one address the last is the innermost; an end of one unit gives way to the next one's start.
rows.sort((a, b) => a.address - b.address || Number(a.line !== 0) - Number(b.line !== 0) || a.order - b.order);
const out = [];
const files = new Map();
let last = { address: 0, file: -1, line: -1 };
rows.forEach((row, i) => {
  if (rows[i + 1]?.address === row.address) return;
  let index = last.file;
  if (row.line !== 0) {
    if (!files.has(row.file)) {
      files.set(row.file, files.size);
      out.push(`f ${row.file}`);
    }
    index = files.get(row.file);
  }
  if (index === last.file && row.line === last.line) return;
  out.push(`${(row.address - last.address).toString(16)} ${index === last.file ? '-' : index} ${row.line}`);
  last = { address: row.address, file: index, line: row.line };
});
process.stdout.write(`${out.join('\n')}\n`);

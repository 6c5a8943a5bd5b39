// Proves two things about `objdump -d` of the image (stdin), exit 1 when one does not hold:
// - no block is too long for the WebAssembly engine: unicorn.js takes entries of a table of 1024 for each instruction of a block and checks no
//   bound; 194 are taken by what every block has. What an instruction takes with a code hook on it was measured (docs/unicornjs.md),
//   rounded up here; a block ends behind a branch's delay slot.
// - no load or store sits in a delay slot (engines lose the PC there). Self tests that fault in delay slots on
//   purpose are exempt: functions named slot_*.
import fs from 'node:fs';

const MAX_WEIGHT = 830;
const BRANCH =
  /^(b|bal|beq|bne|beqz|bnez|beql|bnel|beqzl|bnezl|b[gl][et]zl?|b[gl][et]zal|bc1[tf]|j|jal|jr|jalr|j(al)?r\.hb|eret|deret|wait)$/;
const MEMORY = /^(l[bhw]u?|s[bhw]|lw[lr]|sw[lr]|ll|sc|cache|pref|l[dw]c1|s[dw]c1)$/;

/** Entries of the table, the first that matches; everything else takes 12. */
const WEIGHTS = [
  [/^([ls]w[lr]|sc)$/, 20],
  [/^ll$/, 18],
  [MEMORY, 16],
  [/^(add|addi|sub|neg|t(eq|ne|ge|lt)i?u?)$/, 16],
  [/^tlb/, 14],
];
const weigh = (op) => WEIGHTS.find(([pattern]) => pattern.test(op))?.[1] ?? 12;

let weight = 0;
let slot = false;
let name = '';
let heaviest = { weight: 0, name: '' };
const errors = [];
for (const text of fs.readFileSync(0, 'utf8').split('\n')) {
  const symbol = /^[0-9a-f]{8} <(.*)>:$/.exec(text);
  if (symbol) name = symbol[1];
  const instruction = /^([0-9a-f]{8}):\s+(\S+)/.exec(text);
  if (!instruction) continue;
  const [, address, op] = instruction;
  const before = weight;
  weight += weigh(op);
  if (weight > heaviest.weight) heaviest = { weight, name };
  if (weight > MAX_WEIGHT && before <= MAX_WEIGHT)
    errors.push(
      `${address} <${name}>: the block is too long for unicorn.js (more than ${MAX_WEIGHT}): put a branch into it`,
    );
  if (slot) {
    if (MEMORY.test(op) && !name.startsWith('slot_')) errors.push(`${address} <${name}>: ${op} in a delay slot`);
    slot = false;
    weight = 0;
  } else if (op === 'eret' || op === 'deret' || op === 'wait') weight = 0;
  else if (BRANCH.test(op)) slot = true;
}
if (heaviest.weight === 0) errors.push('no instructions on standard input');
for (const error of errors) process.stderr.write(`${error}\n`);
if (errors.length > 0) process.exit(1);
process.stdout.write(`heaviest block: ${heaviest.weight} of ${MAX_WEIGHT}, in ${heaviest.name}\n`);

// Proves two things about `objdump -d` of the image (stdin), exit 1 when one does not hold:
// - no more than 48 instructions lie between two branches (the WebAssembly engine's heap breaks on longer blocks);
// - no load or store sits in a delay slot (engines lose the PC there). Self tests that fault in delay slots on
//   purpose are exempt: functions named slot_*.
import fs from 'node:fs';

const MAX_BLOCK = 48;
const BRANCH =
  /^(b|bal|beq|bne|beqz|bnez|beql|bnel|beqzl|bnezl|b[gl][et]zl?|b[gl][et]zal|bc1[tf]|j|jal|jr|jalr|j(al)?r\.hb|eret|deret|wait)$/;
const MEMORY = /^(l[bhw]u?|s[bhw]|lw[lr]|sw[lr]|ll|sc|cache|pref|l[dw]c1|s[dw]c1)$/;

let run = 0;
let slot = false;
let name = '';
let longest = { length: 0, name: '' };
const errors = [];
for (const text of fs.readFileSync(0, 'utf8').split('\n')) {
  const symbol = /^[0-9a-f]{8} <(.*)>:$/.exec(text);
  if (symbol) name = symbol[1];
  const instruction = /^([0-9a-f]{8}):\s+(\S+)/.exec(text);
  if (!instruction) continue;
  const [, address, op] = instruction;
  run++;
  if (run > longest.length) longest = { length: run, name };
  if (run === MAX_BLOCK + 1) errors.push(`${address} <${name}>: more than ${MAX_BLOCK} instructions without a branch`);
  if (slot) {
    if (MEMORY.test(op) && !name.startsWith('slot_')) errors.push(`${address} <${name}>: ${op} in a delay slot`);
    slot = false;
    run = 0;
  } else if (op === 'eret' || op === 'deret' || op === 'wait') run = 0;
  else if (BRANCH.test(op)) slot = true;
}
if (longest.length === 0) errors.push('no instructions on standard input');
for (const error of errors) process.stderr.write(`${error}\n`);
if (errors.length > 0) process.exit(1);
process.stdout.write(`longest block: ${longest.length} instructions, in ${longest.name}\n`);

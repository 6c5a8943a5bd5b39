// One line on stderr per thing that set-up does: standard output belongs to the command that is run afterwards.
export function say(text) {
  process.stderr.write(`set-up: ${text}\n`);
}

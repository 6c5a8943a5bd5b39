// `bisect --run`: judges a commit by the exit code of a shell command, as git bisect run does (its builtin/bisect.c is the reference).
import { spawn } from 'node:child_process';
import os from 'node:os';
import { type Commit, Undecided, type Verdict } from '../experiments/bisection.js';

/** "This commit cannot be tested." */
const EXIT_SKIP = 125;
/** What a shell answers for a command that is there but cannot be run, and for one that is not there. */
const EXIT_NO_COMMAND = [126, 127];
/** From here on: ended by a signal (128 + its number), or meant to stop the bisection. */
const EXIT_ABORT = 128;

/**
 * A judge for `bisect`. The first 126 or 127 is weighed by the good commit: when that gives the same, the command is at fault and not the
 * commit; else it is a bad commit like any other.
 * @param quiet what the command prints goes to standard error
 * @throws Undecided from the judge: the command cannot be run, wants to stop, was ended by a signal, or Ctrl-C was pressed
 */
export function judgeByCommand(command: string, good: Commit, quiet: boolean): (commit: Commit) => Promise<Verdict> {
  let weighed = false;
  return async (commit) => {
    const code = await runCommand(command, commit, quiet);
    if (EXIT_NO_COMMAND.includes(code) && !weighed) {
      weighed = true;
      if ((await runCommand(command, good, quiet)) === code)
        throw new Undecided(
          `--run: exit code ${code} also at the good commit ${good.id}: the command ${code === 127 ? 'is not there' : 'cannot be run'}`,
        );
    }
    if (code === 0) return 'good';
    return code === EXIT_SKIP ? 'skip' : 'bad';
  };
}

/** @returns its exit code, 0..127 */
async function runCommand(command: string, commit: Commit, quiet: boolean): Promise<number> {
  const env = { ...process.env, PERCPU_MALTA_COMMIT: commit.id, PERCPU_MALTA_KERNEL: commit.kernel };
  let interrupted = false;
  // On a terminal Ctrl-C reaches the command as well. It is waited for, so that nothing of it goes on behind the prompt.
  const onInterrupt = (): void => {
    interrupted = true;
    child.kill('SIGINT');
  };
  // Before the command is there: it may be quicker than this process.
  process.once('SIGINT', onInterrupt);
  const child = spawn(command, { shell: true, stdio: ['ignore', quiet ? 2 : 'inherit', 'inherit'], env });
  const code = await new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status, signal) => resolve(status ?? EXIT_ABORT + os.constants.signals[signal!]));
  }).finally(() => process.off('SIGINT', onInterrupt));
  if (interrupted) throw new Undecided();
  if (code >= EXIT_ABORT) throw new Undecided(`--run: the command ended with ${endText(code)} at ${commit.id}`);
  return code;
}

function endText(code: number): string {
  const signal = Object.entries(os.constants.signals).find(([, number]) => number === code - EXIT_ABORT);
  return `exit code ${code}${signal ? `, as ${signal[0]} gives it` : ''}; 0 is good, 125 cannot tell, 1..127 is bad`;
}

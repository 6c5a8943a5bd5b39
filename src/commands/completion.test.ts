// What the shells make of the completion scripts; zsh and fish where they are installed.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const cli = fileURLToPath(new URL('../../scripts/percpu-malta.mjs', import.meta.url));
const script = (shell: string): string =>
  spawnSync(process.execPath, [cli, 'completion', shell], { encoding: 'utf8' }).stdout;
const isThere = (shell: string): boolean => spawnSync(shell, ['-c', 'true']).status === 0;

/** What bash offers for the last of these words. */
function offered(...words: string[]): string[] {
  const line = `COMP_WORDS=(percpu-malta ${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length}`;
  const { stdout, stderr } = spawnSync(
    'bash',
    ['-c', `${script('bash')}\n${line}; _percpu_malta; echo "\${COMPREPLY[*]}"`],
    {
      encoding: 'utf8',
    },
  );
  expect(stderr).toBe('');
  return stdout.split(/\s+/).filter((word) => word !== '');
}

describe('bash', () => {
  test('completes commands, options, values and arguments', () => {
    expect(offered('ex')).toEqual(['explain']);
    expect(offered('boot', '--ch')).toEqual(['--check']);
    expect(offered('boot', '--tlb', '')).toEqual(['qemu', 'hardware']);
    expect(offered('boot', '--kernel', 'f1')).toEqual(['f183324133ea']);
    expect(offered('sweep', '--seed')).toEqual(['--seeds']);
    expect(offered('completion', 'f')).toEqual(['fish']);
    expect(offered('kernel', 'de')).toEqual(['debian']);
  });

  test('leaves file names to the shell', () => {
    expect(offered('boot', '--log', '')).toEqual([]);
    expect(offered('decode', '')).toEqual([]);
  });
});

test.skipIf(!isThere('zsh'))('zsh reads its script', () => {
  const { status, stderr } = spawnSync('zsh', ['-f', '-c', `autoload -U compinit; compinit -D -u; ${script('zsh')}`], {
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});

test.skipIf(!isThere('fish'))('fish completes', () => {
  const ask = `${script('fish')}\ncomplete -C 'percpu-malta boot --tlb '`;
  const { stdout } = spawnSync('fish', ['--no-config', '-c', ask], { encoding: 'utf8' });
  expect(stdout).toMatch(/^hardware\b[^]*^qemu\b/m);
});

import { expect, test } from 'vitest';
import { otherKind } from './other-kind.js';

test.each([
  ['ops', 'Percpu Memory Statistics\nAllocation Info:\n', 'percpu_stats: percpu-malta stats FILE'],
  ['decode', ' initd-1 [000] ..... 0.2: percpu_alloc_percpu: reserved=0', 'percpu-malta replay FILE'],
  ['replay', '[    0.000000] Linux version 6.1.0 (a@b)\n', 'a console log: percpu-malta decode FILE'],
  ['decode', '{"version":"0.1.0","options":{"kernel":"6.1"', 'percpu-malta merge FILE'],
  ['decode', 'percpu-malta script 1\nseed 1\n', 'percpu-malta boot --script FILE'],
  ['replay', 'cfg bits 32\ninit boot\n', 'an operation script: percpu-malta ops FILE'],
])('%s says what else reads it', (command, text, says) => {
  expect(otherKind(text, command)).toContain(says);
});

test('of its own kind, and of nothing, a command says no more', () => {
  expect(otherKind('cfg bits 32\nfrobnicate\n', 'ops')).toBe('');
  expect(otherKind('hello\n', 'decode')).toBe('');
});

import koffi from 'koffi';
import { describe, expect, it } from 'vitest';
import { ProcessMemory } from './process-memory.js';

const PAGE = 0x1000;

/** A page with nothing mapped behind it. */
function lonelyPage(): number {
  const libc = koffi.load(null);
  const mmap = libc.func('intptr_t mmap(intptr_t at, size_t length, int prot, int flags, int fd, intptr_t offset)');
  const munmap = libc.func('int munmap(intptr_t at, size_t length)');
  const [PROT_READ, MAP_PRIVATE_ANONYMOUS] = [1, 0x22];
  const at = Number(mmap(0, 2 * PAGE, PROT_READ, MAP_PRIVATE_ANONYMOUS, -1, 0));
  munmap(at + PAGE, PAGE);
  return at;
}

describe.runIf(process.platform === 'linux')('what is read of this process', () => {
  const memory = new ProcessMemory(0, 0);

  it('ends where nothing is mapped, and not earlier', () => {
    const page = lonelyPage();
    expect(memory.read(page, 4 * PAGE)).toHaveLength(PAGE);
    expect(memory.read(page + 8, 2 * PAGE)).toHaveLength(PAGE - 8);
    expect(memory.read(page + PAGE - 100, 200)).toHaveLength(100);
    expect(memory.read(page + PAGE, 4)).toHaveLength(0);
  });
});

// libunicorn 2.1.x and unicorn.js overrun a table of their code generator when a block of instructions is too long, and the blocks of kernels
// are as long as their compilers make them. The engine itself can be told how many instructions the next block that it looks up may have:
// cflags_next_tb of QEMU's CPUState (accel/tcg/cpu-exec.c), with the count in its low bits. Where that word is, is found by trying.
import { type EngineLibrary, HOOK, type HostMemory, REG } from '../unicorn/engine.js';
import { STATUS_START } from './cp0.js';
import { pointer, tlbPath, wordsAt } from './tlb-view.js';

/** Instructions of a block, at most: 42 of the heaviest kind fit (emu/guest/tools/check-blocks.mjs). As MOST_INSTRUCTIONS in shim.c. */
export const MOST_INSTRUCTIONS = 40;

/** Words of CPUState that are looked at, from its start. */
const WORDS = 0x200;
const NOTHING = 0xffff_ffff;
const RAM = 1 << 20;
const CODE = 0x8000_1000;
const SPACING = 0x100;
const [TRIED, LENGTH] = [3, 16];

const known = new WeakMap<EngineLibrary, number | undefined>();

/** Host address of the word for a guest of `library`; undefined when it cannot be told. Write it before each block. */
export function blockFlags(library: EngineLibrary, host: HostMemory): number | undefined {
  if (!known.has(library)) known.set(library, search(library));
  const offset = known.get(library);
  return offset === undefined ? undefined : cpuOf(library, host) + offset;
}

function cpuOf(library: EngineLibrary, host: HostMemory): number {
  return pointer(host, host.engineAddress + tlbPath(library)!.cpu);
}

/** Writes a small count into each word that could be it, until a straight line of nops is cut there. */
function search(library: EngineLibrary): number | undefined {
  if (!tlbPath(library)) return undefined;
  const engine = library.open();
  try {
    engine.mem_map_ram(0, RAM);
    engine.reg_write_i32(REG.CP0_STATUS, STATUS_START);
    const blocks: number[] = [];
    engine.hook_add(HOOK.BLOCK, (address) => void blocks.push(address));
    const cpu = cpuOf(library, engine.host);
    const words = wordsAt(engine.host, cpu, WORDS);
    for (let k = 0, code = CODE; k < words.length; k++) {
      if (words[k] !== NOTHING) continue;
      code += SPACING;
      blocks.length = 0;
      const word = engine.host.words(cpu + 4 * k, 1);
      word[0] = TRIED;
      engine.emu_start(code, code + 4 * LENGTH, 0, 0);
      engine.host.words(cpu + 4 * k, 1)[0] = NOTHING;
      if (blocks[0] === code && blocks[1] === code + 4 * TRIED) return 4 * k;
    }
    return undefined;
  } finally {
    engine.close();
  }
}

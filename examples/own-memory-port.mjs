// The kernel's per-CPU allocator on a memory of one's own: this one is a bump allocator of addresses that counts pages. No engine needed.
//   node examples/own-memory-port.mjs
import { embedFirstChunk, PercpuAllocator, VARIANTS } from 'percpu-malta/percpu';

const PAGE = 4096;
// one CPU of 32-bit MIPS: as the kernel's boot line has it, "percpu: Embedded 13 pages/cpu s31520 r0 d21728 u53248"
const machine = {
  ...{ bits: 32, pageShift: 12, cpus: 1, nodes: [], thisCpu: 0 },
  ...{ staticStart: 0x809d8000n, vmallocStart: 0xc0000000n, vmallocEnd: 0xfffcd000n },
};
const { info, base } = embedFirstChunk(machine, 31520, 0, 20480, PAGE, () => 0x81000000);

let populated = 0;
let flushes = 0;
let next = 0xf0000000;
const memory = {
  allocMetadata: () => true,
  createArea: () => (next -= info.allocSize),
  destroyArea: () => {},
  populate: (_chunk, start, end) => ((populated += end - start), true),
  depopulate: (_chunk, start, end) => void (populated -= end - start),
  flush: () => void flushes++,
  zero: () => {},
};

const percpu = new PercpuAllocator(machine, VARIANTS.fixed, info, base, memory);
percpu.asyncEnabled = true;
const areas = [];
for (let i = 0; i < 1000; i++) {
  const offset = percpu.alloc(192, 8);
  areas.push([percpu.lastChunk, offset]);
  percpu.runBalanceWork();
}
console.log(`1000 areas of 192 bytes: ${populated} pages in use beside the first chunk`);
// every second one goes: pages stay in use
areas.filter((_, i) => i % 2 === 0).forEach(([chunk, offset]) => percpu.free(chunk, offset));
percpu.runBalanceWork();
console.log(`half of them freed: ${populated} pages`);
areas.filter((_, i) => i % 2 === 1).forEach(([chunk, offset]) => percpu.free(chunk, offset));
percpu.runBalanceWork();
console.log(`all of them freed: ${populated} pages, the TLB was flushed ${flushes} times`);

// The shape of a kernel's per-CPU areas, as its boot log has it:
//   percpu: Embedded 13 pages/cpu s31520 r0 d21728 u53248      (before 4.13: "PERCPU: Embedded 10 pages/cpu @c7ee9000 s18432 ...")
//   percpu: 13 4K pages/cpu s31520 r0 d21728                   (page by page instead of embedded)
//   pcpu-alloc: s31520 r0 d21728 u53248 alloc=13*4096          (the atom), then one line with the CPUs of every group:
//   pcpu-alloc: [0] 0 1 2 3 [1] 4 5 6 7

/** What is known of it; sizes in bytes, undefined where nothing says. */
export interface BootGeometry {
  staticSize?: number;
  reservedSize?: number;
  dynSize?: number;
  unitSize?: number;
  pageSize?: number;
  atomSize?: number;
  cpus?: number;
}

const SIZES = /\bs(\d+) r(\d+) d(\d+)(?: u(\d+))?/;
const PAGES = /\b(?:Embedded )?(\d+)(?: (\d+)K)? pages\/cpu\b/i;
const ATOM = /\balloc=(\d+)\*(\d+)/;
const GROUPS = /pcpu-alloc:((?: *(?:\[\d+\])(?: (?:\d+|-+))+)+)/;
const CPU_IDS = /\bnr_cpu_ids:(\d+)/;

/** Takes into `known` what a line of a boot log, or an option, says. @returns whether it said anything */
export function readGeometry(line: string, known: BootGeometry): boolean {
  const sizes = /pages\/cpu|pcpu-alloc|^\W*s\d+ r\d+ d\d+/i.test(line) ? SIZES.exec(line) : null;
  const groups = GROUPS.exec(line);
  const ids = CPU_IDS.exec(line);
  if (sizes !== null) {
    known.staticSize = Number(sizes[1]);
    known.reservedSize = Number(sizes[2]);
    known.dynSize = Number(sizes[3]);
    const sum = known.staticSize + known.reservedSize + known.dynSize;
    const pages = PAGES.exec(line);
    if (pages !== null) known.pageSize = pages[2] === undefined ? sum / Number(pages[1]) : Number(pages[2]) * 1024;
    if (sizes[4] !== undefined) known.unitSize = Number(sizes[4]);
    else if (pages !== null) known.unitSize = Number(pages[1]) * known.pageSize!;
    const atom = ATOM.exec(line);
    if (atom !== null) known.atomSize = Number(atom[2]);
  }
  if (groups !== null) {
    const cpus = groups[1]!.match(/(?<!\[)\b\d+\b(?!\])/g)?.length ?? 0;
    if (cpus > 0) known.cpus = (known.cpus ?? 0) + cpus;
  }
  if (ids !== null && known.cpus === undefined) known.cpus = Number(ids[1]);
  return sizes !== null || groups !== null || ids !== null;
}

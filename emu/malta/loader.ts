// Puts a kernel into RAM and hands over to it as QEMU 7.2's Malta loader does (hw/mips/malta.c, read there at the kernel's
// entry): YAMON's boot protocol with argument and environment pointers in one table.
import type { KernelImage } from '../elf/kernel-image.js';
import { UsageError } from '../errors.js';
import { KSEG0, physical } from './memory-map.js';

/** The table of pointers, physical. a1 points to it, a2 to its third word. */
const BOOT_TABLE = 0x2000;
/** Strings follow the table's 16 words. */
const BOOT_STRINGS = BOOT_TABLE + 0x40;
const STACK = BOOT_TABLE - 0x40;
/** The name of the table's first string: QEMU has the kernel's file name there. */
const KERNEL_NAME = 'vmlinux';
/** Linux keeps this much of a command line on MIPS, its end included. */
const COMMAND_LINE_SIZE = 4096;
/** An initrd ends this far below the end of RAM, or further, and starts at a multiple of it. */
const INITRD_ALIGN = 0x1_0000;
const MB = 2 ** 20;

/** Status at the entry: BEV; ERL, which the CPU comes up with, is clear. */
const STATUS_BEV = 0x0040_0000;

const [A0, A1, A2, A3, SP] = [4, 5, 6, 7, 29];

export interface BootOptions {
  readonly kernel: KernelImage;
  /** The board's RAM, all zeros. */
  readonly ram: Uint8Array;
  /** What --append gives; `rd_start` and `rd_size` are put before it. */
  readonly commandLine?: string;
  readonly initrd?: Uint8Array;
  /** Entropy for the kernel's random number generator; left out of the environment when not given. */
  readonly rngSeed?: Uint8Array;
}

/** The CPU at the kernel's first instruction. */
export interface BootState {
  readonly pc: number;
  /** General registers 0 .. 31. */
  readonly gpr: readonly number[];
  readonly status: number;
  /** As the kernel gets it. */
  readonly commandLine: string;
  /** Physical address of the initrd. */
  readonly initrd?: number;
}

/** @throws UsageError when something does not fit, in one line */
export function loadKernel({ kernel, ram, commandLine = '', initrd, rngSeed }: BootOptions): BootState {
  const end = loadSegments(kernel, ram);
  const initrdAt = initrd ? placeInitrd(initrd, ram, end) : undefined;
  const line =
    initrd && initrdAt !== undefined
      ? // As QEMU prints the kseg0 address: sign-extended to 64 bits.
        `rd_start=0xffffffff${(KSEG0 + initrdAt).toString(16)} rd_size=${initrd.length} ${commandLine}`
      : commandLine;
  const memory = String(ram.length);
  const strings = [
    ...[KERNEL_NAME, line],
    ...['memsize', memory, 'ememsize', memory, 'modetty0', '38400n8r'],
    ...(rngSeed ? ['rngseed', Array.from(rngSeed, (byte) => byte.toString(16).padStart(2, '0')).join('')] : []),
  ];
  writeBootTable(kernel, ram, strings);
  const gpr = new Array<number>(32).fill(0);
  gpr[A0] = 2; // arguments: the name and the line
  gpr[A1] = KSEG0 + BOOT_TABLE;
  gpr[A2] = KSEG0 + BOOT_TABLE + 8;
  gpr[A3] = ram.length;
  gpr[SP] = KSEG0 + STACK;
  return {
    pc: kernel.entry,
    gpr,
    status: STATUS_BEV,
    commandLine: line,
    ...(initrdAt === undefined ? {} : { initrd: initrdAt }),
  };
}

/** @returns the first physical address behind the kernel */
function loadSegments(kernel: KernelImage, ram: Uint8Array): number {
  let end = 0;
  for (const { loadAddress, memorySize } of kernel.segments) end = Math.max(end, physical(loadAddress) + memorySize);
  if (end > ram.length)
    throw new UsageError(
      `${kernel.source}: the kernel does not fit into ${ram.length / MB} MB of RAM: it ends at ${Math.ceil(end / MB)} MB (--memory)`,
    );
  for (const { loadAddress, bytes, memorySize } of kernel.segments) {
    const at = physical(loadAddress);
    ram.set(bytes, at);
    ram.fill(0, at + bytes.length, at + memorySize);
  }
  return end;
}

function placeInitrd(initrd: Uint8Array, ram: Uint8Array, kernelEnd: number): number {
  const highest = ram.length - initrd.length - INITRD_ALIGN;
  const at = highest - (highest & (INITRD_ALIGN - 1));
  if (highest < 0 || at < kernelEnd)
    throw new UsageError(
      `the initrd of ${initrd.length} bytes does not fit between the kernel's end at ${(kernelEnd / MB).toFixed(1)} MB and the end of RAM at ${ram.length / MB} MB (--memory)`,
    );
  ram.set(initrd, at);
  return at;
}

function writeBootTable(kernel: KernelImage, ram: Uint8Array, strings: readonly string[]): void {
  const encoded = strings.map((text) => new TextEncoder().encode(text));
  if (encoded[1].length >= COMMAND_LINE_SIZE)
    throw new UsageError(
      `the command line has ${encoded[1].length} bytes; kernels take ${COMMAND_LINE_SIZE - 1}: shorten --append`,
    );
  const end = encoded.reduce((sum, bytes) => sum + bytes.length + 1, BOOT_STRINGS);
  for (const { loadAddress, memorySize } of kernel.segments) {
    const at = physical(loadAddress);
    if (at < end && at + memorySize > STACK)
      throw new UsageError(
        `${kernel.source}: the kernel lies at physical 0x${at.toString(16)}, on the boot loader's table at 0x${BOOT_TABLE.toString(16)}`,
      );
  }
  const view = new DataView(ram.buffer, ram.byteOffset, ram.byteLength);
  let at = BOOT_STRINGS;
  encoded.forEach((bytes, i) => {
    view.setUint32(BOOT_TABLE + 4 * i, KSEG0 + at, !kernel.bigEndian);
    ram.set(bytes, at);
    at += bytes.length + 1;
  });
}

// The 2 KB answer to CTRL_GET_INFO. Field offsets are those of Linux's struct megasas_ctrl_info; values are what a
// QEMU megasas controller reports, which is what the ground-truth consoles print.

import { MFI_MAX_LD } from './mfi.js';

export const CTRL_INFO_SIZE = 0x800;

export const PCI_VENDOR_LSI = 0x1000;
export const PCI_DEVICE_SAS1078R = 0x0060;
export const PCI_SUBSYSTEM_8708EM2 = 0x1013;

/** Product of the first-generation controller the model presents. */
export const PRODUCT_NAME = 'LSI MegaRAID SAS 8708EM2';
const SERIAL_NUMBER = 'QEMU123456';

/** Largest transfer, in blocks; QEMU reports no real limit. */
const MAX_REQUEST_BLOCKS = 0xffff;
const CACHE_MEMORY_MB = 512;

/** @param maxCommands command limit @param maxSge elements in a frame's list @param targets targets with a disk */
export function controllerInfo(maxCommands: number, maxSge: number, targets: readonly number[]): Uint8Array {
  const info = new Uint8Array(CTRL_INFO_SIZE);
  const view = new DataView(info.buffer);
  const put16 = (offset: number, value: number): void => view.setUint16(offset, value, true);
  const put32 = (offset: number, value: number): void => view.setUint32(offset, value, true);
  const text = (offset: number, value: string): void => info.set(new TextEncoder().encode(value), offset);

  put16(0x000, PCI_VENDOR_LSI);
  put16(0x002, PCI_DEVICE_SAS1078R);
  put16(0x004, PCI_VENDOR_LSI);
  put16(0x006, PCI_SUBSYSTEM_8708EM2);
  info[0x020] = 0x02; // host interface: PCI Express
  info[0x068] = 0x02; // device interface: SAS 3G
  info[0x06f] = 8; // its ports; the first eight drives' addresses follow
  targets.slice(0, 8).forEach((target, port) => view.setBigUint64(0x070 + 8 * port, sasAddress(target), true));
  put32(0x0b4, 1); // one image component in flash
  text(0x0b8, 'APP');
  text(0x0c0, '1.70-QEMU');
  text(0x0e0, 'Apr  1 2014');
  text(0x0f0, '12:34:56');
  info[0x53c] = 32; // arms
  info[0x53d] = 8; // spans
  info[0x53e] = 128; // arrays
  info[0x53f] = MFI_MAX_LD;
  text(0x540, PRODUCT_NAME);
  text(0x590, SERIAL_NUMBER);
  put32(0x5b0, 0x34); // NVRAM, memory, flash
  put16(0x5b8, maxCommands);
  put16(0x5ba, maxSge);
  put32(0x5bc, MAX_REQUEST_BLOCKS);
  put16(0x5c0, targets.length); // logical drives
  put16(0x5c6, targets.length); // physical drives
  put16(0x5c8, targets.length); // of them disks
  put16(0x5ce, 32); // NVRAM, KB
  put16(0x5d0, CACHE_MEMORY_MB);
  put16(0x5d2, 16); // flash, MB
  put16(0x5da, maxSge); // strips in one request
  put32(0x5dc, 0x01); // RAID 0
  put32(0x5e0, 0x3001); // rebuild rate, self diagnostic, mixed array
  put32(0x5e4, 0x1f); // all policies of a logical drive
  info[0x5e8] = 3; // strip size, log2 of blocks: least
  info[0x5e9] = 16; // and most
  put32(0x5ec, 0x03); // force drives on line, off line
  put32(0x5f0, 0x0b); // SAS and SATA drives, mixed
  put16(0x602, 300); // predictive failure poll interval, s
  put16(0x604, 16); // interrupt throttle: count
  put16(0x606, 50); // and time, us
  info.fill(30, 0x608, 0x60d); // rebuild, patrol, background, consistency, reconstruction rates, percent
  info[0x60d] = 4; // cache flush interval, s
  info[0x60e] = 2; // drives spun up together
  info[0x60f] = 6; // delay between them, s
  info[0x615] = 15; // ECC bucket size
  put16(0x616, 1440); // and leak rate, minutes
  info[0x619] = 1; // expose enclosure devices
  put32(0x620, 1 << 13); // JBOD can be enabled; on-line controller reset is not disabled (bit 10)
  text(0x640, '7.2-QEMU');
  return info;
}

/** Address of a drive behind the controller: a SATA address with the drive's device id (target in bits 15..8) in it. */
export function sasAddress(target: number): bigint {
  return (0x1221n << 48n) | (BigInt(target << 8) << 24n);
}

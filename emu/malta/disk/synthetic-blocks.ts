// What is on a synthetic disk, computed from the block's number alone: an ext2 superblock where a root file system has
// one, zeros in the boot sectors before it, and a repeatable pattern in the rest.

import { BLOCK_SIZE, type BlockSource } from './medium.js';

const EXT2_MAGIC = 0xef53;
const SUPERBLOCK_LBA = 2;
const FS_BLOCK_SIZE = 1024;
const INODES = 1024;

/** A fresh disk of `blocks` blocks; `drive` tells the disks of a machine apart. */
export function syntheticBlocks(drive: number, blocks: number): BlockSource {
  return { blocks, read: (lba) => initialBlock(drive, blocks, lba) };
}

/** Contents of block `lba` of a fresh disk of `blocks` blocks; `drive` tells the disks of a machine apart. */
function initialBlock(drive: number, blocks: number, lba: number): Uint8Array {
  const data = new Uint8Array(BLOCK_SIZE);
  if (lba === SUPERBLOCK_LBA) fillSuperblock(data, drive, blocks);
  else if (lba > SUPERBLOCK_LBA + 1) fillPattern(data, drive, lba);
  return data;
}

/** First half of the superblock at byte 1024 (offsets: ext2_fs.h): enough for a mount to know and like it. */
function fillSuperblock(data: Uint8Array, drive: number, blocks: number): void {
  const view = new DataView(data.buffer);
  const fsBlocks = Math.floor((blocks * BLOCK_SIZE) / FS_BLOCK_SIZE);
  view.setUint32(0x00, INODES, true);
  view.setUint32(0x04, fsBlocks, true);
  view.setUint32(0x0c, Math.floor(fsBlocks / 2), true); // free blocks
  view.setUint32(0x10, INODES - 64, true); // free inodes
  view.setUint32(0x14, 1, true); // first data block (1 KB blocks)
  view.setUint32(0x18, 0, true); // log2(block size / 1024)
  view.setUint32(0x20, 8192, true); // blocks per group
  view.setUint32(0x28, INODES, true); // inodes per group
  view.setUint16(0x36, 0xffff, true); // no check after a number of mounts
  view.setUint16(0x38, EXT2_MAGIC, true);
  view.setUint16(0x3a, 1, true); // state: clean
  view.setUint32(0x4c, 1, true); // revision 1
  view.setUint32(0x54, 11, true); // first usable inode
  view.setUint16(0x58, 128, true); // inode size
  data.set(new TextEncoder().encode(drive === 0 ? 'root' : `data${drive}`), 0x78);
}

function fillPattern(data: Uint8Array, drive: number, lba: number): void {
  const view = new DataView(data.buffer);
  let x = (Math.imul(lba, 0x9e3779b1) ^ Math.imul(drive + 1, 0x85ebca6b)) >>> 0 || 1;
  for (let offset = 0; offset < BLOCK_SIZE; offset += 4) {
    // xorshift32 (Marsaglia)
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    view.setUint32(offset, x >>> 0, false);
  }
}

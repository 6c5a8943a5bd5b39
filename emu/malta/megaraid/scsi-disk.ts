// A SCSI disk as QEMU's scsi-hd shows itself behind the controller: the commands a kernel sends while it scans, sizes
// and reads a disk. Anything else ends in CHECK CONDITION with fixed-format sense data (SPC-3, SBC-3).

import { BLOCK_SIZE, type Medium, type MediumState } from '../disk/medium.js';
import { vitalProductData } from './scsi-vpd.js';

export const SCSI_GOOD = 0x00;
export const SCSI_CHECK_CONDITION = 0x02;
export const SCSI_BUSY = 0x08;

/** Sense key, additional sense code and qualifier. */
export interface Sense {
  readonly key: number;
  readonly asc: number;
  readonly ascq: number;
}

export const SENSE_NO_SENSE: Sense = { key: 0x0, asc: 0x00, ascq: 0x00 };
export const SENSE_NO_MEDIUM: Sense = { key: 0x2, asc: 0x3a, ascq: 0x00 };
export const SENSE_UNRECOVERED_READ: Sense = { key: 0x3, asc: 0x11, ascq: 0x00 };
export const SENSE_WRITE_FAULT: Sense = { key: 0x3, asc: 0x03, ascq: 0x00 };
export const SENSE_WRITE_PROTECTED: Sense = { key: 0x7, asc: 0x27, ascq: 0x00 };
export const SENSE_TARGET_FAILURE: Sense = { key: 0x4, asc: 0x44, ascq: 0x00 };
export const SENSE_INVALID_OPCODE: Sense = { key: 0x5, asc: 0x20, ascq: 0x00 };
export const SENSE_LBA_OUT_OF_RANGE: Sense = { key: 0x5, asc: 0x21, ascq: 0x00 };
export const SENSE_INVALID_FIELD: Sense = { key: 0x5, asc: 0x24, ascq: 0x00 };
export const SENSE_LUN_NOT_SUPPORTED: Sense = { key: 0x5, asc: 0x25, ascq: 0x00 };
const SENSE_SAVING_NOT_SUPPORTED: Sense = { key: 0x5, asc: 0x39, ascq: 0x00 };

/** Fixed-format sense data, 18 bytes. `responseCode` 0x70, or 0xf0 with the VALID bit the controller sets on its own. */
export function fixedSense(sense: Sense, responseCode: number): Uint8Array {
  const data = new Uint8Array(18);
  data[0] = responseCode;
  data[2] = sense.key;
  data[7] = 10;
  data[12] = sense.asc;
  data[13] = sense.ascq;
  return data;
}

/** Outcome of one command: data for the initiator, or the sense that goes with CHECK CONDITION. */
export type ScsiResult = { readonly data: Uint8Array } | { readonly sense: Sense };

const NOTHING: ScsiResult = { data: new Uint8Array(0) };

const TEST_UNIT_READY = 0x00;
const REQUEST_SENSE = 0x03;
const INQUIRY = 0x12;
const MODE_SENSE_6 = 0x1a;
const START_STOP_UNIT = 0x1b;
const READ_CAPACITY_10 = 0x25;
const SYNCHRONIZE_CACHE_10 = 0x35;
const MODE_SENSE_10 = 0x5a;
const SERVICE_ACTION_IN_16 = 0x9e;
const SAI_READ_CAPACITY_16 = 0x10;
const REPORT_LUNS = 0xa0;

/** First block, number of blocks and direction of a read or write, from its 6, 10, 12 or 16 byte CDB. */
function blockTransfer(cdb: Uint8Array): { write: boolean; lba: number; count: number } | undefined {
  const view = new DataView(cdb.buffer, cdb.byteOffset, cdb.byteLength);
  const write = (cdb[0] & 0x02) !== 0;
  switch (cdb[0]) {
    case 0x08:
    case 0x0a:
      // A count of 0 means 256 in the 6-byte form only.
      return { write, lba: view.getUint32(0) & 0x1fffff, count: cdb[4] || 256 };
    case 0x28:
    case 0x2a:
      return { write, lba: view.getUint32(2), count: view.getUint16(7) };
    case 0xa8:
    case 0xaa:
      return { write, lba: view.getUint32(2), count: view.getUint32(6) };
    case 0x88:
    case 0x8a:
      return { write, lba: view.getUint32(2) * 2 ** 32 + view.getUint32(6), count: view.getUint32(10) };
    default:
      return undefined;
  }
}

/** True for commands that wait for the medium, not only for the drive's electronics. */
export function touchesMedium(cdb: Uint8Array): boolean {
  return cdb[0] === SYNCHRONIZE_CACHE_10 || blockTransfer(cdb) !== undefined;
}

/** Commands that need a medium in the drive. */
const NEEDS_MEDIUM = new Set([
  TEST_UNIT_READY,
  START_STOP_UNIT,
  SYNCHRONIZE_CACHE_10,
  READ_CAPACITY_10,
  SERVICE_ACTION_IN_16,
]);

/** Reads and writes that were carried out, since power-on. */
export interface DiskTraffic {
  readonly reads: number;
  readonly writes: number;
  readonly blocksRead: number;
  readonly blocksWritten: number;
}

export interface ScsiDiskState {
  readonly traffic: DiskTraffic;
  readonly medium: MediumState | null;
}

export class ScsiDisk {
  #traffic = { reads: 0, writes: 0, blocksRead: 0, blocksWritten: 0 };

  /** @param drive number that tells the disks of a machine apart @param medium undefined: an empty drive */
  constructor(
    readonly drive: number,
    readonly medium: Medium | undefined,
  ) {}

  /** Capacity in 512-byte blocks; 0 without a medium. */
  get blocks(): number {
    return this.medium?.blocks ?? 0;
  }

  get traffic(): DiskTraffic {
    return { ...this.#traffic };
  }

  /**
   * Runs one command on logical unit `lun`.
   * @param cdb 16 bytes, zero padded
   * @param limit bytes the initiator has room for (reads) or offers (writes)
   * @param dataOut fetches the initiator's data; called for writes only
   */
  execute(lun: number, cdb: Uint8Array, limit: number, dataOut: (length: number) => Uint8Array): ScsiResult {
    const view = new DataView(cdb.buffer, cdb.byteOffset, cdb.byteLength);
    const clip = (data: Uint8Array, allocation: number): ScsiResult => ({
      data: data.subarray(0, Math.min(data.length, allocation, limit)),
    });
    if (cdb[0] === INQUIRY) return this.#inquiry(lun, cdb, (data) => clip(data, view.getUint16(3)));
    if (cdb[0] === REPORT_LUNS) {
      const list = new Uint8Array(16); // one entry: LUN 0
      list[3] = 8;
      return view.getUint32(6) < 16 ? { sense: SENSE_INVALID_FIELD } : clip(list, view.getUint32(6));
    }
    if (lun !== 0) return { sense: SENSE_LUN_NOT_SUPPORTED };
    const transfer = blockTransfer(cdb);
    if (!this.medium && (transfer || NEEDS_MEDIUM.has(cdb[0]))) return { sense: SENSE_NO_MEDIUM };
    if (transfer) {
      if (!transfer.write) return this.read(transfer.lba, transfer.count, limit);
      const length = transfer.count * BLOCK_SIZE;
      if (length > limit) return { sense: SENSE_INVALID_FIELD };
      return this.write(transfer.lba, transfer.count, dataOut);
    }
    switch (cdb[0]) {
      case TEST_UNIT_READY:
      case START_STOP_UNIT:
      case SYNCHRONIZE_CACHE_10:
        return NOTHING;
      case REQUEST_SENSE:
        return clip(fixedSense(SENSE_NO_SENSE, 0x70), cdb[4]);
      case MODE_SENSE_6:
        return this.#modeSense(cdb, 4, (data) => clip(data, cdb[4]));
      case MODE_SENSE_10:
        return this.#modeSense(cdb, 8, (data) => clip(data, view.getUint16(7)));
      case READ_CAPACITY_10: {
        const answer = new DataView(new ArrayBuffer(8));
        answer.setUint32(0, Math.min(this.blocks - 1, 0xffffffff));
        answer.setUint32(4, BLOCK_SIZE);
        return clip(new Uint8Array(answer.buffer), 8);
      }
      case SERVICE_ACTION_IN_16: {
        if ((cdb[1] & 0x1f) !== SAI_READ_CAPACITY_16) return { sense: SENSE_INVALID_FIELD };
        const answer = new DataView(new ArrayBuffer(32));
        answer.setBigUint64(0, BigInt(this.blocks - 1));
        answer.setUint32(8, BLOCK_SIZE);
        return clip(new Uint8Array(answer.buffer), view.getUint32(10));
      }
      default:
        return { sense: SENSE_INVALID_OPCODE };
    }
  }

  /** Reads `count` blocks from `lba`, at most `limit` bytes of them. */
  read(lba: number, count: number, limit: number): ScsiResult {
    if (!this.medium) return { sense: SENSE_NO_MEDIUM };
    if (lba + count > this.blocks) return { sense: SENSE_LBA_OUT_OF_RANGE };
    const data = new Uint8Array(Math.min(count * BLOCK_SIZE, limit));
    for (let offset = 0; offset < data.length; offset += BLOCK_SIZE) {
      const block = this.medium.read(lba + offset / BLOCK_SIZE);
      if (!block) return { sense: SENSE_UNRECOVERED_READ };
      data.set(block.subarray(0, Math.min(BLOCK_SIZE, data.length - offset)), offset);
    }
    this.#traffic.reads++;
    this.#traffic.blocksRead += count;
    return { data };
  }

  /** Writes `count` blocks at `lba`. Nothing is fetched or written when the range leaves the disk. */
  write(lba: number, count: number, dataOut: (length: number) => Uint8Array): ScsiResult {
    if (!this.medium) return { sense: SENSE_NO_MEDIUM };
    if (!this.medium.writable) return { sense: SENSE_WRITE_PROTECTED };
    if (lba + count > this.blocks) return { sense: SENSE_LBA_OUT_OF_RANGE };
    const data = dataOut(count * BLOCK_SIZE);
    for (let i = 0; i < count; i++) {
      const written = this.medium.write(lba + i, data.subarray(i * BLOCK_SIZE, (i + 1) * BLOCK_SIZE));
      if (!written) return { sense: SENSE_WRITE_FAULT };
    }
    this.#traffic.writes++;
    this.#traffic.blocksWritten += count;
    return NOTHING;
  }

  state(): ScsiDiskState {
    return { traffic: this.traffic, medium: this.medium?.state() ?? null };
  }

  restore({ traffic, medium }: ScsiDiskState): void {
    this.#traffic = { ...traffic };
    if (medium) this.medium?.restore(medium);
  }

  #inquiry(lun: number, cdb: Uint8Array, answer: (data: Uint8Array) => ScsiResult): ScsiResult {
    if ((cdb[1] & 0x01) !== 0) {
      if (lun !== 0) return { sense: SENSE_INVALID_FIELD };
      const page = vitalProductData(cdb[2], this.drive);
      return page ? answer(page) : { sense: SENSE_INVALID_FIELD };
    }
    if (cdb[2] !== 0) return { sense: SENSE_INVALID_FIELD };
    const data = new Uint8Array(36);
    if (lun !== 0)
      data[0] = 0x7f; // no such logical unit
    else if (!this.medium) data[1] = 0x80; // removable
    data[2] = 5; // SPC-3
    data[3] = 0x12; // hierarchical LUNs, response format 2
    data[4] = 31; // bytes after this one
    data[7] = 0x12; // wide bus, tagged commands
    data.set(new TextEncoder().encode('QEMU    QEMU HARDDISK   2.5+'), 8);
    return answer(data);
  }

  /** @param headerSize 4 for MODE SENSE (6), 8 for MODE SENSE (10) */
  #modeSense(cdb: Uint8Array, headerSize: 4 | 8, answer: (data: Uint8Array) => ScsiResult): ScsiResult {
    const control = cdb[2] >> 6;
    const wanted = cdb[2] & 0x3f;
    if (control === 3) return { sense: SENSE_SAVING_NOT_SUPPORTED };
    const pages = (wanted === 0x3f ? [0x01, 0x04, 0x05, 0x08] : [wanted]).map((page) => this.#modePage(page, control));
    if (pages.some((page) => page === undefined)) return { sense: SENSE_INVALID_FIELD };

    const descriptor = new DataView(new ArrayBuffer((cdb[1] & 0x08) !== 0 || !this.medium ? 0 : 8));
    if (descriptor.byteLength > 0) {
      descriptor.setUint32(0, this.blocks > 0xffffff ? 0 : this.blocks);
      descriptor.setUint32(4, BLOCK_SIZE);
    }
    const parts = [new Uint8Array(headerSize), new Uint8Array(descriptor.buffer), ...pages.map((page) => page!)];
    const data = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    parts.reduce((offset, part) => (data.set(part, offset), offset + part.length), 0);
    // Header: length of what follows it, medium type, device-specific byte (write protect, no DPO/FUA), descriptor length.
    const writeProtect = this.medium && !this.medium.writable ? 0x80 : 0;
    if (headerSize === 4) {
      data[0] = data.length - 1;
      data[2] = writeProtect;
      data[3] = descriptor.byteLength;
    } else {
      data[1] = data.length - 2;
      data[3] = writeProtect;
      data[7] = descriptor.byteLength;
    }
    return answer(data);
  }

  /** @param control 0 current values, 1 mask of the changeable ones, 2 defaults */
  #modePage(page: number, control: number): Uint8Array | undefined {
    const heads = 16;
    const sectors = 63;
    const cylinders = Math.max(1, Math.floor(this.blocks / (heads * sectors)));
    const make = (length: number, fill: (view: DataView) => void): Uint8Array => {
      const data = new Uint8Array(2 + length);
      data[0] = page;
      data[1] = length;
      if (control !== 1) fill(new DataView(data.buffer));
      return data;
    };
    switch (page) {
      case 0x01: // read-write error recovery: automatic reallocation on writes
        return make(10, (view) => view.setUint8(2, 0x80));
      case 0x04: // rigid disk geometry
        return make(22, (view) => {
          view.setUint16(3, cylinders);
          view.setUint8(5, heads);
          view.setUint16(20, 5400); // rpm
        });
      case 0x05: // flexible disk, kept for old systems
        return make(30, (view) => {
          view.setUint16(2, 5000); // kbit/s
          view.setUint8(4, heads);
          view.setUint8(5, sectors);
          view.setUint16(6, BLOCK_SIZE);
          view.setUint16(8, cylinders);
          view.setUint16(28, 5400);
        });
      case 0x08: // caching: write cache on, read cache on
        return make(18, (view) => view.setUint8(2, 0x04));
      default:
        return undefined;
    }
  }
}

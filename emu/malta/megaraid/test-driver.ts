// A driver in TypeScript for the tests: pokes registers and builds frames in RAM as a real one does.

import { OverlayMedium } from '../disk/medium.js';
import { syntheticBlocks } from '../disk/synthetic-blocks.js';
import { RamBusMaster } from './bus-master.js';
import { MegaRaidController, type ControllerOptions } from './controller.js';
import * as mfi from './mfi.js';
import { MfiCommand, MfiFlag, MfiStatus } from './mfi.js';
import * as reg from './registers.js';
import { ScsiDisk } from './scsi-disk.js';

export const RAM_SIZE = 1 << 20;
export const FRAME = 0x1000;
export const SENSE = 0x8000;
export const BUFFER = 0x10000;
export const REPLY_QUEUE = 0x4000;
export const PRODUCER = 0x6000;
export const CONSUMER = 0x6004;
export const CONTEXT = 0x2a;

/** A disk with computed contents, `blocks` blocks large. */
export function syntheticDisk(drive: number, blocks = 49152): ScsiDisk {
  return new ScsiDisk(drive, new OverlayMedium(syntheticBlocks(drive, blocks)));
}

/** Simulated time: runs what the controller scheduled, in order. */
export class Timeline {
  now = 0;
  #events: { at: number; run: () => void }[] = [];

  schedule(delay: number, run: () => void): void {
    this.#events.push({ at: this.now + delay, run });
    this.#events.sort((a, b) => a.at - b.at);
  }

  advance(seconds: number): void {
    const end = this.now + seconds;
    while (this.#events.length > 0 && this.#events[0].at <= end) {
      const event = this.#events.shift()!;
      this.now = event.at;
      event.run();
    }
    this.now = end;
  }
}

export class TestDriver {
  readonly ram = new Uint8Array(RAM_SIZE);
  readonly view = new DataView(this.ram.buffer);
  readonly timeline = new Timeline();
  readonly controller: MegaRaidController;
  /** Level of the interrupt line, and how often it was raised. */
  line = false;
  interrupts = 0;

  constructor(options: Partial<ControllerOptions> = {}) {
    this.controller = new MegaRaidController(
      {
        bus: new RamBusMaster(() => this.ram),
        setInterrupt: (asserted) => {
          this.line = asserted;
          if (asserted) this.interrupts++;
        },
        schedule: (delay, run) => this.timeline.schedule(delay, run),
      },
      {
        disks: [syntheticDisk(0, 49152), syntheticDisk(1, 16384)],
        latency: { command: 0, medium: 0 },
        ...options,
      },
    );
  }

  get firmwareState(): number {
    return (this.controller.readUint32(reg.MFI_OSP0) & reg.MFI_FWSTATE_MASK) >>> 0;
  }

  /** Clears the frame and writes a header whose status says "not answered". */
  frame(command: number, fields: Record<number, number> = {}, at = FRAME): void {
    this.ram.fill(0, at, at + mfi.MFI_FRAME_MAX);
    this.ram[at + mfi.HDR_CMD] = command;
    this.ram[at + mfi.HDR_CMD_STATUS] = MfiStatus.INVALID;
    this.view.setUint32(at + mfi.HDR_CONTEXT, CONTEXT, true);
    for (const [offset, value] of Object.entries(fields)) this.ram[at + Number(offset)] = value;
  }

  post(at = FRAME): void {
    this.controller.writeUint32(reg.MFI_IQP, at | 1);
  }

  status(at = FRAME): number {
    return this.ram[at + mfi.HDR_CMD_STATUS];
  }

  scsiStatus(at = FRAME): number {
    return this.ram[at + mfi.HDR_SCSI_STATUS];
  }

  /** Sense key, code and qualifier the controller left. */
  sense(): number[] {
    return [this.ram[SENSE + 2], this.ram[SENSE + 12], this.ram[SENSE + 13]];
  }

  /** Sets up the reply queue; the frame is polled, interrupts are enabled afterwards. */
  init(entries = 1000, at = FRAME): number {
    const info = at + 64;
    this.frame(MfiCommand.INIT, {}, at);
    this.view.setUint16(at + mfi.HDR_FLAGS, MfiFlag.DONT_POST_IN_REPLY_QUEUE, true);
    this.view.setUint32(at + mfi.INIT_QINFO_LO, info, true);
    this.view.setUint32(info + mfi.QINFO_ENTRIES, entries, true);
    this.view.setUint32(info + mfi.QINFO_REPLY_QUEUE, REPLY_QUEUE, true);
    this.view.setUint32(info + mfi.QINFO_PRODUCER, PRODUCER, true);
    this.view.setUint32(info + mfi.QINFO_CONSUMER, CONSUMER, true);
    this.post(at);
    this.controller.writeUint32(reg.MFI_ODCR0, 0xffffffff);
    this.controller.writeUint32(reg.MFI_OMSK, ~reg.MFI_1078_RM >>> 0);
    return this.status(at);
  }

  dcmd(opcode: number, length: number, mbox: number[] = [], address = BUFFER): number {
    this.frame(MfiCommand.DCMD, { [mfi.HDR_SGE_COUNT]: length > 0 ? 1 : 0 });
    this.view.setUint32(FRAME + mfi.DCMD_OPCODE, opcode, true);
    this.ram.set(mbox, FRAME + mfi.DCMD_MBOX);
    this.view.setUint32(FRAME + mfi.DCMD_SGL, address, true);
    this.view.setUint32(FRAME + mfi.DCMD_SGL + 4, length, true);
    this.ram.fill(0xee, BUFFER, BUFFER + 0x4000);
    this.post();
    return this.status();
  }

  /** A pass-through command with one buffer element of `length` bytes (none for 0). */
  scsi(target: number, cdb: number[], length: number, command: number = MfiCommand.LD_SCSI_IO, lun = 0): number {
    this.frame(command, {
      [mfi.HDR_SENSE_LEN]: 96,
      [mfi.HDR_TARGET_ID]: target,
      [mfi.HDR_LUN]: lun,
      [mfi.HDR_CDB_LEN]: cdb.length,
      [mfi.HDR_SGE_COUNT]: length > 0 ? 1 : 0,
    });
    this.view.setUint32(FRAME + mfi.HDR_DATA_LEN, length, true);
    this.view.setUint32(FRAME + mfi.IO_SENSE_LO, SENSE, true);
    this.ram.set(cdb, FRAME + mfi.PASS_CDB);
    this.view.setUint32(FRAME + mfi.PASS_SGL, BUFFER, true);
    this.view.setUint32(FRAME + mfi.PASS_SGL + 4, length, true);
    this.post();
    return this.status();
  }

  /** LD_READ or LD_WRITE through the given buffer pieces. */
  logicalIo(command: number, target: number, lba: number, count: number, pieces: [number, number][]): number {
    this.frame(command, {
      [mfi.HDR_SENSE_LEN]: 96,
      [mfi.HDR_TARGET_ID]: target,
      [mfi.HDR_SGE_COUNT]: pieces.length,
    });
    this.view.setUint32(FRAME + mfi.HDR_DATA_LEN, count, true);
    this.view.setUint32(FRAME + mfi.IO_SENSE_LO, SENSE, true);
    this.view.setUint32(FRAME + mfi.IO_LBA_LO, lba, true);
    pieces.forEach(([address, length], i) => {
      this.view.setUint32(FRAME + mfi.IO_SGL + 8 * i, address, true);
      this.view.setUint32(FRAME + mfi.IO_SGL + 8 * i + 4, length, true);
    });
    this.post();
    return this.status();
  }

  /** Contexts between consumer and producer, taken as an interrupt handler would. */
  replies(): number[] {
    const contexts: number[] = [];
    const producer = this.view.getUint32(PRODUCER, true);
    let consumer = this.view.getUint32(CONSUMER, true);
    while (consumer !== producer) {
      contexts.push(this.view.getUint32(REPLY_QUEUE + 4 * consumer, true));
      consumer = (consumer + 1) % 1000;
    }
    this.view.setUint32(CONSUMER, consumer, true);
    this.controller.writeUint32(reg.MFI_ODCR0, this.controller.readUint32(reg.MFI_OSTS));
    return contexts;
  }

  text(at: number, length: number): string {
    return new TextDecoder().decode(this.ram.subarray(at, at + length));
  }
}

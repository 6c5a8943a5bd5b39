// A MegaRAID SAS 8708EM2 (LSI SAS1078) at its registers: the firmware interface a driver sees.
//
//   driver                                     controller
//   frame in RAM, address -> MFI_IQP  ------>  fetch the frame, run it (later, in simulated time)
//                                              data and sense into RAM, status into the frame's header
//   MFI_OSTS, reply queue             <------  context into the reply queue, producer index up, interrupt
//   MFI_ODCR0 (take the interrupt back),
//   consumer index up
//
// The model follows QEMU's -device megasas. It departs from it where QEMU's shortcut would show:
// - a frame with DONT_POST_IN_REPLY_QUEUE is not posted (QEMU posts every frame; a driver that polls a frame which takes
//   time would then see it completed twice);
// - masking interrupts only masks (QEMU resets the controller), and an unmasked pending reply interrupts;
// - what cannot be carried out is refused with a status: unknown direct commands, buffers outside RAM.

import type { Random, RandomState } from '../../random.js';
import { type Deadline, deadline, type Timer } from '../timers.js';
import type { BusMaster } from './bus-master.js';
import { directCommand, type Firmware } from './dcmd.js';
import { gather, MfiFrame, scatter, sgLength, type SgElement } from './frame.js';
import * as mfi from './mfi.js';
import { MfiCommand, MfiFlag, MfiStatus } from './mfi.js';
import { ReplyQueue, type Context, type ReplyQueueState } from './reply-queue.js';
import * as reg from './registers.js';
import * as scsi from './scsi-disk.js';
import { BLOCK_SIZE } from '../disk/medium.js';
import type { ScsiDisk, ScsiDiskState } from './scsi-disk.js';

/** Elements in a frame's list that the firmware advertises (QEMU's default). */
export const MAX_SGE = 80;
/** Command limit of QEMU's first-generation controller; its second generation, and the 2021 report's, have 1008. */
export const MAX_COMMANDS = 1000;

/**
 * Simulated seconds from posting a frame to its completion. 0 completes within the register write, as QEMU does.
 * With a generator these are means: each command takes something between nothing and twice as long.
 */
export interface CommandLatency {
  /** Commands that the firmware or the drive's electronics answer: direct commands, INQUIRY, absent targets. */
  readonly command: number;
  /** Commands that read or write the medium. */
  readonly medium: number;
  readonly random?: Random;
}

/** What the controller is plugged into. */
export interface ControllerHost {
  readonly bus: BusMaster;
  /** Drives the interrupt line (INTA#, level). */
  setInterrupt(asserted: boolean): void;
  /** Calls `run` once, `delaySeconds` of simulated time from now. A timer that is given back becomes part of the state. */
  schedule(delaySeconds: number, run: () => void): Timer | void;
  /** On restoring: waits for such a timer again. */
  again?(deadline: Deadline, run: () => void): Timer | undefined;
}

export interface ControllerOptions {
  /** Disk of target 0, 1, ...; at most 64. */
  readonly disks: readonly ScsiDisk[];
  readonly latency: CommandLatency;
  readonly maxCommands?: number;
  /** Simulated seconds the firmware takes to reach READY; 0, as in QEMU, when not given. */
  readonly bootSeconds?: number;
}

/** A frame between its posting and its completion. */
interface Command {
  readonly frame: MfiFrame;
  readonly context: Context;
  /** Cleared when an abort or a reset has answered in its place. */
  live: boolean;
  /** Waits for an event; nothing but an abort or a reset ends it. */
  waiting: boolean;
  timer?: Timer | undefined;
}

/** A frame as it was fetched, in hexadecimal, and how far the firmware is with it. */
interface CommandState {
  readonly address: number;
  readonly frame: string;
  readonly waiting: boolean;
  readonly deadline: Deadline;
}

export interface ControllerState {
  readonly firmwareState: number;
  readonly interruptMask: number;
  readonly replyPending: boolean;
  readonly line: boolean;
  readonly queue: ReplyQueueState | null;
  readonly commands: readonly CommandState[];
  readonly frameHigh: number;
  readonly diag: number;
  readonly resetKeys: number;
  readonly newestEvent: number;
  readonly bootEvent: number;
  readonly completed: number;
  readonly disks: readonly ScsiDiskState[];
  readonly random: RandomState | null;
  readonly boot: Deadline;
}

export class MegaRaidController {
  readonly #host: ControllerHost;
  readonly #latency: CommandLatency;
  readonly #disks: ReadonlyMap<number, ScsiDisk>;
  readonly #maxCommands: number;

  #firmwareState = reg.MFI_FWSTATE_READY;
  #interruptMask = reg.MFI_INTR_DISABLED;
  #replyPending = false;
  #line = false;
  #queue: ReplyQueue | undefined;
  #commands = new Set<Command>();
  #frameHigh = 0;
  #diag = 0;
  #resetKeys = 0;
  #newestEvent = 0;
  #bootEvent = 0;
  #completed = 0;
  /** The firmware starts. */
  #boot: Timer | undefined;

  constructor(host: ControllerHost, options: ControllerOptions) {
    this.#host = host;
    this.#latency = options.latency;
    this.#disks = new Map(options.disks.map((disk, target) => [target, disk]));
    this.#maxCommands = options.maxCommands ?? MAX_COMMANDS;
    if (options.bootSeconds) {
      this.#firmwareState = reg.MFI_FWSTATE_FW_INIT;
      this.#boot = host.schedule(options.bootSeconds, () => this.#started()) ?? undefined;
    }
  }

  #started(): void {
    this.#boot = undefined;
    if (this.#firmwareState === reg.MFI_FWSTATE_FW_INIT) this.#firmwareState = reg.MFI_FWSTATE_READY;
  }

  /** Commands answered since power-on. */
  get completed(): number {
    return this.#completed;
  }

  /** The disks, by target number. */
  get disks(): readonly ScsiDisk[] {
    return [...this.#disks.values()];
  }

  /** A 32-bit register read; the value is in the CPU's terms, byte order is the bus's business. */
  readUint32(offset: number): number {
    switch (offset) {
      case reg.MFI_OMSG0:
      case reg.MFI_OSP0:
        return (this.#firmwareState | (MAX_SGE << 16) | this.#maxCommands) >>> 0;
      case reg.MFI_OSTS:
        return this.#interruptsEnabled && this.#replyPending ? reg.MFI_OSTS_REPLY : 0;
      case reg.MFI_OMSK:
        return this.#interruptMask;
      case reg.MFI_ODCR0:
        return this.#replyPending ? 1 : 0;
      case reg.MFI_OSP1:
        return 15;
      case reg.MFI_DIAG:
        return this.#diag;
      default:
        return 0;
    }
  }

  writeUint32(offset: number, value: number): void {
    value >>>= 0;
    switch (offset) {
      case reg.MFI_IDB:
        this.#inboundDoorbell(value);
        break;
      case reg.MFI_OMSK:
        this.#interruptMask = value;
        this.#updateLine();
        break;
      case reg.MFI_ODCR0:
        this.#replyPending = false;
        this.#updateLine();
        break;
      case reg.MFI_IQP:
        this.#post((value & ~0x1f) >>> 0);
        break;
      case reg.MFI_IQPH:
        this.#frameHigh = value;
        break;
      case reg.MFI_IQPL:
        this.#post(this.#frameHigh * 2 ** 32 + ((value & ~0x1f) >>> 0));
        this.#frameHigh = 0;
        break;
      case reg.MFI_SEQ:
        this.#resetKey(value);
        break;
      case reg.MFI_DIAG:
        if ((this.#diag & reg.MFI_DIAG_WRITE_ENABLE) !== 0 && (value & reg.MFI_DIAG_RESET_ADP) !== 0) this.#softReset();
        break;
    }
  }

  get #interruptsEnabled(): boolean {
    return this.#interruptMask !== reg.MFI_INTR_DISABLED;
  }

  #updateLine(): void {
    const asserted = this.#interruptsEnabled && this.#replyPending;
    if (asserted === this.#line) return;
    this.#line = asserted;
    this.#host.setInterrupt(asserted);
  }

  #inboundDoorbell(bits: number): void {
    if ((bits & reg.MFI_FWINIT_ABORT) !== 0) this.#abortAll();
    if ((bits & reg.MFI_FWINIT_READY) !== 0) this.#softReset();
    if ((bits & reg.MFI_FWINIT_CLEAR_HANDSHAKE) !== 0 && this.#firmwareState === reg.MFI_FWSTATE_WAIT_HANDSHAKE) {
      this.#firmwareState = reg.MFI_FWSTATE_READY;
    }
    if ((bits & reg.MFI_FWINIT_STOP_ADP) !== 0) this.#firmwareState = reg.MFI_FWSTATE_FAULT;
  }

  #resetKey(value: number): void {
    if (value !== reg.MFI_RESET_SEQUENCE[this.#resetKeys]) {
      this.#resetKeys = 0;
      this.#diag = 0;
      return;
    }
    if (++this.#resetKeys < reg.MFI_RESET_SEQUENCE.length) return;
    this.#resetKeys = 0;
    this.#diag = reg.MFI_DIAG_WRITE_ENABLE;
  }

  /** Back to READY: outstanding I/O fails, waiting commands and the reply queue are forgotten, interrupts are masked. */
  #softReset(): void {
    this.#abortAll();
    for (const command of this.#commands) command.live = false;
    this.#commands.clear();
    this.#queue = undefined;
    this.#firmwareState = reg.MFI_FWSTATE_READY;
    this.#replyPending = false;
    this.#interruptMask = reg.MFI_INTR_DISABLED;
    this.#frameHigh = 0;
    this.#diag = 0;
    this.#resetKeys = 0;
    this.#bootEvent = ++this.#newestEvent;
    this.#updateLine();
  }

  /** Ends outstanding I/O with SCSI_IO_FAILED; direct commands run on. */
  #abortAll(): void {
    for (const command of [...this.#commands]) {
      if (command.frame.command !== MfiCommand.DCMD) this.#complete(command, MfiStatus.SCSI_IO_FAILED);
    }
  }

  /** A frame's address arrives at the inbound queue. */
  #post(address: number): void {
    const state = this.#firmwareState;
    if (state !== reg.MFI_FWSTATE_READY && state !== reg.MFI_FWSTATE_OPERATIONAL) return;
    const frame = MfiFrame.fetch(this.#host.bus, address);
    if (!frame) {
      // There is no header to put a status into and no context to answer with.
      this.#newestEvent++;
      return;
    }
    const command: Command = { frame, context: contextOf(frame), live: true, waiting: false };
    if (this.#commands.size >= this.#maxCommands) {
      this.#newestEvent++;
      this.#complete(command, MfiStatus.SCSI_DONE_WITH_ERROR, scsi.SCSI_BUSY);
      return;
    }
    this.#commands.add(command);
    const { medium, command: electronics, random } = this.#latency;
    const mean = this.#touchesMedium(frame) ? medium : electronics;
    const delay = random ? mean * 2 * random.unit() : mean;
    if (delay > 0) command.timer = this.#host.schedule(delay, () => this.#due(command)) ?? undefined;
    else this.#run(command);
  }

  #due(command: Command): void {
    command.timer = undefined;
    if (command.live) this.#run(command);
  }

  #touchesMedium(frame: MfiFrame): boolean {
    switch (frame.command) {
      case MfiCommand.LD_READ:
      case MfiCommand.LD_WRITE:
        return this.#disks.has(frame.uint8(mfi.HDR_TARGET_ID));
      case MfiCommand.LD_SCSI_IO:
      case MfiCommand.PD_SCSI_IO:
        return (
          this.#disks.has(frame.uint8(mfi.HDR_TARGET_ID)) && scsi.touchesMedium(frame.bytes.subarray(mfi.PASS_CDB))
        );
      default:
        return false;
    }
  }

  #run(command: Command): void {
    const { frame } = command;
    switch (frame.command) {
      case MfiCommand.INIT:
        return this.#complete(command, this.#init(frame));
      case MfiCommand.DCMD:
        return this.#directCommand(command);
      case MfiCommand.ABORT:
        return this.#complete(command, this.#abort(frame));
      case MfiCommand.LD_SCSI_IO:
      case MfiCommand.PD_SCSI_IO:
        return this.#passThrough(command);
      case MfiCommand.LD_READ:
      case MfiCommand.LD_WRITE:
        return this.#logicalIo(command);
      default:
        this.#newestEvent++;
        return this.#complete(command, MfiStatus.INVALID_CMD);
    }
  }

  #init(frame: MfiFrame): number {
    if (this.#queue) return MfiStatus.OK; // told a second time, the firmware keeps its queue
    const queue = ReplyQueue.fromInfo(this.#host.bus, frame.uint64(mfi.INIT_QINFO_LO), this.#maxCommands);
    if (typeof queue === 'number') {
      this.#newestEvent++;
      return queue;
    }
    this.#queue = queue;
    this.#firmwareState = reg.MFI_FWSTATE_OPERATIONAL;
    return MfiStatus.OK;
  }

  #directCommand(command: Command): void {
    const { frame } = command;
    const count = frame.uint8(mfi.HDR_SGE_COUNT);
    let buffer: SgElement[] = [];
    if (count > 0) {
      const list = count === 1 ? frame.scatterGather(this.#host.bus, mfi.DCMD_SGL) : undefined;
      if (!list) return this.#complete(command, MfiStatus.MEMORY_NOT_AVAILABLE);
      buffer = list;
    }
    const firmware: Firmware = {
      maxCommands: this.#maxCommands,
      maxSge: MAX_SGE,
      disks: this.#disks,
      newestEvent: this.#newestEvent,
      bootEvent: this.#bootEvent,
    };
    const answer = directCommand(frame, sgLength(buffer), firmware);
    if (answer.action === 'wait') {
      command.waiting = true;
      return;
    }
    if (answer.data) scatter(this.#host.bus, buffer, answer.data);
    if (answer.action === 'shutdown') this.#firmwareState = reg.MFI_FWSTATE_READY;
    this.#complete(command, answer.status);
  }

  #abort(frame: MfiFrame): number {
    const address = frame.uint64(mfi.ABORT_ADDRESS_LO);
    const victim = [...this.#commands].find((command) => command.frame.address === address && command.frame !== frame);
    this.#newestEvent++;
    if (!victim) return MfiStatus.OK; // completed before the abort came
    if (victim.context[0] !== frame.uint32(mfi.ABORT_CONTEXT)) return MfiStatus.ABORT_NOT_POSSIBLE;
    const abortable = victim.waiting || victim.frame.command !== MfiCommand.DCMD;
    if (abortable) this.#complete(victim, MfiStatus.SCSI_IO_FAILED);
    return MfiStatus.OK;
  }

  #passThrough(command: Command): void {
    const { frame } = command;
    const { bus } = this.#host;
    const target = frame.uint8(mfi.HDR_TARGET_ID);
    const lun = frame.uint8(mfi.HDR_LUN);
    const logical = frame.command === MfiCommand.LD_SCSI_IO;
    const disk = logical && (target >= mfi.MFI_MAX_LD || lun !== 0) ? undefined : this.#disks.get(target);
    if (!disk) return this.#complete(command, MfiStatus.DEVICE_NOT_FOUND);

    const cdbLength = frame.uint8(mfi.HDR_CDB_LEN);
    if (cdbLength > 16) return this.#checkCondition(command, scsi.SENSE_INVALID_OPCODE, 0xf0);
    const length = frame.uint32(mfi.HDR_DATA_LEN);
    // A command without data has no list and is refused here too: the "Internal target failure" of TEST UNIT READY. An empty
    // drive, which QEMU's controller does not have, says itself what is missing.
    const absent = !disk.medium && frame.uint8(mfi.HDR_SGE_COUNT) === 0;
    const list = absent ? [] : frame.scatterGather(bus, mfi.PASS_SGL);
    if (!list || length > sgLength(list)) return this.#checkCondition(command, scsi.SENSE_TARGET_FAILURE, 0xf0);

    const cdb = new Uint8Array(16);
    cdb.set(frame.bytes.subarray(mfi.PASS_CDB, mfi.PASS_CDB + cdbLength));
    this.#finishScsi(
      command,
      list,
      disk.execute(lun, cdb, length, (wanted) => gather(bus, list, wanted)),
    );
  }

  #logicalIo(command: Command): void {
    const { frame } = command;
    const { bus } = this.#host;
    const target = frame.uint8(mfi.HDR_TARGET_ID);
    const disk = target < mfi.MFI_MAX_LD ? this.#disks.get(target) : undefined;
    if (!disk) return this.#complete(command, MfiStatus.DEVICE_NOT_FOUND);
    const count = frame.uint32(mfi.HDR_DATA_LEN);
    const lba = frame.uint64(mfi.IO_LBA_LO);
    const list = frame.scatterGather(bus, mfi.IO_SGL);
    if (!list || count * BLOCK_SIZE > sgLength(list)) {
      return this.#checkCondition(command, scsi.SENSE_TARGET_FAILURE, 0xf0);
    }
    const result =
      frame.command === MfiCommand.LD_WRITE
        ? disk.write(lba, count, (length) => gather(bus, list, length))
        : disk.read(lba, count, count * BLOCK_SIZE);
    this.#finishScsi(command, list, result);
  }

  #finishScsi(command: Command, list: readonly SgElement[], result: scsi.ScsiResult): void {
    if ('sense' in result) return this.#checkCondition(command, result.sense, 0x70);
    scatter(this.#host.bus, list, result.data);
    this.#complete(command, MfiStatus.OK, scsi.SCSI_GOOD);
  }

  #checkCondition(command: Command, sense: scsi.Sense, responseCode: number): void {
    const { frame } = command;
    const { bus } = this.#host;
    if (responseCode === 0xf0) this.#newestEvent++;
    const length = Math.min(18, frame.uint8(mfi.HDR_SENSE_LEN));
    if (length > 0) {
      const wide = (frame.flags & MfiFlag.SENSE64) !== 0;
      const address = wide ? frame.uint64(mfi.IO_SENSE_LO) : frame.uint32(mfi.IO_SENSE_LO);
      bus.write(address, scsi.fixedSense(sense, responseCode).subarray(0, length));
      bus.write(frame.address + mfi.HDR_SENSE_LEN, Uint8Array.of(length));
    }
    this.#complete(command, MfiStatus.SCSI_DONE_WITH_ERROR, scsi.SCSI_CHECK_CONDITION);
  }

  /** Status into the frame, context into the reply queue unless the frame says not to, interrupt. */
  #complete(command: Command, status: number, scsiStatus?: number): void {
    const { frame } = command;
    const { bus } = this.#host;
    command.live = false;
    this.#completed++;
    this.#commands.delete(command);
    if (scsiStatus !== undefined) bus.write(frame.address + mfi.HDR_SCSI_STATUS, Uint8Array.of(scsiStatus));
    bus.write(frame.address + mfi.HDR_CMD_STATUS, Uint8Array.of(status));
    const queue = this.#queue;
    if (!queue || (frame.flags & MfiFlag.DONT_POST_IN_REPLY_QUEUE) !== 0) return;
    queue.post(command.context);
    this.#replyPending = true;
    this.#updateLine();
  }

  state(): ControllerState {
    return {
      firmwareState: this.#firmwareState,
      interruptMask: this.#interruptMask,
      replyPending: this.#replyPending,
      line: this.#line,
      queue: this.#queue?.state() ?? null,
      commands: [...this.#commands].map(({ frame, waiting, timer }) => ({
        address: frame.address,
        frame: frame.hex(),
        waiting,
        deadline: deadline(timer),
      })),
      frameHigh: this.#frameHigh,
      diag: this.#diag,
      resetKeys: this.#resetKeys,
      newestEvent: this.#newestEvent,
      bootEvent: this.#bootEvent,
      completed: this.#completed,
      disks: this.disks.map((disk) => disk.state()),
      random: this.#latency.random?.state() ?? null,
      boot: deadline(this.#boot),
    };
  }

  restore(state: ControllerState): void {
    this.#firmwareState = state.firmwareState;
    this.#interruptMask = state.interruptMask;
    this.#replyPending = state.replyPending;
    this.#line = state.line;
    this.#queue = state.queue ? ReplyQueue.restored(this.#host.bus, state.queue) : undefined;
    this.#commands = new Set(
      state.commands.map(({ address, frame: hex, waiting, deadline }) => {
        const frame = MfiFrame.fromHex(address, hex);
        const command: Command = { frame, context: contextOf(frame), live: true, waiting };
        if (deadline) command.timer = this.#host.again?.(deadline, () => this.#due(command));
        return command;
      }),
    );
    this.#frameHigh = state.frameHigh;
    this.#diag = state.diag;
    this.#resetKeys = state.resetKeys;
    this.#newestEvent = state.newestEvent;
    this.#bootEvent = state.bootEvent;
    this.#completed = state.completed;
    this.disks.forEach((disk, i) => disk.restore(state.disks[i]));
    if (state.random) this.#latency.random?.restore(state.random);
    this.#boot = this.#host.again?.(state.boot, () => this.#started());
  }
}

function contextOf(frame: MfiFrame): Context {
  return [frame.uint32(mfi.HDR_CONTEXT), frame.uint32(mfi.HDR_CONTEXT + 4)];
}

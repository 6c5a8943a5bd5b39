// Direct commands (DCMD frames): what the firmware answers about itself and its drives.
//
// Every disk is one physical drive and one optimal logical drive of the same target number, which is how QEMU presents
// them without its JBOD option. So the list of drives exposed to the host as physical ones is empty.

import { controllerInfo, CTRL_INFO_SIZE, sasAddress } from './controller-info.js';
import type { MfiFrame } from './frame.js';
import * as mfi from './mfi.js';
import { MfiDcmd, MfiStatus } from './mfi.js';
import type { ScsiDisk } from './scsi-disk.js';

/** What a direct command can ask about. */
export interface Firmware {
  readonly maxCommands: number;
  readonly maxSge: number;
  /** Disks by target number, ascending. */
  readonly disks: ReadonlyMap<number, ScsiDisk>;
  /** Sequence numbers of the newest event and of the last start-up. */
  readonly newestEvent: number;
  readonly bootEvent: number;
}

export interface DcmdAnswer {
  readonly status: number;
  /** Data for the host's buffer; already no longer than it. */
  readonly data?: Uint8Array;
  /** `wait`: answer when an event happens. `shutdown`: leave the operational state. */
  readonly action?: 'wait' | 'shutdown';
}

const OK: DcmdAnswer = { status: MfiStatus.OK };
const INVALID_PARAMETER: DcmdAnswer = { status: MfiStatus.INVALID_PARAMETER };

const PD_ADDRESS_SIZE = 24;
const LD_ENTRY_SIZE = 16;
const LD_STATE_OPTIMAL = 3;
const EVENT_LOG_STATE_SIZE = 20;
const EVENT_DETAIL_SIZE = 256;
const PD_INFO_SIZE = 512;
const PD_STATE_ONLINE = 0x18;
const PD_DDF_TYPE_IN_VD_SAS = 0x2002;
const NO_ENCLOSURE = 0xffff;

/** Physical device ids carry the target in bits 15..8 and the logical unit in 7..0. */
const deviceId = (target: number): number => target << 8;

/** @param room bytes the host's buffer holds, 0 without a buffer */
export function directCommand(frame: MfiFrame, room: number, firmware: Firmware): DcmdAnswer {
  switch (frame.uint32(mfi.DCMD_OPCODE)) {
    case MfiDcmd.CTRL_GET_INFO: {
      if (room < CTRL_INFO_SIZE) return INVALID_PARAMETER;
      const targets = [...firmware.disks.keys()];
      return { status: MfiStatus.OK, data: controllerInfo(firmware.maxCommands, firmware.maxSge, targets) };
    }
    case MfiDcmd.CTRL_EVENT_GET_INFO:
      return room < EVENT_LOG_STATE_SIZE ? INVALID_PARAMETER : eventLogState(firmware);
    case MfiDcmd.CTRL_EVENT_WAIT:
      return room < EVENT_DETAIL_SIZE ? INVALID_PARAMETER : { status: MfiStatus.INVALID, action: 'wait' };
    case MfiDcmd.CTRL_SHUTDOWN:
      return { status: MfiStatus.OK, action: 'shutdown' };
    case MfiDcmd.PD_GET_LIST:
      return physicalDrives(firmware, room);
    case MfiDcmd.PD_LIST_QUERY:
      if (frame.uint8(mfi.DCMD_MBOX) === mfi.PD_QUERY_TYPE_ALL) return physicalDrives(firmware, room);
      return physicalDrives({ ...firmware, disks: new Map() }, room);
    case MfiDcmd.PD_GET_INFO:
      return room < PD_INFO_SIZE ? INVALID_PARAMETER : physicalDrive(firmware, frame.uint16(mfi.DCMD_MBOX));
    case MfiDcmd.LD_GET_LIST:
      return logicalDrives(firmware, room);
    case MfiDcmd.LD_LIST_QUERY: {
      const query = frame.uint8(mfi.DCMD_MBOX);
      const asked = query === mfi.LD_QUERY_TYPE_ALL || query === mfi.LD_QUERY_TYPE_EXPOSED_TO_HOST;
      return logicalTargets(asked ? [...firmware.disks.keys()] : [], room);
    }
    case MfiDcmd.CTRL_CACHE_FLUSH:
    case MfiDcmd.CTRL_HIBERNATE:
    case MfiDcmd.CLUSTER:
    case MfiDcmd.CLUSTER_RESET_ALL:
    case MfiDcmd.CLUSTER_RESET_LD:
      return OK;
    default:
      return { status: MfiStatus.INVALID_DCMD };
  }
}

function eventLogState(firmware: Firmware): DcmdAnswer {
  const state = new DataView(new ArrayBuffer(EVENT_LOG_STATE_SIZE));
  state.setUint32(0, firmware.newestEvent, true);
  state.setUint32(16, firmware.bootEvent, true);
  return { status: MfiStatus.OK, data: new Uint8Array(state.buffer) };
}

/** MR_PD_LIST: size, count, then an address structure a drive; as many as the buffer holds. */
function physicalDrives(firmware: Firmware, room: number): DcmdAnswer {
  if (room < 8 + PD_ADDRESS_SIZE) return INVALID_PARAMETER;
  const targets = [...firmware.disks.keys()].slice(0, Math.floor((room - 8) / PD_ADDRESS_SIZE));
  const list = new DataView(new ArrayBuffer(8 + targets.length * PD_ADDRESS_SIZE));
  list.setUint32(0, list.byteLength, true);
  list.setUint32(4, targets.length, true);
  targets.forEach((target, i) => {
    const at = 8 + i * PD_ADDRESS_SIZE;
    list.setUint16(at, deviceId(target), true);
    list.setUint16(at + 2, NO_ENCLOSURE, true);
    list.setUint8(at + 5, target); // slot
    list.setUint8(at + 7, 0x1); // connected through port 0
    list.setBigUint64(at + 8, sasAddress(target), true);
  });
  return { status: MfiStatus.OK, data: new Uint8Array(list.buffer) };
}

/** The parts of MR_PD_INFO that say which drive it is, what state it is in and how large. */
function physicalDrive(firmware: Firmware, id: number): DcmdAnswer {
  const target = id >> 8;
  const disk = (id & 0xff) === 0 ? firmware.disks.get(target) : undefined;
  if (!disk) return { status: MfiStatus.DEVICE_NOT_FOUND };
  const info = new DataView(new ArrayBuffer(PD_INFO_SIZE));
  info.setUint16(0, id, true);
  const inquiry = disk.execute(0, Uint8Array.of(0x12, 0, 0, 0, 96, ...new Uint8Array(11)), 96, () => new Uint8Array(0));
  if ('data' in inquiry) new Uint8Array(info.buffer).set(inquiry.data, 4);
  info.setUint8(166, 0x1);
  info.setUint16(184, PD_STATE_ONLINE, true);
  info.setUint16(188, PD_DDF_TYPE_IN_VD_SAS, true);
  info.setUint8(192, 1); // paths
  info.setBigUint64(200, sasAddress(target), true);
  for (const at of [232, 240, 248]) info.setBigUint64(at, BigInt(disk.blocks), true); // raw, non-coerced, coerced size
  info.setUint16(256, NO_ENCLOSURE, true);
  info.setUint8(259, target);
  return { status: MfiStatus.OK, data: new Uint8Array(info.buffer) };
}

/** MR_LD_LIST: count, then target, state and size in blocks of each drive; as many as the buffer holds. */
function logicalDrives(firmware: Firmware, room: number): DcmdAnswer {
  if (room < 8 + LD_ENTRY_SIZE) return INVALID_PARAMETER;
  const drives = [...firmware.disks].slice(0, Math.floor((room - 8) / LD_ENTRY_SIZE));
  const list = new DataView(new ArrayBuffer(8 + drives.length * LD_ENTRY_SIZE));
  list.setUint32(0, drives.length, true);
  drives.forEach(([target, disk], i) => {
    const at = 8 + i * LD_ENTRY_SIZE;
    list.setUint8(at, target);
    list.setUint8(at + 4, LD_STATE_OPTIMAL);
    list.setBigUint64(at + 8, BigInt(disk.blocks), true);
  });
  return { status: MfiStatus.OK, data: new Uint8Array(list.buffer) };
}

/** MR_LD_TARGETID_LIST: size, count, 3 bytes of padding, a byte a target. */
function logicalTargets(targets: readonly number[], room: number): DcmdAnswer {
  if (room < 12) return INVALID_PARAMETER;
  const fitting = targets.slice(0, room - 11);
  const list = new DataView(new ArrayBuffer(11 + fitting.length));
  list.setUint32(0, list.byteLength, true);
  list.setUint32(4, fitting.length, true);
  fitting.forEach((target, i) => list.setUint8(11 + i, target));
  return { status: MfiStatus.OK, data: new Uint8Array(list.buffer) };
}

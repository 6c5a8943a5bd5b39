// Random frames at random addresses: whatever a broken or corrupted driver posts, the host survives and every frame
// that is in RAM gets a status.

import { expect, it } from 'vitest';
import { Random } from '../../../src/random.js';
import * as mfi from './mfi.js';
import { MfiCommand, MfiDcmd, MfiStatus } from './mfi.js';
import * as reg from './registers.js';
import { RAM_SIZE, TestDriver } from './test-driver.js';

const ROUNDS = 20_000;
/** Commands that get through the disk: INQUIRY, REPORT LUNS, MODE SENSE, capacities, reads and writes of all lengths. */
const CDBS = [0x12, 0xa0, 0x1a, 0x5a, 0x25, 0x9e, 0x08, 0x0a, 0x28, 0x2a, 0xa8, 0xaa, 0x88, 0x8a];
const OPCODES = Object.values(MfiDcmd);
const EDGES = [0, 1, RAM_SIZE - 1, RAM_SIZE, RAM_SIZE + 1, 0x7fffffff, 0x80000000, 0xffffffff];

/** A random word, often a value at an edge. */
const word = (random: Random): number => (random.below(4) === 0 ? EDGES[random.below(EDGES.length)] : random.uint32());
const address = (random: Random): number => (random.below(3) > 0 ? random.below(RAM_SIZE) : word(random));

/** Fills 64 bytes with nonsense that often gets past the first checks. */
function randomFrame(random: Random, driver: TestDriver, at: number): void {
  const { ram, view } = driver;
  for (let i = 0; i < 64; i += 4) view.setUint32(at + i, random.below(2) ? word(random) : 0, true);
  ram[at + mfi.HDR_CMD] = random.below(10) === 0 ? random.below(256) : random.below(7);
  ram[at + mfi.HDR_CMD_STATUS] = MfiStatus.INVALID;
  if (random.below(2)) ram[at + mfi.HDR_TARGET_ID] = random.below(3);
  if (random.below(2)) ram[at + mfi.HDR_LUN] = 0;
  if (random.below(2)) ram[at + mfi.HDR_CDB_LEN] = random.below(17);
  if (random.below(2)) ram[at + mfi.HDR_SGE_COUNT] = random.below(3);
  if (random.below(2)) view.setUint32(at + mfi.HDR_DATA_LEN, random.below(5000), true);
  const command = ram[at + mfi.HDR_CMD];
  if (command === MfiCommand.DCMD && random.below(2)) {
    view.setUint32(at + mfi.DCMD_OPCODE, OPCODES[random.below(OPCODES.length)], true);
  }
  const pass = command === MfiCommand.PD_SCSI_IO || command === MfiCommand.LD_SCSI_IO;
  if (pass && random.below(2)) ram[at + mfi.PASS_CDB] = CDBS[random.below(CDBS.length)];
  const sgl = at + (pass ? mfi.PASS_SGL : mfi.IO_SGL);
  view.setUint32(sgl, address(random), true);
  view.setUint32(sgl + 4, random.below(3) ? random.below(8192) : word(random), true);
}

/** Whether the firmware owes this frame a status at once. */
function mustAnswer(driver: TestDriver, at: number): boolean {
  const operating =
    driver.firmwareState === reg.MFI_FWSTATE_READY || driver.firmwareState === reg.MFI_FWSTATE_OPERATIONAL;
  const waits =
    driver.ram[at + mfi.HDR_CMD] === MfiCommand.DCMD &&
    driver.view.getUint32(at + mfi.DCMD_OPCODE, true) === MfiDcmd.CTRL_EVENT_WAIT;
  return operating && !waits;
}

it.each([
  [1, 0],
  [2, 0],
  [3, 1e-6],
  [4, 1e-6],
])('survives random frames, seed %i, latency %d s', (seed, latency) => {
  const random = new Random(seed);
  const driver = new TestDriver({ latency: { command: latency, medium: 10 * latency } });
  const statuses = new Set<number>();
  for (let round = 0; round < ROUNDS; round++) {
    const frame = random.below(20) === 0 ? (address(random) & ~0x3f) >>> 0 : random.below(RAM_SIZE / 64) * 64;
    const inRam = frame + 64 <= RAM_SIZE;
    if (inRam) randomFrame(random, driver, frame);
    const owed = inRam && mustAnswer(driver, frame);
    driver.controller.writeUint32(reg.MFI_IQP, (frame | random.below(32)) >>> 0);
    driver.timeline.advance(random.below(10) === 0 ? 1e-3 : 0);
    if (owed && latency === 0 && driver.status(frame) === MfiStatus.INVALID) {
      throw new Error(`seed ${seed} round ${round}: no answer to ${driver.ram.subarray(frame, frame + 64)}`);
    }
    if (inRam) statuses.add(driver.status(frame));
    if (random.below(50) === 0) driver.init(random.below(1100));
    if (random.below(50) === 0) {
      const offset = random.below(0x100) & ~3;
      if (offset !== reg.MFI_IQP && offset !== reg.MFI_IQPL) driver.controller.writeUint32(offset, word(random));
    }
    driver.controller.readUint32(random.below(0x100) & ~3);
    if (driver.firmwareState === reg.MFI_FWSTATE_FAULT)
      driver.controller.writeUint32(reg.MFI_IDB, reg.MFI_FWINIT_READY);
  }
  // The noise got everywhere: each kind of answer has come, but for those that take a second frame in the right state.
  for (const [name, status] of Object.entries(MfiStatus)) {
    if (status === MfiStatus.ABORT_NOT_POSSIBLE || status === MfiStatus.SCSI_IO_FAILED) continue;
    expect(statuses.has(status), `seed ${seed}: ${name}`).toBe(true);
  }
  // And the controller still works.
  driver.controller.writeUint32(reg.MFI_IDB, reg.MFI_FWINIT_READY);
  driver.init();
  driver.timeline.advance(1);
  driver.scsi(0, [0x12, 0, 0, 0, 36, 0], 36);
  driver.timeline.advance(1);
  expect(driver.status(), `seed ${seed}`).toBe(MfiStatus.OK);
});

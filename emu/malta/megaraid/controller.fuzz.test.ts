// Random frames at random addresses: whatever a broken or corrupted driver posts, the host survives and every frame
// that is in RAM gets a status.

import { expect, it } from 'vitest';
import { Random } from '../../../src/random.js';
import * as mfi from './mfi.js';
import { MfiCommand, MfiDcmd, MfiStatus } from './mfi.js';
import * as reg from './registers.js';
import { RAM_SIZE, TestDriver } from './test-driver.js';

const ROUNDS = 20_000;
const OPCODES = Object.values(MfiDcmd);
const EDGES = [0, 1, RAM_SIZE - 1, RAM_SIZE, RAM_SIZE + 1, 0x7fffffff, 0x80000000, 0xffffffff];

it.each([1, 2, 3])('survives random frames, seed %i', (seed) => {
  const random = new Random(seed);
  const driver = new TestDriver({ latency: seed === 1 ? { command: 0, medium: 0 } : { command: 1e-6, medium: 1e-5 } });
  const word = (): number => (random.below(4) === 0 ? EDGES[random.below(EDGES.length)] : random.uint32());
  const address = (): number => (random.below(3) > 0 ? random.below(RAM_SIZE) : word());
  let answered = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const at = random.below(20) === 0 ? (address() & ~0x3f) >>> 0 : random.below(RAM_SIZE / 64) * 64;
    if (at + 64 <= RAM_SIZE) {
      for (let i = 0; i < 64; i += 4) driver.view.setUint32(at + i, random.below(2) ? word() : 0, true);
      driver.ram[at + mfi.HDR_CMD] = random.below(10) === 0 ? random.below(256) : random.below(7);
      driver.ram[at + mfi.HDR_CMD_STATUS] = MfiStatus.INVALID;
      if (random.below(2)) driver.ram[at + mfi.HDR_TARGET_ID] = random.below(3);
      if (random.below(2)) driver.ram[at + mfi.HDR_SGE_COUNT] = random.below(3);
      if (random.below(2)) driver.view.setUint32(at + mfi.HDR_DATA_LEN, random.below(5000), true);
      const command = driver.ram[at + mfi.HDR_CMD];
      if (command === MfiCommand.DCMD && random.below(2)) {
        driver.view.setUint32(at + mfi.DCMD_OPCODE, OPCODES[random.below(OPCODES.length)], true);
      }
      const sgl = at + (command === MfiCommand.PD_SCSI_IO || command === MfiCommand.LD_SCSI_IO ? 0x30 : 0x28);
      driver.view.setUint32(sgl, address(), true);
      driver.view.setUint32(sgl + 4, random.below(3) ? random.below(8192) : word(), true);
    }
    driver.controller.writeUint32(reg.MFI_IQP, (at | random.below(32)) >>> 0);
    driver.timeline.advance(random.below(10) === 0 ? 1e-3 : 0);
    if (at + 64 <= RAM_SIZE && driver.status(at) !== MfiStatus.INVALID) answered++;
    if (random.below(50) === 0) driver.init(random.below(1100));
    if (random.below(50) === 0) {
      const offset = random.below(0x100) & ~3;
      if (offset !== reg.MFI_IQP && offset !== reg.MFI_IQPL) driver.controller.writeUint32(offset, word());
    }
    driver.controller.readUint32(random.below(0x100) & ~3);
    if (driver.firmwareState === reg.MFI_FWSTATE_FAULT)
      driver.controller.writeUint32(reg.MFI_IDB, reg.MFI_FWINIT_READY);
  }
  // Not a formality: nearly all frames are in RAM, and most of them are answered at once or in simulated time.
  expect(answered, `seed ${seed}`).toBeGreaterThan(ROUNDS / 20);
  // The controller still works.
  driver.controller.writeUint32(reg.MFI_IDB, reg.MFI_FWINIT_READY);
  driver.init();
  driver.timeline.advance(1);
  driver.scsi(0, [0x12, 0, 0, 0, 36, 0], 36);
  driver.timeline.advance(1);
  expect(driver.status(), `seed ${seed}`).toBe(MfiStatus.OK);
});

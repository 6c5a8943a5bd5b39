import { describe, expect, it } from 'vitest';
import * as mfi from './mfi.js';
import { MfiCommand, MfiDcmd, MfiFlag, MfiStatus } from './mfi.js';
import * as reg from './registers.js';
import { ScsiDisk } from './scsi-disk.js';
import {
  BUFFER,
  CONSUMER,
  CONTEXT,
  FRAME,
  PRODUCER,
  RAM_SIZE,
  REPLY_QUEUE,
  SENSE,
  syntheticDisk,
  TestDriver,
} from './test-driver.js';

const INQUIRY = [0x12, 0, 0, 0, 36, 0];

describe('registers', () => {
  it('come up READY with the limits of the ground-truth console: 1000 commands (999 for the driver), 80 elements', () => {
    const driver = new TestDriver();
    expect(driver.controller.readUint32(reg.MFI_OSP0)).toBe(0xb05003e8);
    expect(driver.controller.readUint32(reg.MFI_OMSG0)).toBe(0xb05003e8);
    expect(driver.controller.readUint32(reg.MFI_OSTS)).toBe(0);
  });

  it('take another command limit: 1008, the 1007 of the 2021 report', () => {
    const driver = new TestDriver({ maxCommands: 1008 });
    expect(driver.controller.readUint32(reg.MFI_OSP0) & 0xffff).toBe(1008);
  });

  it('show a start-up phase when asked for one', () => {
    const driver = new TestDriver({ bootSeconds: 0.5 });
    expect(driver.firmwareState).toBe(reg.MFI_FWSTATE_FW_INIT);
    expect(driver.init()).toBe(MfiStatus.INVALID); // not listening yet
    driver.timeline.advance(0.5);
    expect(driver.firmwareState).toBe(reg.MFI_FWSTATE_READY);
    expect(driver.init()).toBe(MfiStatus.OK);
  });

  it('stop on STOP_ADP and come back through the diagnostic reset', () => {
    const driver = new TestDriver();
    driver.init();
    driver.controller.writeUint32(reg.MFI_IDB, reg.MFI_FWINIT_STOP_ADP);
    expect(driver.firmwareState).toBe(reg.MFI_FWSTATE_FAULT);
    expect(driver.scsi(0, INQUIRY, 36)).toBe(MfiStatus.INVALID); // ignored
    driver.controller.writeUint32(reg.MFI_DIAG, reg.MFI_DIAG_RESET_ADP); // locked
    expect(driver.firmwareState).toBe(reg.MFI_FWSTATE_FAULT);
    for (const key of reg.MFI_RESET_SEQUENCE) driver.controller.writeUint32(reg.MFI_SEQ, key);
    expect(driver.controller.readUint32(reg.MFI_DIAG)).toBe(reg.MFI_DIAG_WRITE_ENABLE);
    driver.controller.writeUint32(reg.MFI_DIAG, reg.MFI_DIAG_RESET_ADP);
    expect(driver.firmwareState).toBe(reg.MFI_FWSTATE_READY);
    expect(driver.controller.readUint32(reg.MFI_DIAG)).toBe(0);
  });

  it('take a frame through the 64-bit queue port', () => {
    const driver = new TestDriver();
    driver.frame(MfiCommand.DCMD);
    driver.view.setUint32(FRAME + mfi.DCMD_OPCODE, MfiDcmd.CTRL_CACHE_FLUSH, true);
    driver.controller.writeUint32(reg.MFI_IQPH, 1);
    driver.controller.writeUint32(reg.MFI_IQPL, FRAME);
    expect(driver.status()).toBe(MfiStatus.INVALID); // 4 GB above: not RAM
    driver.controller.writeUint32(reg.MFI_IQPL, FRAME);
    expect(driver.status()).toBe(MfiStatus.OK);
  });
});

describe('INIT', () => {
  it('makes the firmware operational', () => {
    const driver = new TestDriver();
    expect(driver.init()).toBe(MfiStatus.OK);
    expect(driver.firmwareState).toBe(reg.MFI_FWSTATE_OPERATIONAL);
    expect(driver.replies()).toEqual([]);
  });

  it('refuses a queue longer than the command limit, an empty one, and one outside RAM', () => {
    expect(new TestDriver().init(1001)).toBe(MfiStatus.INVALID_PARAMETER);
    expect(new TestDriver().init(0)).toBe(MfiStatus.INVALID_PARAMETER);
    for (const field of [mfi.QINFO_REPLY_QUEUE, mfi.QINFO_PRODUCER, mfi.QINFO_CONSUMER]) {
      const driver = new TestDriver();
      driver.init(0);
      driver.view.setUint32(FRAME + 64 + mfi.QINFO_ENTRIES, 1000, true);
      driver.view.setUint32(FRAME + 64 + field, RAM_SIZE - 3, true);
      driver.post();
      expect(driver.status()).toBe(MfiStatus.MEMORY_NOT_AVAILABLE);
      expect(driver.firmwareState).toBe(reg.MFI_FWSTATE_READY);
    }
    const driver = new TestDriver();
    driver.frame(MfiCommand.INIT);
    driver.view.setUint32(FRAME + mfi.INIT_QINFO_LO, RAM_SIZE - 16, true);
    driver.post();
    expect(driver.status()).toBe(MfiStatus.MEMORY_NOT_AVAILABLE);
  });

  it('posts 64-bit contexts when asked to', () => {
    const driver = new TestDriver();
    driver.init(0);
    driver.view.setUint32(FRAME + 64 + mfi.QINFO_ENTRIES, 1000, true);
    driver.view.setUint32(FRAME + 64 + mfi.QINFO_FLAGS, mfi.QINFO_FLAG_CONTEXT64, true);
    driver.post();
    for (const context of [1, 2]) {
      driver.frame(MfiCommand.DCMD);
      driver.view.setUint32(FRAME + mfi.HDR_CONTEXT, context, true);
      driver.view.setUint32(FRAME + mfi.HDR_CONTEXT + 4, 0xabc0 + context, true);
      driver.post();
    }
    expect(driver.view.getBigUint64(REPLY_QUEUE, true)).toBe(0xabc1_0000_0001n);
    expect(driver.view.getBigUint64(REPLY_QUEUE + 8, true)).toBe(0xabc2_0000_0002n);
  });

  it('keeps its queue when told a second time, and forgets it on the READY doorbell', () => {
    const driver = new TestDriver();
    driver.init();
    expect(driver.init(5000)).toBe(MfiStatus.OK);
    driver.controller.writeUint32(reg.MFI_IDB, reg.MFI_FWINIT_ABORT | reg.MFI_FWINIT_READY);
    expect(driver.firmwareState).toBe(reg.MFI_FWSTATE_READY);
    expect(driver.controller.readUint32(reg.MFI_OMSK)).toBe(reg.MFI_INTR_DISABLED);
    expect(driver.init(5000)).toBe(MfiStatus.INVALID_PARAMETER);
  });
});

describe('replies', () => {
  it('carry the context in little endian, move the producer and raise the line until it is taken back', () => {
    const driver = new TestDriver();
    driver.init();
    driver.scsi(0, INQUIRY, 36);
    expect([...driver.ram.subarray(REPLY_QUEUE, REPLY_QUEUE + 4)]).toEqual([CONTEXT, 0, 0, 0]);
    expect([...driver.ram.subarray(PRODUCER, PRODUCER + 4)]).toEqual([1, 0, 0, 0]);
    expect(driver.line).toBe(true);
    expect(driver.controller.readUint32(reg.MFI_OSTS)).toBe(reg.MFI_OSTS_REPLY);
    driver.controller.writeUint32(reg.MFI_ODCR0, reg.MFI_OSTS_REPLY);
    expect(driver.line).toBe(false);
    expect(driver.controller.readUint32(reg.MFI_OSTS)).toBe(0);
  });

  it('are not posted for a frame that is polled', () => {
    const driver = new TestDriver();
    driver.init();
    driver.frame(MfiCommand.DCMD);
    driver.view.setUint16(FRAME + mfi.HDR_FLAGS, MfiFlag.DONT_POST_IN_REPLY_QUEUE, true);
    driver.view.setUint32(FRAME + mfi.DCMD_OPCODE, MfiDcmd.CTRL_CACHE_FLUSH, true);
    driver.post();
    expect(driver.status()).toBe(MfiStatus.OK);
    expect(driver.replies()).toEqual([]);
    expect(driver.interrupts).toBe(0);
  });

  it('wait behind the mask and interrupt when it is lifted', () => {
    const driver = new TestDriver();
    driver.init();
    driver.controller.writeUint32(reg.MFI_OMSK, 0xffffffff);
    driver.scsi(0, INQUIRY, 36);
    expect(driver.line).toBe(false);
    expect(driver.controller.readUint32(reg.MFI_OSTS)).toBe(0);
    driver.controller.writeUint32(reg.MFI_OMSK, 0x7fffffff);
    expect(driver.line).toBe(true);
    expect(driver.replies()).toEqual([CONTEXT]);
  });

  it('wrap around the queue', () => {
    const driver = new TestDriver();
    driver.view.setUint32(PRODUCER, 999, true);
    driver.view.setUint32(CONSUMER, 999, true);
    driver.init();
    driver.scsi(0, INQUIRY, 36);
    driver.scsi(0, INQUIRY, 36);
    expect(driver.view.getUint32(PRODUCER, true)).toBe(1);
    expect(driver.replies()).toEqual([CONTEXT, CONTEXT]);
  });

  it('come after the latency that was passed in, in order of completion', () => {
    const driver = new TestDriver({ latency: { command: 1e-5, medium: 1e-4 } });
    driver.frame(MfiCommand.INIT); // a polled INIT takes time, too
    driver.init();
    expect(driver.status()).toBe(MfiStatus.INVALID);
    driver.timeline.advance(1e-5);
    expect(driver.status()).toBe(MfiStatus.OK);

    const second = FRAME + 0x1000;
    driver.logicalIo(MfiCommand.LD_READ, 0, 0, 1, [[BUFFER, 512]]);
    driver.frame(MfiCommand.DCMD, {}, second);
    driver.view.setUint32(second + mfi.HDR_CONTEXT, 7, true);
    driver.view.setUint32(second + mfi.DCMD_OPCODE, MfiDcmd.CTRL_CACHE_FLUSH, true);
    driver.post(second);
    driver.timeline.advance(5e-5);
    expect([driver.status(second), driver.status()]).toEqual([MfiStatus.OK, MfiStatus.INVALID]);
    expect(driver.replies()).toEqual([7]);
    driver.timeline.advance(5e-5);
    expect(driver.replies()).toEqual([CONTEXT]);
  });

  it('of I/O outstanding at an abort or reset say SCSI_IO_FAILED, and nothing completes later', () => {
    const driver = new TestDriver({ latency: { command: 0, medium: 1e-4 } });
    driver.init();
    driver.logicalIo(MfiCommand.LD_READ, 0, 2, 1, [[BUFFER, 512]]);
    driver.controller.writeUint32(reg.MFI_IDB, reg.MFI_FWINIT_ABORT);
    expect(driver.status()).toBe(MfiStatus.SCSI_IO_FAILED);
    expect(driver.replies()).toEqual([CONTEXT]);
    driver.timeline.advance(1);
    expect(driver.status()).toBe(MfiStatus.SCSI_IO_FAILED);
    expect(driver.replies()).toEqual([]);
    expect(driver.ram[BUFFER + 0x38]).toBe(0);
  });

  it('say BUSY when more frames are outstanding than the firmware takes', () => {
    const driver = new TestDriver({ maxCommands: 4, latency: { command: 1, medium: 1 } });
    for (let i = 0; i < 5; i++) {
      driver.frame(MfiCommand.DCMD, {}, FRAME + i * 0x800);
      driver.post(FRAME + i * 0x800);
    }
    expect(driver.status(FRAME)).toBe(MfiStatus.INVALID);
    expect(driver.status(FRAME + 4 * 0x800)).toBe(MfiStatus.SCSI_DONE_WITH_ERROR);
    expect(driver.scsiStatus(FRAME + 4 * 0x800)).toBe(8);
  });
});

describe('direct commands', () => {
  it('CTRL_GET_INFO answers with what the console prints', () => {
    const driver = new TestDriver();
    driver.init();
    expect(driver.dcmd(MfiDcmd.CTRL_GET_INFO, 0x800 + 336)).toBe(MfiStatus.OK);
    const at16 = (offset: number): number => driver.view.getUint16(BUFFER + offset, true);
    expect([at16(0), at16(2), at16(4), at16(6)]).toEqual([0x1000, 0x0060, 0x1000, 0x1013]);
    expect(driver.text(BUFFER + 0x540, 24)).toBe('LSI MegaRAID SAS 8708EM2');
    expect(at16(0x5d0)).toBe(512); // memory size: "MR(512MB)"
    expect(at16(0x5b8)).toBe(1000);
    expect(at16(0x5c0)).toBe(2);
    expect(driver.view.getUint32(BUFFER + 0x620, true) & 0x400).toBe(0); // OCR not disabled
    expect(driver.ram[BUFFER + 0x800]).toBe(0xee); // nothing beyond 2 KB
    expect(driver.dcmd(MfiDcmd.CTRL_GET_INFO, 0x7ff)).toBe(MfiStatus.INVALID_PARAMETER);
  });

  it('PD_LIST_QUERY exposes no physical drive to the host, PD_GET_LIST lists them', () => {
    const driver = new TestDriver();
    expect(driver.dcmd(MfiDcmd.PD_LIST_QUERY, 8192, [5])).toBe(MfiStatus.OK);
    expect(driver.view.getUint32(BUFFER + 4, true)).toBe(0);
    expect(driver.dcmd(MfiDcmd.PD_GET_LIST, 8192)).toBe(MfiStatus.OK);
    expect(driver.view.getUint32(BUFFER + 4, true)).toBe(2);
    expect(driver.view.getUint16(BUFFER + 8 + 24, true)).toBe(0x0100);
    expect(driver.dcmd(MfiDcmd.PD_GET_LIST, 8 + 24)).toBe(MfiStatus.OK); // room for one
    expect(driver.view.getUint32(BUFFER + 4, true)).toBe(1);
    expect(driver.dcmd(MfiDcmd.PD_GET_LIST, 31)).toBe(MfiStatus.INVALID_PARAMETER);
  });

  it('PD_GET_INFO knows the drive, or says that there is none', () => {
    const driver = new TestDriver();
    expect(driver.dcmd(MfiDcmd.PD_GET_INFO, 512, [0x00, 0x01])).toBe(MfiStatus.OK);
    expect(driver.text(BUFFER + 4 + 16, 13)).toBe('QEMU HARDDISK');
    expect(driver.view.getBigUint64(BUFFER + 232, true)).toBe(16384n);
    expect(driver.dcmd(MfiDcmd.PD_GET_INFO, 512, [0x00, 0x02])).toBe(MfiStatus.DEVICE_NOT_FOUND);
  });

  it('LD_LIST_QUERY and LD_GET_LIST name the targets', () => {
    const driver = new TestDriver();
    expect(driver.dcmd(MfiDcmd.LD_LIST_QUERY, 267, [1])).toBe(MfiStatus.OK);
    expect(driver.view.getUint32(BUFFER + 4, true)).toBe(2);
    expect([...driver.ram.subarray(BUFFER + 11, BUFFER + 13)]).toEqual([0, 1]);
    expect(driver.dcmd(MfiDcmd.LD_LIST_QUERY, 267, [2])).toBe(MfiStatus.OK); // targets in use: not known
    expect(driver.view.getUint32(BUFFER + 4, true)).toBe(0);
    expect(driver.dcmd(MfiDcmd.LD_LIST_QUERY, 11, [1])).toBe(MfiStatus.INVALID_PARAMETER);
    expect(driver.dcmd(MfiDcmd.LD_GET_LIST, 4104)).toBe(MfiStatus.OK);
    expect(driver.view.getUint32(BUFFER, true)).toBe(2);
    expect(driver.view.getBigUint64(BUFFER + 8 + 8, true)).toBe(49152n);
  });

  it('EVENT_WAIT stays pending until it is aborted', () => {
    const driver = new TestDriver();
    driver.init();
    expect(driver.dcmd(MfiDcmd.CTRL_EVENT_WAIT, 256, [1])).toBe(MfiStatus.INVALID);
    driver.timeline.advance(100);
    expect(driver.replies()).toEqual([]);

    const abort = FRAME + 0x1000;
    driver.frame(MfiCommand.ABORT, {}, abort);
    driver.view.setUint32(abort + mfi.ABORT_CONTEXT, CONTEXT + 1, true);
    driver.view.setUint32(abort + mfi.ABORT_ADDRESS_LO, FRAME, true);
    driver.post(abort);
    expect(driver.status(abort)).toBe(MfiStatus.ABORT_NOT_POSSIBLE); // wrong context
    driver.view.setUint32(abort + mfi.ABORT_CONTEXT, CONTEXT, true);
    driver.post(abort);
    expect([driver.status(abort), driver.status()]).toEqual([MfiStatus.OK, MfiStatus.SCSI_IO_FAILED]);
    driver.post(abort);
    expect(driver.status(abort)).toBe(MfiStatus.OK); // already gone
  });

  it('EVENT_GET_INFO counts, SHUTDOWN leaves the operational state, CACHE_FLUSH succeeds', () => {
    const driver = new TestDriver();
    driver.init();
    expect(driver.dcmd(MfiDcmd.CTRL_EVENT_GET_INFO, 20)).toBe(MfiStatus.OK);
    const before = driver.view.getUint32(BUFFER, true);
    driver.frame(0x7f);
    driver.post();
    expect(driver.status()).toBe(MfiStatus.INVALID_CMD);
    driver.dcmd(MfiDcmd.CTRL_EVENT_GET_INFO, 20);
    expect(driver.view.getUint32(BUFFER, true)).toBe(before + 1);
    expect(driver.dcmd(MfiDcmd.CTRL_CACHE_FLUSH, 0)).toBe(MfiStatus.OK);
    expect(driver.dcmd(MfiDcmd.CTRL_SHUTDOWN, 0)).toBe(MfiStatus.OK);
    expect(driver.firmwareState).toBe(reg.MFI_FWSTATE_READY);
  });

  it('that are unknown or have a wrong buffer are refused', () => {
    const driver = new TestDriver();
    expect(driver.dcmd(0x0bad0000, 16)).toBe(MfiStatus.INVALID_DCMD);
    expect(driver.dcmd(MfiDcmd.CTRL_GET_INFO, 0x800, [], RAM_SIZE - 0x7ff)).toBe(MfiStatus.MEMORY_NOT_AVAILABLE);
    driver.ram[FRAME + mfi.HDR_SGE_COUNT] = 2;
    driver.post();
    expect(driver.status()).toBe(MfiStatus.MEMORY_NOT_AVAILABLE);
  });
});

describe('logical and physical drives', () => {
  it('answer INQUIRY as the console shows them', () => {
    const driver = new TestDriver();
    expect(driver.scsi(0, INQUIRY, 36)).toBe(MfiStatus.OK);
    expect(driver.text(BUFFER + 8, 28)).toBe('QEMU    QEMU HARDDISK   2.5+');
    expect([driver.ram[BUFFER], driver.ram[BUFFER + 2], driver.ram[BUFFER + 4]]).toEqual([0, 5, 31]);
    expect(driver.scsi(1, INQUIRY, 36, MfiCommand.PD_SCSI_IO)).toBe(MfiStatus.OK);
  });

  it('that are absent are DEVICE_NOT_FOUND: the code the driver turns into DID_BAD_TARGET', () => {
    const driver = new TestDriver();
    driver.init();
    for (const target of [2, 63, 64, 128, 191, 255]) {
      expect(driver.scsi(target, INQUIRY, 36)).toBe(0x0c);
      expect(driver.logicalIo(MfiCommand.LD_READ, target, 0, 1, [[BUFFER, 512]])).toBe(0x0c);
    }
    expect(driver.scsi(0, INQUIRY, 36, MfiCommand.LD_SCSI_IO, 1)).toBe(0x0c); // logical drives have LUN 0 only
    expect(driver.replies().length).toBe(13);
  });

  it('fail TEST UNIT READY with "Internal target failure", for it comes without a buffer', () => {
    const driver = new TestDriver();
    expect(driver.scsi(0, [0, 0, 0, 0, 0, 0], 0)).toBe(MfiStatus.SCSI_DONE_WITH_ERROR);
    expect(driver.scsiStatus()).toBe(2);
    expect(driver.sense()).toEqual([0x4, 0x44, 0x00]);
    expect(driver.ram[FRAME + mfi.HDR_SENSE_LEN]).toBe(18);
  });

  it('cut sense data to the length the host has room for', () => {
    const driver = new TestDriver();
    driver.scsi(0, [0xff], 36);
    expect(driver.sense()).toEqual([0x5, 0x20, 0x00]);
    driver.ram.fill(0xee, SENSE, SENSE + 18);
    driver.ram[FRAME + mfi.HDR_SENSE_LEN] = 4;
    driver.post();
    expect(driver.sense()).toEqual([0x5, 0xee, 0xee]);
    driver.ram[FRAME + mfi.HDR_SENSE_LEN] = 18;
    driver.view.setUint32(FRAME + mfi.IO_SENSE_LO, RAM_SIZE - 1, true);
    driver.post();
    expect(driver.status()).toBe(MfiStatus.SCSI_DONE_WITH_ERROR);
  });

  it('read the same through LD_READ and READ (10), over several pieces, and keep what is written', () => {
    const driver = new TestDriver();
    expect(
      driver.logicalIo(MfiCommand.LD_READ, 1, 2, 4, [
        [BUFFER, 100],
        [BUFFER + 0x1000, 1948],
      ]),
    ).toBe(MfiStatus.OK);
    const read = [
      ...driver.ram.subarray(BUFFER, BUFFER + 100),
      ...driver.ram.subarray(BUFFER + 0x1000, BUFFER + 0x1000 + 1948),
    ];
    expect(driver.scsi(1, [0x28, 0, 0, 0, 0, 2, 0, 0, 4, 0], 2048)).toBe(MfiStatus.OK);
    expect([...driver.ram.subarray(BUFFER, BUFFER + 2048)]).toEqual(read);
    expect(read[0x38] | (read[0x39] << 8)).toBe(0xef53);

    driver.ram.fill(0x5a, BUFFER, BUFFER + 512);
    expect(driver.logicalIo(MfiCommand.LD_WRITE, 1, 3, 1, [[BUFFER, 512]])).toBe(MfiStatus.OK);
    driver.ram.fill(0, BUFFER, BUFFER + 2048);
    expect(driver.logicalIo(MfiCommand.LD_READ, 1, 2, 2, [[BUFFER, 1024]])).toBe(MfiStatus.OK);
    expect(driver.ram[BUFFER + 0x38]).toBe(0x53);
    expect(driver.ram[BUFFER + 512]).toBe(0x5a);
    expect(driver.ram[BUFFER + 1023]).toBe(0x5a);
  });

  it('refuse blocks beyond their end', () => {
    const driver = new TestDriver();
    for (const command of [MfiCommand.LD_READ, MfiCommand.LD_WRITE]) {
      expect(driver.logicalIo(command, 1, 16383, 2, [[BUFFER, 1024]])).toBe(MfiStatus.SCSI_DONE_WITH_ERROR);
      expect(driver.sense()).toEqual([0x5, 0x21, 0x00]);
    }
  });

  it('refuse a bad scatter-gather list with TARGET FAILURE', () => {
    const driver = new TestDriver();
    const lists: [number, number][][] = [
      [],
      [[0, 512]],
      [[BUFFER, 0]],
      [[BUFFER, 511]], // too short for a block
      [[RAM_SIZE - 511, 512]],
      [[0xfffffff0, 512]],
    ];
    for (const list of lists) {
      driver.ram.fill(0, SENSE, SENSE + 18);
      expect(driver.logicalIo(MfiCommand.LD_READ, 0, 0, 1, list)).toBe(MfiStatus.SCSI_DONE_WITH_ERROR);
      expect(driver.sense()).toEqual([0x4, 0x44, 0x00]);
    }
    driver.ram[FRAME + mfi.HDR_SGE_COUNT] = 129;
    driver.post();
    expect(driver.status()).toBe(MfiStatus.SCSI_DONE_WITH_ERROR);
  });

  it('take 64-bit and IEEE scatter-gather elements', () => {
    const driver = new TestDriver();
    for (const [flags, size] of [
      [MfiFlag.SGL64, 12],
      [MfiFlag.SGL64 | MfiFlag.IEEE_SGL, 16],
    ]) {
      driver.logicalIo(MfiCommand.LD_READ, 0, 2, 1, [[BUFFER, 512]]);
      driver.ram.fill(0, BUFFER, BUFFER + 512);
      driver.ram[FRAME + mfi.HDR_SGE_COUNT] = 2;
      driver.view.setUint16(FRAME + mfi.HDR_FLAGS, flags, true);
      for (let i = 0; i < 2; i++) {
        const at = FRAME + mfi.IO_SGL + i * size;
        driver.ram.fill(0, at, at + size);
        driver.view.setUint32(at, BUFFER + i * 256, true);
        driver.view.setUint32(at + 8, 256, true);
      }
      driver.post();
      expect(driver.status()).toBe(MfiStatus.OK);
      expect(driver.view.getUint16(BUFFER + 0x38, true)).toBe(0xef53);
    }
  });
});

describe('a frame', () => {
  it('that is not in RAM is dropped, one that is cut off by the end of RAM is answered', () => {
    const driver = new TestDriver();
    driver.init();
    driver.post(RAM_SIZE);
    driver.post(0xffffffc0);
    expect(driver.replies()).toEqual([]);
    const last = RAM_SIZE - mfi.MFI_FRAME_SIZE;
    driver.ram[last + mfi.HDR_CMD] = MfiCommand.LD_READ;
    driver.ram[last + mfi.HDR_SGE_COUNT] = 8; // the list runs out of RAM
    driver.post(last);
    expect(driver.status(last)).toBe(MfiStatus.SCSI_DONE_WITH_ERROR);
    expect(driver.replies().length).toBe(1);
  });

  it('whose buffer is the frame itself, or the reply queue, still ends', () => {
    const driver = new TestDriver();
    driver.init();
    driver.logicalIo(MfiCommand.LD_READ, 0, 0, 1, [[FRAME, 512]]);
    expect(driver.status()).toBe(MfiStatus.OK);
    driver.logicalIo(MfiCommand.LD_READ, 0, 0, 8, [[REPLY_QUEUE, 4096]]);
    expect(driver.status()).toBe(MfiStatus.OK);
  });

  it('that aborts itself ends', () => {
    const driver = new TestDriver();
    driver.frame(MfiCommand.ABORT);
    driver.view.setUint32(FRAME + mfi.ABORT_CONTEXT, CONTEXT, true);
    driver.view.setUint32(FRAME + mfi.ABORT_ADDRESS_LO, FRAME, true);
    driver.post();
    expect(driver.status()).toBe(MfiStatus.OK);
  });
});

it('an empty controller has no drive', () => {
  const driver = new TestDriver({ disks: [] });
  expect(driver.scsi(0, INQUIRY, 36)).toBe(MfiStatus.DEVICE_NOT_FOUND);
  expect(driver.dcmd(MfiDcmd.LD_LIST_QUERY, 267, [1])).toBe(MfiStatus.OK);
  expect(driver.view.getUint32(BUFFER + 4, true)).toBe(0);
});

it('a controller with eight disks answers for each', () => {
  const driver = new TestDriver({ disks: Array.from({ length: 8 }, (_, i) => syntheticDisk(i, 1000 + i)) });
  for (let target = 0; target < 8; target++) {
    expect(driver.scsi(target, [0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0], 8)).toBe(MfiStatus.OK);
    expect(driver.view.getUint32(BUFFER, false)).toBe(999 + target);
  }
  expect(driver.scsi(8, INQUIRY, 36)).toBe(MfiStatus.DEVICE_NOT_FOUND);
});

it('an empty drive says that there is no medium, also to TEST UNIT READY', () => {
  const driver = new TestDriver({ disks: [new ScsiDisk(0, undefined)] });
  driver.init();
  expect(driver.scsi(0, [0x00, 0, 0, 0, 0, 0], 0)).toBe(MfiStatus.SCSI_DONE_WITH_ERROR);
  expect(driver.sense()).toEqual([2, 0x3a, 0]);
  driver.scsi(0, [0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0], 8);
  expect(driver.sense()).toEqual([2, 0x3a, 0]);
  expect(driver.logicalIo(MfiCommand.LD_READ, 0, 0, 1, [[BUFFER, 512]])).toBe(MfiStatus.SCSI_DONE_WITH_ERROR);
  expect(driver.sense()).toEqual([2, 0x3a, 0]);
  expect(driver.scsi(0, INQUIRY, 36)).toBe(MfiStatus.OK);
});

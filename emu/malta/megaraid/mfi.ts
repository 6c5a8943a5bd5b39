// The MegaRAID Firmware Interface: frames in host memory, all multi-byte fields little endian whatever the host is.
//
// A frame is one or more 64-byte units at a 64-byte aligned address. Offsets, codes and states are facts of the
// interface; they were read in Linux's megaraid_sas.h and QEMU's hw/scsi/mfi.h.

export const MFI_FRAME_SIZE = 64;
/** The controller reads this much of a frame at most: 128 scatter-gather elements' worth, as QEMU maps it. */
export const MFI_FRAME_MAX = 2048;
export const MFI_MAX_SGE = 128;
/** Logical drives of a first-generation firmware; targets at and above it do not exist. */
export const MFI_MAX_LD = 64;

// Header, common to all frames.
export const HDR_CMD = 0x00;
export const HDR_SENSE_LEN = 0x01;
export const HDR_CMD_STATUS = 0x02;
export const HDR_SCSI_STATUS = 0x03;
export const HDR_TARGET_ID = 0x04;
export const HDR_LUN = 0x05;
export const HDR_CDB_LEN = 0x06;
export const HDR_SGE_COUNT = 0x07;
export const HDR_CONTEXT = 0x08;
export const HDR_FLAGS = 0x10;
export const HDR_DATA_LEN = 0x14;

// INIT frame, and the queue information it points to.
export const INIT_QINFO_LO = 0x18;
export const INIT_QINFO_HI = 0x1c;
export const QINFO_SIZE = 0x20;
export const QINFO_FLAGS = 0x00;
export const QINFO_ENTRIES = 0x04;
export const QINFO_REPLY_QUEUE = 0x08;
export const QINFO_PRODUCER = 0x10;
export const QINFO_CONSUMER = 0x18;
export const QINFO_FLAG_CONTEXT64 = 0x02;

// LD_READ and LD_WRITE (DATA_LEN counts blocks), LD_SCSI and PD_SCSI (DATA_LEN counts bytes).
export const IO_SENSE_LO = 0x18;
export const IO_SENSE_HI = 0x1c;
export const IO_LBA_LO = 0x20;
export const IO_LBA_HI = 0x24;
export const IO_SGL = 0x28;
export const PASS_CDB = 0x20;
export const PASS_SGL = 0x30;

// DCMD and ABORT.
export const DCMD_OPCODE = 0x18;
export const DCMD_MBOX = 0x1c;
export const DCMD_SGL = 0x28;
export const ABORT_CONTEXT = 0x18;
export const ABORT_ADDRESS_LO = 0x20;
export const ABORT_ADDRESS_HI = 0x24;

/** Frame commands (HDR_CMD). */
export const MfiCommand = {
  INIT: 0x00,
  LD_READ: 0x01,
  LD_WRITE: 0x02,
  LD_SCSI_IO: 0x03,
  PD_SCSI_IO: 0x04,
  DCMD: 0x05,
  ABORT: 0x06,
} as const;

/** Frame flags (HDR_FLAGS). */
export const MfiFlag = {
  DONT_POST_IN_REPLY_QUEUE: 0x0001,
  SGL64: 0x0002,
  SENSE64: 0x0004,
  DIR_WRITE: 0x0008,
  DIR_READ: 0x0010,
  IEEE_SGL: 0x0020,
} as const;

/** Command status the firmware writes to HDR_CMD_STATUS. */
export const MfiStatus = {
  OK: 0x00,
  INVALID_CMD: 0x01,
  INVALID_DCMD: 0x02,
  INVALID_PARAMETER: 0x03,
  ABORT_NOT_POSSIBLE: 0x05,
  DEVICE_NOT_FOUND: 0x0c,
  MEMORY_NOT_AVAILABLE: 0x20,
  SCSI_DONE_WITH_ERROR: 0x2d,
  SCSI_IO_FAILED: 0x2e,
  /** Not answered yet: what a polling host writes before it posts the frame. */
  INVALID: 0xff,
} as const;

/** Opcodes of direct commands. */
export const MfiDcmd = {
  CTRL_GET_INFO: 0x01010000,
  CTRL_EVENT_GET_INFO: 0x01040100,
  CTRL_EVENT_WAIT: 0x01040500,
  CTRL_SHUTDOWN: 0x01050000,
  CTRL_HIBERNATE: 0x01060000,
  CTRL_CACHE_FLUSH: 0x01101000,
  PD_GET_LIST: 0x02010000,
  PD_LIST_QUERY: 0x02010100,
  PD_GET_INFO: 0x02020000,
  LD_GET_LIST: 0x03010000,
  LD_LIST_QUERY: 0x03010100,
  CLUSTER: 0x08000000,
  CLUSTER_RESET_ALL: 0x08010100,
  CLUSTER_RESET_LD: 0x08010200,
} as const;

export const PD_QUERY_TYPE_ALL = 0;
export const LD_QUERY_TYPE_ALL = 0;
export const LD_QUERY_TYPE_EXPOSED_TO_HOST = 1;

// The MegaRAID Firmware Interface as the driver needs it: registers of the SAS1078, frames, direct commands.
// Frames are little endian in memory; a le16/le32 field is read and written through le16()/le32().
// Facts from Linux's megaraid_sas.h. The controller's side is emu/malta/megaraid.
#ifndef DRIVERS_MFI_H
#define DRIVERS_MFI_H

#include "types.h"

typedef u16 le16_t;
typedef u32 le32_t;
#define le16(x) __builtin_bswap16(x)
#define le32(x) __builtin_bswap32(x)

// Registers, offsets into BAR 0.
#define MFI_INBOUND_DOORBELL     0x20
#define MFI_OUTBOUND_INTR_STATUS 0x30
#define MFI_OUTBOUND_INTR_MASK   0x34
#define MFI_INBOUND_QUEUE_PORT   0x40
#define MFI_OUTBOUND_DOORBELL_CLEAR 0xa0
#define MFI_OUTBOUND_SCRATCH_PAD_0  0xb0

#define MFI_REPLY_1078_MESSAGE_INTERRUPT 0x80000000

// Firmware state, bits 31..28 of scratch pad 0; below it 23..16 list elements, 15..0 commands.
#define MFI_STATE_MASK           0xf0000000
#define MFI_STATE_UNDEFINED      0x00000000
#define MFI_STATE_BB_INIT        0x10000000
#define MFI_STATE_FW_INIT        0x40000000
#define MFI_STATE_WAIT_HANDSHAKE 0x60000000
#define MFI_STATE_FW_INIT_2      0x70000000
#define MFI_STATE_DEVICE_SCAN    0x80000000
#define MFI_STATE_BOOT_MESSAGE_PENDING 0x90000000
#define MFI_STATE_FLUSH_CACHE    0xa0000000
#define MFI_STATE_READY          0xb0000000
#define MFI_STATE_OPERATIONAL    0xc0000000
#define MFI_STATE_FAULT          0xf0000000

// Inbound doorbell.
#define MFI_INIT_ABORT           0x01
#define MFI_INIT_READY           0x02
#define MFI_INIT_MFIMODE         0x04
#define MFI_INIT_CLEAR_HANDSHAKE 0x08
#define MFI_INIT_HOTPLUG         0x10
#define MFI_RESET_FLAGS          (MFI_INIT_READY | MFI_INIT_MFIMODE | MFI_INIT_ABORT)

// Frame commands.
#define MFI_CMD_INIT       0
#define MFI_CMD_LD_READ    1
#define MFI_CMD_LD_WRITE   2
#define MFI_CMD_LD_SCSI_IO 3
#define MFI_CMD_PD_SCSI_IO 4
#define MFI_CMD_DCMD       5
#define MFI_CMD_ABORT      6

// Frame flags.
#define MFI_FRAME_DONT_POST_IN_REPLY_QUEUE 0x0001
#define MFI_FRAME_DIR_NONE  0x0000
#define MFI_FRAME_DIR_WRITE 0x0008
#define MFI_FRAME_DIR_READ  0x0010

// Command status.
#define MFI_STAT_OK                   0x00
#define MFI_STAT_DEVICE_NOT_FOUND     0x0c
#define MFI_STAT_LD_INIT_IN_PROGRESS  0x18
#define MFI_STAT_SCSI_DONE_WITH_ERROR 0x2d
#define MFI_STAT_SCSI_IO_FAILED       0x2e
#define MFI_STAT_LD_OFFLINE           0x33
#define MFI_STAT_INVALID_STATUS       0xff

// Direct commands.
#define MR_DCMD_CTRL_GET_INFO       0x01010000
#define MR_DCMD_CTRL_EVENT_GET_INFO 0x01040100
#define MR_DCMD_CTRL_EVENT_WAIT     0x01040500
#define MR_DCMD_PD_LIST_QUERY       0x02010100
#define MR_DCMD_LD_GET_LIST         0x03010000
#define MR_DCMD_LD_LIST_QUERY       0x03010100
#define MR_PD_QUERY_TYPE_EXPOSED_TO_HOST 5
#define MR_LD_QUERY_TYPE_EXPOSED_TO_HOST 1
#define MR_PD_STATE_SYSTEM 0x40
#define MR_EVT_LOCALE_ALL  0xffff
#define MR_EVT_CLASS_DEBUG (-2)

#define MEGAMFI_FRAME_SIZE 64

struct megasas_sge32 {
	le32_t phys_addr;
	le32_t length;
};

struct megasas_header {
	u8 cmd;         // 00
	u8 sense_len;   // 01
	u8 cmd_status;  // 02
	u8 scsi_status; // 03
	u8 target_id;   // 04
	u8 lun;         // 05, of LD_READ and LD_WRITE: access byte of the CDB
	u8 cdb_len;     // 06
	u8 sge_count;   // 07
	le32_t context; // 08: index in cmd_list
	le32_t pad_0;   // 0c
	le16_t flags;   // 10
	le16_t timeout; // 12
	le32_t data_xfer_len; // 14: bytes, of LD_READ and LD_WRITE blocks
};

struct megasas_init_frame {
	struct megasas_header hdr;
	le32_t queue_info_new_phys_addr_lo; // 18
	le32_t queue_info_new_phys_addr_hi;
};

struct megasas_init_queue_info {
	le32_t init_flags;
	le32_t reply_queue_entries;
	le32_t reply_queue_start_phys_addr_lo, reply_queue_start_phys_addr_hi;
	le32_t producer_index_phys_addr_lo, producer_index_phys_addr_hi;
	le32_t consumer_index_phys_addr_lo, consumer_index_phys_addr_hi;
};

struct megasas_io_frame {
	struct megasas_header hdr;
	le32_t sense_buf_phys_addr_lo, sense_buf_phys_addr_hi; // 18
	le32_t start_lba_lo, start_lba_hi;                     // 20
	struct megasas_sge32 sge[1];                           // 28
};

struct megasas_pthru_frame {
	struct megasas_header hdr;
	le32_t sense_buf_phys_addr_lo, sense_buf_phys_addr_hi; // 18
	u8 cdb[16];                                            // 20
	struct megasas_sge32 sge[1];                           // 30
};

struct megasas_dcmd_frame {
	struct megasas_header hdr;
	le32_t opcode; // 18
	union {
		u8 b[12];
		le32_t w[3];
	} mbox;                      // 1c
	struct megasas_sge32 sge[1]; // 28
};

union megasas_frame {
	struct megasas_header hdr;
	struct megasas_init_frame init;
	struct megasas_io_frame io;
	struct megasas_pthru_frame pthru;
	struct megasas_dcmd_frame dcmd;
	u8 raw_bytes[MEGAMFI_FRAME_SIZE];
};

struct MR_PD_ADDRESS {
	le16_t deviceId;
	le16_t enclDeviceId;
	u8 enclIndex, slotNumber;
	u8 scsiDevType;
	u8 connectedPortBitmap;
	u8 sasAddr[16];
};

struct MR_PD_LIST {
	le32_t size;
	le32_t count;
	struct MR_PD_ADDRESS addr[1];
};

struct MR_LD_LIST {
	le32_t ldCount;
	le32_t reserved;
	struct {
		u8 targetId, pad;
		le16_t seqNum;
		u8 state;
		u8 reserved[3];
		le32_t size_lo, size_hi;
	} ldList[256];
};

struct MR_LD_TARGETID_LIST {
	le32_t size;
	le32_t count;
	u8 pad[3];
	u8 targetId[256];
} __attribute__((packed));

struct megasas_evt_log_info {
	le32_t newest_seq_num, oldest_seq_num, clear_seq_num, shutdown_seq_num, boot_seq_num;
};

// The fields of the 2384-byte controller information that the driver looks at, by offset.
#define CTRL_INFO_SIZE             2384
#define CTRL_INFO_PCI_VENDOR       0x000 // le16, then device, subsystem vendor, subsystem
#define CTRL_INFO_MEMORY_SIZE      0x5d0 // le16, MB
#define CTRL_INFO_MAX_REQUEST_SIZE 0x5bc // le32, blocks
#define CTRL_INFO_MAX_STRIPS       0x5da // le16
#define CTRL_INFO_STRIPE_MIN       0x5e8 // log2 of blocks
#define CTRL_INFO_ONOFF            0x620 // le32; bit 10: no online controller reset
#define CTRL_INFO_ONOFF2           0x624 // le16; bit 6: combined device list
#define CTRL_INFO_ADAPTER_OPS2     0x7a4 // le32; bit 20: uneven spans
#define CTRL_INFO_ADAPTER_OPS3     0x7e8 // le32; bits 6 crash dump, 18 secure JBOD, 24 JBOD sequence numbers
#define CTRL_INFO_ADAPTER_OPS4     0x7fc // le16; bit 13: NVMe
#define CTRL_INFO_ADAPTER_OPS5     0x848 // le32; bit 12: lane margining
#define CTRL_INFO_TASK_ABORT_TO    0x94b // s
#define CTRL_INFO_MAX_RESET_TO     0x94c // s

#endif

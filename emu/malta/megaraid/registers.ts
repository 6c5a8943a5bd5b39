// Registers of the LSI SAS1078 message unit, as far as the MFI interface uses them. All are 32 bits, little endian,
// in BAR 0 (memory) and mirrored in BAR 2 (I/O). Names as in the MFI documents; Linux calls the set
// megasas_register_set (drivers/scsi/megaraid/megaraid_sas.h).

/** Outbound message 0: firmware state, SGE limit, command limit. Linux reads the same word from OSP0. */
export const MFI_OMSG0 = 0x18;
/** Inbound doorbell: the host asks the firmware to change state (MFI_FWINIT_*). */
export const MFI_IDB = 0x20;
/** Outbound interrupt status. */
export const MFI_OSTS = 0x30;
/** Outbound interrupt mask: a set bit masks; all ones means no interrupts. */
export const MFI_OMSK = 0x34;
/** Inbound queue port: address of a frame, bits 4..1 number of further 64-byte frames. */
export const MFI_IQP = 0x40;
/** Outbound doorbell clear register 0: any write takes the reply interrupt back. */
export const MFI_ODCR0 = 0xa0;
/** Outbound scratch pad 0: same word as OMSG0. */
export const MFI_OSP0 = 0xb0;
/** Outbound scratch pad 1: highest MSI-X vector. */
export const MFI_OSP1 = 0xb4;
/** Inbound queue port, low and high word of a 64-bit frame address; the low word posts. */
export const MFI_IQPL = 0xc0;
export const MFI_IQPH = 0xc4;
/** Host diagnostic register, writable after the key sequence was written to MFI_SEQ. */
export const MFI_DIAG = 0xf8;
export const MFI_SEQ = 0xfc;

/** MFI_OSTS: a reply is waiting (1078), and the interrupt-valid bit QEMU shows along with it. */
export const MFI_1078_RM = 0x80000000;
export const MFI_OSTS_REPLY = 0x80000001;

export const MFI_INTR_DISABLED = 0xffffffff;

// Firmware states: bits 31..28 of OMSG0.
export const MFI_FWSTATE_FW_INIT = 0x40000000;
export const MFI_FWSTATE_WAIT_HANDSHAKE = 0x60000000;
export const MFI_FWSTATE_READY = 0xb0000000;
export const MFI_FWSTATE_OPERATIONAL = 0xc0000000;
export const MFI_FWSTATE_FAULT = 0xf0000000;
export const MFI_FWSTATE_MASK = 0xf0000000;

// Inbound doorbell bits.
export const MFI_FWINIT_ABORT = 0x01;
export const MFI_FWINIT_READY = 0x02;
export const MFI_FWINIT_CLEAR_HANDSHAKE = 0x08;
export const MFI_FWINIT_STOP_ADP = 0x20;

export const MFI_DIAG_WRITE_ENABLE = 0x80;
export const MFI_DIAG_RESET_ADP = 0x04;
/** Key that unlocks MFI_DIAG, written to MFI_SEQ one value after the other. */
export const MFI_RESET_SEQUENCE = [0x00, 0x04, 0x0b, 0x02, 0x07, 0x0d];

// The MegaRAID SAS driver's face towards the SCSI layer (kernel/scsi-*.c). CONTRACT between lead and driver developer:
// commands are asynchronous. megasas_queue_command posts the MFI frame and returns; megasas_isr (run by the host as the
// interrupt handler) takes replies off the queue and calls scsi_done() for each.
#ifndef DRIVERS_MEGARAID_H
#define DRIVERS_MEGARAID_H

#include "../kernel/kernel.h"

struct megasas_instance;

// Probes PCI function 00:slot.0, prints what the real driver prints up to "Max firmware commands ...", brings the
// firmware to operational, reads controller info, PD and LD lists. NULL when there is no such controller.
struct megasas_instance *megasas_probe_one(u32 slot);

// Commands the mid layer may have outstanding, for the host's tag set.
u32 megasas_max_commands(struct megasas_instance *instance);

// megasas_slave_alloc: 0 when the target may be scanned, -ENXIO for a physical drive the firmware does not list.
// Channels 0..1 physical, 2..3 logical.
int megasas_slave_alloc(struct megasas_instance *instance, u32 channel, u32 id);

// Posts one SCSI command. Returns 0 when the firmware has it; nonzero (DID_BAD_TARGET) when the driver refuses it at
// once, as for logical drives beyond what the firmware supports (the caller completes it).
int megasas_queue_command(struct megasas_instance *instance, struct request *rq, u32 channel, u32 id, u32 lun,
			  const u8 *cdb, u32 cdb_len, void *buffer, u32 len, u8 *sense);

// The interrupt handler: 1 when the interrupt was ours.
u32 megasas_isr(u32 instance, u32 b, u32 c, u32 d);

// In kernel/scsi-lib.c: a command is done. result as the kernel's: host byte << 16 | SCSI status.
void scsi_done(struct request *rq, u32 result);

#endif

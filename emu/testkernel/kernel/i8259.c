// The pair of 8259 interrupt controllers (Intel 8259A data sheet), acknowledged by the GT-64120's interrupt acknowledge
// cycle. Vectors 0 to 15.
#include "board.h"
#include "kernel.h"

#define ICW1_INIT 0x11 // edge triggered, cascaded, ICW4 follows
#define ICW4_8086 0x01
#define OCW2_SPECIFIC_EOI 0x60
#define CASCADE 2

static irq_handler *handlers[16];
static u8 imr[2];
u32 spurious_irqs;

void i8259_init(void)
{
	imr[0] = imr[1] = 0xff;
	outb(0xff, PIC1 + 1);
	outb(0xff, PIC2 + 1);
	outb(ICW1_INIT, PIC1);
	outb(0, PIC1 + 1);
	outb(1 << CASCADE, PIC1 + 1);
	outb(ICW4_8086, PIC1 + 1);
	outb(ICW1_INIT, PIC2);
	outb(8, PIC2 + 1);
	outb(CASCADE, PIC2 + 1);
	outb(ICW4_8086, PIC2 + 1);
	outb(imr[0], PIC1 + 1);
	outb(imr[1], PIC2 + 1);
	irq_unmask(CASCADE);
}

static void set_mask(u32 irq, bool masked)
{
	u32 chip = irq >> 3, bit = 1u << (irq & 7);

	imr[chip] = (u8)(masked ? imr[chip] | bit : imr[chip] & ~bit);
	outb(imr[chip], (chip ? PIC2 : PIC1) + 1);
}

void irq_mask(u32 irq) { set_mask(irq, true); }
void irq_unmask(u32 irq) { set_mask(irq, false); }

void irq_request(u32 irq, irq_handler *handler)
{
	handlers[irq] = handler;
	irq_unmask(irq);
}

void irq_free(u32 irq)
{
	irq_mask(irq);
	handlers[irq] = NULL;
}

// In-service register of the chip that `irq` is on.
static u8 in_service(u32 irq)
{
	u32 port = irq >> 3 ? PIC2 : PIC1;
	u8 isr;

	outb(0x0b, port);
	isr = inb(port);
	outb(0x0a, port);
	return isr;
}

void i8259_interrupt(void)
{
	u32 irq = gt_read(GT_PCI0_IACK) & 0xf;

	if ((irq & 7) == 7 && !(in_service(irq) & 0x80)) {
		spurious_irqs++;
		if (irq == 15) // the master has the cascade in service
			outb(OCW2_SPECIFIC_EOI | CASCADE, PIC1);
		return;
	}
	if (handlers[irq])
		handlers[irq](irq);
	else
		irq_mask(irq);
	if (irq & 8) {
		outb((u8)(OCW2_SPECIFIC_EOI | (irq & 7)), PIC2);
		outb(OCW2_SPECIFIC_EOI | CASCADE, PIC1);
	} else
		outb((u8)(OCW2_SPECIFIC_EOI | irq), PIC1);
}

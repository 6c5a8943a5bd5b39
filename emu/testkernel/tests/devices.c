// The 8259 pair, the 8254, the clock chip and the UART of COM1.
#include "test.h"
#include "uart.h"

static volatile u32 ticks;
static void tick(u32 irq) { ticks++; }

static void pit_start(u32 divisor)
{
	outb(0x34, PIT + 3); // channel 0, both bytes, rate generator
	outb((u8)divisor, PIT);
	outb((u8)(divisor >> 8), PIT);
}

static void pit_stop(void) { outb(0x30, PIT + 3); }

static u32 pit_count(void)
{
	u32 low;

	outb(0x00, PIT + 3); // latch
	low = inb(PIT);
	return low | (u32)inb(PIT) << 8;
}

void test_pit(void)
{
	ticks = 0;
	pit_start(1193); // 1 ms
	irq_request(IRQ_PIT, tick);
	line_enable(IP_8259);
	irq_enable();
	check_true("three ticks came", spin_until(&ticks, 3));
	irq_disable();
	irq_free(IRQ_PIT);
	line_disable(IP_8259);
	pit_stop();
}

void test_pit_counts_down(void)
{
	u32 first, now = 0;

	pit_start(0x8000);
	first = pit_count();
	check_true("starts below its divisor", first > 0 && first <= 0x8000);
	for (u32 i = 0; i < 10000000; i++)
		if ((now = pit_count()) < first)
			break;
	check_true("counts down", now < first);
	pit_stop();
}

static u8 irr(u32 port)
{
	outb(0x0a, port);
	return inb(port);
}

// A masked request stays in the request register and is delivered when the mask goes.
void test_pic_mask(void)
{
	ticks = 0;
	irq_request(IRQ_PIT, tick);
	irq_mask(IRQ_PIT);
	check("the mask reads back", inb(PIC1 + 1), 0xfb);
	line_enable(IP_8259);
	irq_enable();
	pit_start(1193);
	for (u32 i = 0; i < 10000000 && !(irr(PIC1) & 1); i++)
		;
	check("the request is there", irr(PIC1) & 1, 1);
	check("and not delivered", ticks, 0);
	irq_unmask(IRQ_PIT);
	check_true("delivered when unmasked", spin_until(&ticks, 1));
	irq_disable();
	irq_free(IRQ_PIT);
	line_disable(IP_8259);
	pit_stop();
}

// Acknowledging when nothing is pending gives the spurious vector, and no in-service bit.
void test_pic_spurious(void)
{
	check("vector", gt_read(GT_PCI0_IACK) & 0xff, 7);
	outb(0x0b, PIC1);
	check("in-service register", inb(PIC1), 0);
	outb(0x0a, PIC1);
}

static u8 rtc_read(u8 reg)
{
	outb(reg, RTC);
	return inb(RTC + 1);
}

static void rtc_write(u8 value, u8 reg)
{
	outb(reg, RTC);
	outb(value, RTC + 1);
}

#define RTC_A 0x0a
#define RTC_B 0x0b
#define RTC_C 0x0c
#define RTC_D 0x0d
#define RTC_PIE 0x40

static void rtc_tick(u32 irq)
{
	if (rtc_read(RTC_C) & RTC_PIE)
		ticks++;
}

// Interrupt 8 comes through the second 8259.
void test_rtc_periodic(void)
{
	u8 b = rtc_read(RTC_B);

	check("the clock has power", rtc_read(RTC_D) & 0x80, 0x80);
	ticks = 0;
	rtc_write(0x26, RTC_A); // 1024 Hz
	rtc_write(b | RTC_PIE, RTC_B);
	rtc_read(RTC_C);
	irq_request(IRQ_RTC, rtc_tick);
	line_enable(IP_8259);
	irq_enable();
	check_true("three periods", spin_until(&ticks, 3));
	irq_disable();
	irq_free(IRQ_RTC);
	line_disable(IP_8259);
	rtc_write(b, RTC_B);
	rtc_read(RTC_C);
}

static const char message[] = "# sent by interrupt, a byte at a time\r\n";
static volatile u32 sent;

static void send_next(u32 irq)
{
	if ((inb(COM1 + UART_IIR) & IIR_ID) != IIR_THRE)
		return;
	if (sent < sizeof(message) - 1)
		outb((u8)message[sent++], COM1 + UART_THR);
	else
		outb(0, COM1 + UART_IER);
	ticks++;
}

void test_uart_transmit(void)
{
	sent = 0;
	ticks = 0;
	irq_request(IRQ_COM1, send_next);
	line_enable(IP_8259);
	irq_enable();
	outb(IER_ETBEI, COM1 + UART_IER); // empty already: interrupts at once
	check_true("an interrupt for each byte and one more", spin_until(&ticks, sizeof(message)));
	irq_disable();
	check("all sent", sent, sizeof(message) - 1);
	irq_free(IRQ_COM1);
	line_disable(IP_8259);
	outb(0, COM1 + UART_IER);
}

static char received[8];
static volatile u32 nr_received;

static void receive(u32 irq)
{
	while (inb(COM1 + UART_LSR) & LSR_DR)
		if (nr_received < sizeof(received))
			received[nr_received++] = (char)inb(COM1 + UART_RBR);
	inb(COM1 + UART_IIR);
}

// The loopback of the modem control register: what is sent comes back, and nothing goes out.
void test_uart_loopback(void)
{
	const char *text = "echo";

	nr_received = 0;
	outb(MCR_LOOP | MCR_RTS | MCR_OUT2, COM1 + UART_MCR);
	check("modem status in loopback: CTS from RTS, DCD from OUT2", inb(COM1 + UART_MSR) & 0xf0, 0x90);
	outb(IER_ERBFI, COM1 + UART_IER);
	irq_request(IRQ_COM1, receive);
	line_enable(IP_8259);
	irq_enable();
	for (u32 i = 0; i < 4; i++) {
		outb((u8)text[i], COM1 + UART_THR);
		check_true("received by interrupt", spin_until(&nr_received, i + 1));
	}
	irq_disable();
	irq_free(IRQ_COM1);
	line_disable(IP_8259);
	outb(0, COM1 + UART_IER);
	outb(MCR_DTR | MCR_RTS | MCR_OUT2, COM1 + UART_MCR);
	check("the bytes", (u32)memcmp(received, text, 4), 0);
}

void test_uart_registers(void)
{
	outb(0x5a, COM1 + UART_SCR);
	check("scratch register", inb(COM1 + UART_SCR), 0x5a);
	check("FIFOs are on, no interrupt", inb(COM1 + UART_IIR), 0xc1);
	check("line control", inb(COM1 + UART_LCR), LCR_8N1);
}

// 16550 registers and bits (National Semiconductor PC16550D data sheet).
#ifndef UART_H
#define UART_H

#define UART_RBR 0
#define UART_THR 0
#define UART_DLL 0
#define UART_IER 1
#define UART_DLM 1
#define UART_IIR 2
#define UART_FCR 2
#define UART_LCR 3
#define UART_MCR 4
#define UART_LSR 5
#define UART_MSR 6
#define UART_SCR 7

#define IER_ERBFI 0x01 // received data available
#define IER_ETBEI 0x02 // transmitter holding register empty
#define IIR_NONE  0x01
#define IIR_ID    0x0f
#define IIR_THRE  0x02
#define IIR_RDA   0x04
#define IIR_TIMEOUT 0x0c
#define FCR_ENABLE 0x01
#define FCR_CLEAR  0x06
#define LCR_8N1  0x03
#define LCR_DLAB 0x80
#define MCR_DTR  0x01
#define MCR_RTS  0x02
#define MCR_OUT2 0x08 // lets the interrupt out on a PC
#define MCR_LOOP 0x10
#define LSR_DR   0x01
#define LSR_THRE 0x20
#define LSR_TEMT 0x40

#endif

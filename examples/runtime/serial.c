/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* The 16550 at COM1, polled. */
#include "internal.h"

#define COM1                  0x3f8
#define UART_DATA             (COM1 + 0)
#define UART_INTERRUPT_ENABLE (COM1 + 1)
#define UART_FIFO_CONTROL     (COM1 + 2)
#define UART_LINE_CONTROL     (COM1 + 3)
#define UART_MODEM_CONTROL    (COM1 + 4)
#define UART_LINE_STATUS      (COM1 + 5)
#define UART_SCRATCH          (COM1 + 7)

#define LINE_CONTROL_8N1      0x03
#define LINE_CONTROL_DIVISOR  0x80
#define LINE_STATUS_THR_EMPTY 0x20

/* A character takes 87 us at 115200 baud; a port access at least 0.1 us. */
#define POLLS_MAX 100000

static bool serial_dead;

void serial_start(void)
{
    /* Without a UART this reads back as 0xff. */
    out8(UART_SCRATCH, 0x5a);
    if (in8(UART_SCRATCH) != 0x5a) {
        serial_dead = true;
        return;
    }
    out8(UART_INTERRUPT_ENABLE, 0);
    out8(UART_LINE_CONTROL, LINE_CONTROL_DIVISOR);
    out8(UART_DATA, 1); /* 115200 baud */
    out8(UART_INTERRUPT_ENABLE, 0);
    out8(UART_LINE_CONTROL, LINE_CONTROL_8N1);
    out8(UART_FIFO_CONTROL, 0x07); /* on, both emptied */
    out8(UART_MODEM_CONTROL, 0x03);
}

void serial_put(char c)
{
    for (unsigned poll = 0; !serial_dead && poll < POLLS_MAX; poll++) {
        if (in8(UART_LINE_STATUS) & LINE_STATUS_THR_EMPTY) {
            out8(UART_DATA, (uint8_t)c);
            return;
        }
    }
    /* Wait once, not for every character that is left to say. */
    serial_dead = true;
}

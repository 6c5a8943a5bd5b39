// Tells the host where C put things: EXPORT_OFFSET(struct task_struct, comm) makes an absolute symbol
// "offset:task_struct.comm" in the image, EXPORT_SIZE(struct task_struct) "size:task_struct".
// Use them inside a function marked EXPORTS; it produces no code worth mentioning. Host side: emu/elf.
#ifndef GUEST_OFFSETS_H
#define GUEST_OFFSETS_H

#include "types.h"

#define EXPORTS static __attribute__((used)) void
#define EXPORT_CONSTANT(name, value) asm volatile(".globl \"" name "\"\n\t.set \"" name "\", %0" : : "i"(value))
#define EXPORT_OFFSET(tag, member) EXPORT_CONSTANT("offset:" #tag "." #member, offsetof(struct tag, member))
#define EXPORT_SIZE(tag) EXPORT_CONSTANT("size:" #tag, sizeof(struct tag))

#endif

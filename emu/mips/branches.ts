// Which instructions have a delay slot (MD00086 volume II), MIPS32 Release 1 to 5.

/** Whether the instruction behind `word` is in its delay slot. */
export function hasDelaySlot(word: number): boolean {
  const opcode = word >>> 26;
  switch (opcode) {
    case 0x00: // SPECIAL: jr, jalr
      return (word & 0x3e) === 0x08;
    case 0x01: // REGIMM: bltz, bgez, bltzl, bgezl and with link
      return ((word >>> 16) & 0x0c) === 0;
    case 0x10: // COP0
      return false;
    case 0x11: // COP1: bc1f, bc1t and likely; bc1any2, bc1any4
    case 0x12: // COP2
      return ((word >>> 21) & 0x1f) === 0x08;
    default: // j, jal, beq, bne, blez, bgtz and likely; jalx
      return (opcode >= 0x02 && opcode <= 0x07) || (opcode >= 0x14 && opcode <= 0x17) || opcode === 0x1d;
  }
}

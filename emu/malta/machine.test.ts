import { afterEach, describe, expect, test } from 'vitest';
import { UsageError } from '../errors.js';
import { loadTestEngine } from '../unicorn/test-engine.js';
import { type GuestFunction, HOST_CALL } from './doorbell.js';
import { Machine, type MachineOptions } from './machine.js';

const engine = await loadTestEngine();
const machines: Machine[] = [];

function machine(options: Partial<MachineOptions> = {}): Machine {
  const made = new Machine({ engine, pageSize: 4096, ...options });
  machines.push(made);
  return made;
}

afterEach(() => {
  for (const made of machines.splice(0)) made.close();
});

const GT64120 = 0xbbe00000;
const UART = 0xb80003f8;
const EXCEPTION_EPC = 180;

describe('options', () => {
  test.each([0, 15, 257, 1.5, NaN])('%f MB of RAM are refused', (memoryMB) => {
    expect(() => machine({ memoryMB })).toThrow(UsageError);
  });

  test('a page size the guest does not have is refused', () => {
    expect(() => machine({ pageSize: 8192 as never })).toThrow('page size 8192: the guest has 4096 and 16384');
  });

  test('128 MB of RAM unless told otherwise', () => {
    expect(machine().bytes(0, 1 << 30)).toHaveLength(128 << 20);
    expect(machine({ memoryMB: 16 }).bytes(0, 1 << 30)).toHaveLength(16 << 20);
  });
});

describe('running guest functions', () => {
  test('start gives the result; call goes on with the same guest', () => {
    const m = machine();
    expect(m.start('strlen', m.symbols.address('_etext'))).toBeTypeOf('number');
    expect(m.call('try_load', 0x80000180)).toBe(m.read32(0x180));
    m.write32(0x00a00000, 0x61626300);
    expect(m.call('strlen', 0x80a00000)).toBe(3);
    expect(m.readString(0x80a00000)).toBe('abc');
  });

  test('stop ends a run behind the host call; resume goes on', () => {
    const m = machine();
    const seen: number[] = [];
    m.onHostCall(HOST_CALL.SELFTEST, (_op, n) => {
      seen.push(n);
      if (n === 3) m.stop();
      return 1;
    });
    expect(m.start('bench_doorbell', 6)).toBeUndefined();
    expect(seen).toEqual([5, 4, 3]);
    expect(m.resume()).toBe(6);
    expect(seen).toEqual([5, 4, 3, 2, 1, 0]);
  });

  test('what a handler throws comes out of the run', () => {
    const m = machine();
    m.onHostCall(HOST_CALL.SELFTEST, () => {
      throw new Error('from the handler');
    });
    expect(() => m.start('bench_doorbell', 1)).toThrow('from the handler');
  });

  test('a host call without a handler and a guest panic are errors', () => {
    expect(() => machine().start('bench_doorbell', 1)).toThrow('host call 5 has no handler');
    const m = machine();
    m.board.cpu.ram.set(new TextEncoder().encode('out of pages\0'), 0x00a00000);
    expect(() => m.start('guest_panic', 0x80a00000)).toThrow('guest panic: out of pages');
  });

  test('an unknown function is an error before anything runs', () => {
    expect(() => machine().start('no_such_function')).toThrow("no symbol 'no_such_function'");
  });

  test('handlers run guest functions and get their results, nested', () => {
    const m = machine();
    const depths: number[] = [];
    const text = 0x80a00000;
    m.board.cpu.ram.set(new TextEncoder().encode('depth'), text & 0x1fff_ffff);
    m.onHostCall(HOST_CALL.SELFTEST, function* (_op, n): Generator<GuestFunction, number, number> {
      depths.push(n);
      if (n === 0) return 1;
      // The guest function makes the same host call again, with smaller n.
      const inner = yield m.fn('bench_doorbell', 1);
      const length = yield m.fn('strlen', text);
      return inner * 100 + length;
    });
    // n = 1: one inner call, which answers 1, and the length; then n = 0.
    expect(m.start('bench_doorbell', 2)).toBe(100 + 5 + 1);
    expect(depths).toEqual([1, 0, 0]);
  });

  test('an exception nobody settles goes to the host, which may change the frame', () => {
    const m = machine();
    const address = m.symbols.address('try_load_resume') - 4;
    m.onHostCall(HOST_CALL.EXCEPTION, (frame) => {
      expect(m.read32(frame + EXCEPTION_EPC)).toBe(address);
      m.write32(frame + EXCEPTION_EPC, address + 4);
      m.write32(frame + 32 + 4 * 2, 1234);
    });
    expect(m.start('try_load', 0xd0000000)).toBe(1234);
  });
});

describe('devices', () => {
  test('the UART transmits bytes and is ready', () => {
    const m = machine();
    let text = '';
    m.onConsole = (c) => (text += c);
    m.start('console_putc', 'A'.charCodeAt(0));
    m.call('console_putc', '\n'.charCodeAt(0));
    expect(text).toBe('A\r\n');
    expect(m.call('poke_read8', UART + 5)).toBe(0x60);
  });

  test('the GT-64120 answers at its registers in the byte order of the board', () => {
    const m = machine();
    m.board.pci.add(0x14, {
      header: {
        vendor: 0x1000,
        device: 0x60,
        classCode: 0x10400,
        revision: 0,
        subsystemVendor: 0,
        subsystem: 0,
        interruptPin: 1,
        bars: [{ kind: 'memory', size: 0x4000 }],
      },
      read: (_bar, offset) => 0x01020300 + offset,
      write: () => {},
    });
    const select = (register: number) => m.call('poke_write', GT64120 + 0xcf8, (0x00a000_80 | (register << 24)) >>> 0);
    m.start('strlen', m.symbols.address('_start'));
    select(0);
    expect(m.call('poke_read', GT64120 + 0xcfc)).toBe(0x0060_1000);
    select(0x10);
    m.call('poke_write', GT64120 + 0xcfc, 0x1000_4000);
    select(0x04);
    m.call('poke_write', GT64120 + 0xcfc, 2);
    expect(m.call('poke_read', 0xb0004010)).toBe(0x10030201);
    expect(m.call('poke_read8', 0xb0004010)).toBe(0x10);
    expect(m.call('poke_read', 0xb0008010)).toBe(0xffff_ffff);
  });
});

describe.each(['qemu', 'hardware'] as const)('%s TLB', (tlb) => {
  const walk = (seed: number, shim = true) => {
    const m = machine({ seed, shim, tlb });
    m.start('bench_walk', 60);
    return { instructions: m.board.cpu.instructions, refills: m.board.cpu.exceptions, tlb: m.board.cpu.tlb() };
  };

  test('the same seed leaves the same TLB, with other guests in between, with or without the shim', () => {
    const first = walk(7);
    expect(first.refills.tlbRefillLoad).toBe(30);
    walk(8);
    expect(walk(7)).toEqual(first);
    expect(walk(7, false)).toEqual(first);
  });

  test('another seed leaves another', () => {
    expect(walk(8).tlb).not.toEqual(walk(7).tlb);
  });

  test('shadow entries exist in qemu mode only', () => {
    const { tlb: entries } = walk(1);
    expect(entries.filter((entry) => entry.shadow && entry.even.v).length > 0).toBe(tlb === 'qemu');
    expect(entries.filter((entry) => !entry.shadow)).toHaveLength(16);
  });
});

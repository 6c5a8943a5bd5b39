import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EngineCrashError, EngineMissingError, UsageError } from '../../errors.js';
import { MipsCpu } from '../../mips/cpu.js';
import { asm, PROGRAM, TestGuest } from '../../mips/test-guest.js';
import { loadEngine, packageRoot } from '../choose.js';
import { type EngineLibrary, HOOK } from '../engine.js';
import { instantiateUnicornJs, type UnicornFactory } from './library.js';
import { wasm } from './module.js';
import { writeStandIn } from './stand-in/bundle.js';
import { standIn, type StandInOptions } from './stand-in/module.js';

interface Watched {
  library: EngineLibrary;
  live(): { pieces: number; functions: number };
}

async function watched(options?: StandInOptions): Promise<Watched> {
  let module: Record<string, unknown> = {};
  const library = await instantiateUnicornJs(async () => (module = await standIn(options)));
  return { library, live: module.live as Watched['live'] };
}

let folder: string;
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'unicornjs-'));
});
afterAll(() => fs.rmSync(folder, { recursive: true }));

function file(name: string, content: string): string {
  const at = path.join(folder, name);
  fs.writeFileSync(at, content);
  return at;
}

describe('a guest', () => {
  it('gives back all memory and all callbacks', async () => {
    const { library, live } = await watched();
    const boot = (shim: boolean): void => {
      const g = new TestGuest(library, { shim });
      g.cpu.mapMmio(
        0x1f00_0000,
        0x1000,
        () => 0,
        () => {},
      );
      g.run([asm.lui(16, 0xbf00), asm.lw(8, 0, 16), asm.syscall]);
      g.cpu.observeMemory(0xc000_0000, 0xc000_ffff, () => {})();
      g.cpu.close();
    };
    boot(false);
    expect(live().functions).toBe(0);
    boot(true);
    const before = live(); // the compiled hooks, once for all guests
    for (let i = 0; i < 10; i++) boot(i % 2 === 0);
    expect(live()).toEqual(before);
  });

  it('that ends leaves the compiled hooks to the others', async () => {
    const { library } = await watched();
    const [a, b] = [new TestGuest(library), new TestGuest(library)];
    a.run([asm.syscall]);
    a.cpu.close();
    b.run([asm.syscall, asm.break]);
    expect(b.cpu.usesShim).toBe(true);
    expect(b.exceptions.map(({ name }) => name)).toEqual(['Sys', 'Bp']);
    b.cpu.close();
  });

  it('keeps RAM, registers and devices apart when the heap grows under it', async () => {
    const { library } = await watched({ heapu8: false });
    const g = new TestGuest(library, { shim: false });
    const others: MipsCpu[] = [];
    g.cpu.mapMmio(
      0x1f00_0000,
      0x1000,
      () => {
        others.push(new MipsCpu({ engine: library, ramBytes: 1 << 20 }));
        return 0x1234_5678;
      },
      () => {},
    );
    g.run([asm.lui(16, 0xbf00), asm.lui(17, 0x8000), asm.lw(8, 0, 16), asm.sw(8, 0x3000, 17), asm.lw(9, 0x3000, 17)]);
    expect(g.cpu.reg(9)).toBe(0x1234_5678);
    expect(g.cpu.view.getUint32(0x3000)).toBe(0x1234_5678);
    expect(others[0].ram.every((byte) => byte === 0)).toBe(true);
    for (const cpu of [g.cpu, ...others]) cpu.close();
    expect(g.cpu.ram).toHaveLength(0);
  });

  it.each(['24Kf', '34Kf', '74Kf', 'P5600'] as const)('is a %s also where uc_ctl is missing', async (model) => {
    const [whole, tag] = await Promise.all([watched({}), watched({ ctl: false })]);
    const prids = [whole, tag].map(({ library }) => {
      const g = new TestGuest(library, { model });
      g.run([asm.mfc0(8, 15)]);
      const prid = g.cpu.reg(8);
      g.cpu.close();
      return prid;
    });
    expect(prids[0]).toBe(prids[1]);
    expect(prids[0]).toBe({ '24Kf': 0x1_9300, '34Kf': 0x1_9500, '74Kf': 0x1_9700, P5600: 0x1_a800 }[model]);
  });

  // more than the code generator has room for
  const LOADS = Array.from({ length: 100 }, () => asm.lw(8, 0, 0));

  it('that kills the module ends with one line, and the next one says why it cannot be made', async () => {
    const { library } = await watched();
    const engine = library.open();
    engine.mem_map_ram(0, 1 << 20);
    const ram = new DataView(engine.mem_ram().buffer, engine.mem_ram().byteOffset);
    LOADS.forEach((word, k) => ram.setUint32((PROGRAM & 0x1fff_ffff) + 4 * k, word));
    engine.hook_add(HOOK.CODE, () => {});
    expect(() => engine.emu_start(PROGRAM, 0, 0, 0)).toThrow(
      new EngineCrashError('unicorn.js 2.1.4 (MUnicorn) crashed: memory access out of bounds'),
    );
    expect(library.crashed).toBe(true);
    engine.close();
    expect(() => library.open()).toThrow(EngineCrashError);
  });

  it.each([true, false])('is kept from it by short blocks (C hooks: %s)', async (shim) => {
    const { library } = await watched();
    const g = new TestGuest(library, { shim });
    g.run([...LOADS, LOADS].flat());
    expect(g.exceptions).toHaveLength(200); // each load misses, five instructions skip it
    expect(g.cpu.instructions).toBe(200 * 6 + 1);
    g.cpu.close();
  });
});

describe.each([true, false])('a guest of which the engine throws away the translated code (C hooks: %s)', (shim) => {
  const [T0, T1, S0, S1] = [8, 9, 16, 17];
  /** More blocks than there is room for. */
  const BLOCKS = 1500;
  const MISSES: [string, number | readonly number[], string][] = [
    ['a TLB miss', asm.lw(T0, 0, S0), 'TLBL'],
    ['a TLB miss of a store', asm.sw(T0, 0, S0), 'TLBS'],
    ['an address error', asm.lw(T0, 1, S1), 'AdEL'],
  ];

  it.each(MISSES)('goes on from there after %s', async (_name, instruction, name) => {
    const { library } = await watched();
    const g = new TestGuest(library, { shim });
    g.run([
      asm.lui(S0, 0xc000),
      asm.lui(S1, 0x8000),
      instruction,
      ...Array.from({ length: BLOCKS }, () => [asm.b(1), asm.addiu(T1, T1, 1)]),
    ]);
    expect(g.exceptions.map((e) => e.name)).toEqual([name]);
    expect(g.cpu.reg(T1)).toBe(BLOCKS);
    expect(g.cpu.instructions).toBe(3 + 5 + 2 * BLOCKS + 1);
    g.cpu.close();
  });

  it('takes no register for an address that a load which is over has just changed', async () => {
    const { library } = await watched();
    const g = new TestGuest(library, { shim });
    g.cpu.view.setUint32(0x3000, 0xbc00_0000);
    g.run([
      asm.lui(S0, 0xc000),
      asm.lw(T0, 0, S0),
      asm.li(T0, 0x8000_3000),
      ...Array.from({ length: BLOCKS }, () => [asm.addu(T1, T0, 0), asm.b(1), asm.lw(T1, 0, T1)]),
    ]);
    expect(g.exceptions.map((e) => e.name)).toEqual(['TLBL']);
    expect(g.cpu.instructions).toBe(4 + 5 + 3 * BLOCKS + 1);
    g.cpu.close();
  });
});

describe('the seed of tlbwr', () => {
  it('that cannot be set is an error, never another result', async () => {
    // A generator that steps once more between two draws is none that can be followed.
    const module = await standIn();
    const start = module._uc_emu_start as (...args: unknown[]) => number;
    const heap = (): Uint8Array => module.HEAPU8 as Uint8Array;
    module._uc_emu_start = (...args: unknown[]) => {
      const words = new Uint32Array(heap().buffer);
      words[2048 / 4] += 1;
      return start(...args);
    };
    const library = await instantiateUnicornJs(() => Promise.resolve(module));
    const make = (tlb: 'qemu' | 'hardware'): void => new MipsCpu({ engine: library, ramBytes: 1 << 20, tlb }).close();
    expect(() => make('qemu')).toThrow(UsageError);
    expect(() => make('qemu')).toThrow(/cannot be seeded here: use --tlb hardware/);
    make('hardware');
  });
});

describe('a factory', () => {
  const fails = (factory: unknown): Promise<string> =>
    instantiateUnicornJs(factory as UnicornFactory).then(
      () => 'works',
      (error: Error) => error.message,
    );

  it('that is none, or makes something else, is told in one line', async () => {
    const whole = await standIn();
    expect(await fails({})).toMatch(/exports no factory/);
    expect(await fails(() => Promise.resolve(undefined))).toMatch(/gives no module/);
    expect(await fails(() => Promise.resolve({}))).toMatch(/^is no unicorn.js 2\.x: it does not export addFunction, /);
    expect(
      await fails(() => Promise.resolve(Object.assign(Object.create(whole), { _uc_version: () => 0x0100_03ff }))),
    ).toMatch(/Unicorn 1\.0\.3/);
    expect(await fails(() => standIn({ mips: false }))).toMatch(/without MIPS/);
    expect(await fails(() => Promise.reject(new Error('out of luck\nsecond line')))).toMatch(/out of luck/);
    expect(
      await fails(({ onAbort }: { onAbort: (why: string) => void }) => {
        onAbort('no wasm support');
        return new Promise(() => {});
      }),
    ).toMatch(/no wasm support/);
    expect(await fails(() => Promise.resolve(Object.create(whole, { HEAPU8: { value: undefined } })))).toMatch(
      /hides its memory/,
    );
  });

  it('leaves no handlers behind in the process, and WebAssembly as it was', async () => {
    const { instantiate } = wasm;
    const before = process.listeners('unhandledRejection').length;
    await instantiateUnicornJs(() => {
      process.on('unhandledRejection', () => process.exit(7));
      return standIn();
    });
    expect(process.listeners('unhandledRejection')).toHaveLength(before);
    expect(wasm.instantiate).toBe(instantiate);
  });

  it('works twice at the same time, each with its own memory', async () => {
    const [a, b] = await Promise.all([watched({ heapu8: false }), watched({ heapu8: false })]);
    const guests = [a, b].map(({ library }) => new TestGuest(library));
    guests.forEach((g, i) => g.cpu.view.setUint32(0x3000, i + 1));
    for (const g of guests) g.run([asm.lui(16, 0x8000), asm.lw(8, 0x3000, 16)]);
    expect(guests.map((g) => g.cpu.reg(8))).toEqual([1, 2]);
    for (const g of guests) g.cpu.close();
  });
});

describe('a file', () => {
  const load = (name: string): Promise<string> =>
    loadEngine(`unicorn.js:${name}`).then(
      ({ description }) => description,
      (error: unknown) => {
        expect(error).toBeInstanceOf(EngineMissingError);
        return (error as Error).message;
      },
    );

  it('is evaluated as CommonJS even below "type": "module"', async () => {
    file('package.json', '{"type":"module"}');
    const whole = path.join(folder, 'unicorn_mips.js');
    await writeStandIn(whole);
    expect(await load(whole)).toBe(`unicorn.js 2.1.4 (${whole})`);
    const library = await loadEngine(`unicorn.js:${whole}`);
    const g = new TestGuest(library);
    g.run([asm.addiu(8, 0, 7)]);
    expect(g.cpu.reg(8)).toBe(7);
    g.cpu.close();
  });

  it('that is no engine is told in one line with its name and the reason', async () => {
    const whole = path.join(folder, 'whole.js');
    await writeStandIn(whole);
    const text = fs.readFileSync(whole, 'utf8');
    const cases: [string, RegExp][] = [
      [path.join(folder, 'missing.js'), /no such file$/],
      [folder, /is a folder, need the file unicorn_mips\.js$/],
      [file('cut.js', text.slice(0, text.length / 2)), /SyntaxError: /],
      [file('binary.js', '\0asm\u0001\0\0\0'), /SyntaxError: /],
      [file('other.js', 'module.exports = { a: 1 };'), /is no unicorn\.js: it exports no factory function/],
      [file('throws.js', 'throw new TypeError("x is not y\\nand more");'), /TypeError: x is not y$/],
      [
        file(
          'corrupt.js',
          'module.exports = () => WebAssembly.instantiate(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 9]));',
        ),
        /CompileError: /,
      ],
    ];
    for (const [name, reason] of cases) {
      const message = await load(name);
      expect(message).toMatch(reason);
      expect(message.startsWith(`unicorn.js: ${name}: `)).toBe(true);
      expect(message).not.toContain('\n');
    }
  });

  it('is named by --engine and by PERCPU_MALTA_UNICORN_JS; errors end the command with exit code 3', () => {
    const run = (args: string[], env: Record<string, string> = {}) =>
      spawnSync(process.execPath, [path.join(packageRoot(), 'scripts/percpu-malta.mjs'), 'selftest', ...args], {
        env: { ...process.env, ...env },
        encoding: 'utf8',
      });
    const bad = file('bad.js', '}');
    for (const { status, stdout, stderr } of [
      run(['--engine', `unicorn.js:${bad}`]),
      run(['--engine', 'unicorn.js'], { PERCPU_MALTA_UNICORN_JS: bad }),
    ]) {
      expect(stderr).toMatch(/(^|\n)percpu-malta: unicorn\.js: .*bad\.js: SyntaxError: .*\n$/); // set-up may say something before
      expect([status, stdout]).toEqual([3, '']);
    }
    expect(run(['--engine', 'unicorn.js:']).status).toBe(2);
    expect(run(['--engine', 'native:x']).status).toBe(2);
  });
});

it('counts the guest at the address it stands at after a stop in the middle', async () => {
  const { library } = await watched({ ctl: false });
  const g = new TestGuest(library, { shim: false });
  g.put(PROGRAM, [asm.addiu(8, 0, 1), asm.addiu(8, 8, 1), asm.b(-2), asm.nop]);
  g.cpu.instructionBudget = 10;
  expect(g.cpu.run(PROGRAM)).toBe('budget');
  expect(g.cpu.instructions).toBe(10);
  // code that changes after it has run
  g.put(PROGRAM, [asm.addiu(8, 0, 5), asm.wait]);
  g.cpu.instructionBudget = 100;
  expect(g.cpu.run(PROGRAM)).toBe('wait');
  expect(g.cpu.reg(8)).toBe(5);
  g.cpu.close();
});

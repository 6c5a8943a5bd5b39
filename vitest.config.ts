import { defineConfig } from 'vitest/config';

/** What runs on the engine of `loadTestEngine` (emu/unicorn/test-engine.ts). */
const emuSuite = [
  'emu/mips/{cpu,instruction-stops,tlb}.test.ts',
  'emu/malta/{machine,selftest}.test.ts',
  'emu/malta/megaraid/guest.test.ts',
];

/** A build of unicorn.js to run the emu suite on, too. */
const unicornJs = process.env.PERCPU_MALTA_UNICORN_JS;

export default defineConfig({
  test: {
    // libunicorn keeps one random word per process (see emu/unicorn): forks, never threads.
    pool: 'forks',
    testTimeout: 120_000,
    hookTimeout: 120_000,
    projects: [
      {
        extends: true,
        test: { name: 'native', include: ['src/**/*.test.ts', 'emu/**/*.test.ts', 'scripts/**/*.test.ts'] },
      },
      ...(unicornJs
        ? [
            {
              extends: true as const,
              test: {
                name: 'unicorn.js',
                include: [...emuSuite, 'emu/unicorn/unicornjs/*.test.ts'],
                env: { EMU_TEST_ENGINE: `unicorn.js:${unicornJs}` },
              },
            },
          ]
        : []),
    ],
  },
});

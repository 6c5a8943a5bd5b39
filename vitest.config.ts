import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'emu/**/*.test.ts', 'scripts/**/*.test.ts'],
    // libunicorn keeps one random word per process (see emu/unicorn): forks, never threads.
    pool: 'forks',
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});

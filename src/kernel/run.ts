// The kernel side is written as generators: a yield asks the guest to run a function in the current task's context and
// brings back its result (emu/malta/doorbell.ts).
import type { GuestFunction } from '../../emu/malta/doorbell.js';

export type Run<T = void> = Generator<GuestFunction, T, number>;

// The library's exports.
export { Random } from './random.js';
export { UsageError, EngineMissingError } from './errors.js';
export { Machine, type MachineOptions } from '../emu/malta/machine.js';
export { HOST_CALL, type GuestFunction, type HostCallHandler } from '../emu/malta/doorbell.js';
export { runSelftest } from '../emu/malta/selftest.js';
export { loadEngine } from '../emu/unicorn/choose.js';

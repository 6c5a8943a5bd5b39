// The library: `import { boot } from 'percpu-malta'`. docs/library.md shows how. The allocator alone is 'percpu-malta/percpu'.
export { EngineMissingError, UsageError } from './errors.js';
export { Random } from './random.js';

// boots
export { boot, type Boot, explain, type Explanation, type LibraryBootOptions } from './library/boot.js';
export { sweep, type SweepOptions } from './library/sweep.js';
export {
  type BootSetup,
  DEFAULT_SETUP,
  type Geometry,
  type GeometryChange,
  setupGeometry,
} from './experiments/setup.js';
export { type Kept, type TargetRange } from './experiments/kept.js';
export { type BootRecord, crashed } from './experiments/record.js';
export { type Kind, type Tally, tally } from './experiments/tally.js';
export { type Interval, wilson } from './experiments/statistics.js';
export type { BootCounters, Outcome } from './kernel/boot.js';
export type { KernelEvent } from './kernel/events.js';
export type { Cause, CauseStep } from './analysis/cause.js';
export type { StaleAccess } from './analysis/stale-access.js';

// kernels, flush rules, layouts
export {
  type FlushMode,
  type Kernel,
  KERNEL_ALIASES,
  kernelName,
  type KernelName,
  type KernelRules,
  kernelRules,
  KERNELS,
  type RuleChange,
} from './kernel/kernels.js';
export { BOOT_LAYOUTS, type BootLayout, type PercpuAlloc } from './layouts/boot-layouts.js';
export { type Layout, type LayoutName, LAYOUTS } from './layouts/layouts.js';

// consoles and traces of real kernels
export {
  type ConsoleRecord,
  consoleRecord,
  type DecodedConsole,
  type DecodeOptions,
  decodeConsole,
  KernelSymbols,
  reportLines,
  signature,
} from './decode/index.js';
export { type Judgement, judge as replay } from './replay/judge.js';
export { LogError } from './replay/log-error.js';

// the machine below
export { loadEngine } from '../emu/unicorn/choose.js';
export type { EngineLibrary } from '../emu/unicorn/engine.js';
export { Machine, type MachineOptions } from '../emu/malta/machine.js';
export { HOST_CALL, type GuestFunction, type HostCallHandler } from '../emu/malta/doorbell.js';
export { runSelftest } from '../emu/malta/selftest.js';

// the allocator
export * from './percpu/index.js';

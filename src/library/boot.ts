// One boot, with what it left behind, and why it ended as it did.
import { loadEngine } from '../../emu/unicorn/choose.js';
import type { EngineLibrary } from '../../emu/unicorn/engine.js';
import { type Cause, causeOf } from '../analysis/cause.js';
import { StaleChecker } from '../analysis/checker.js';
import { Phrases } from '../analysis/phrases.js';
import type { StaleAccess } from '../analysis/stale-access.js';
import { type BootRecord, bootRecord } from '../experiments/record.js';
import { type BootSetup, DEFAULT_SETUP, setupBootOptions } from '../experiments/setup.js';
import { packageVersion } from '../experiments/version.js';
import { bootOnce, type BootParts } from '../kernel/boot.js';
import type { KernelEvent } from '../kernel/events.js';

/** What decides a boot, and who watches it. Without an option it is what `percpu-malta boot` has. */
export interface LibraryBootOptions extends Partial<BootSetup> {
  /** Decides everything that is left to chance, 0 to 2^32-1. Default 1. */
  seed?: number;
  /** As loadEngine gives it; loaded at each boot without one. */
  engine?: EngineLibrary;
  /** Receives each line of the console as it happens. */
  onLine?: (line: string) => void;
  /** Receives each event of the log as it happens (see KernelEvent). */
  onEvent?: (event: KernelEvent) => void;
}

export interface Boot extends BootRecord {
  /** Lines of the console. */
  readonly console: readonly string[];
  /** The event log: all that happened, in order. */
  readonly events: readonly KernelEvent[];
}

/**
 * Boots the guest once. The same version, options and seed give the same boot. It keeps this thread until it is over (a second or so):
 * many boots are for `sweep`. Rejects with UsageError when the options do not fit, EngineMissingError without an engine.
 */
export async function boot(options: LibraryBootOptions = {}): Promise<Boot> {
  return (await bootWith(options)).boot;
}

export interface Explanation {
  readonly boot: Boot;
  /** From the crash back to the missing flush, told forwards; no steps when no access went through a stale translation. */
  readonly cause: Cause;
  /** All accesses through translations that the page table no longer had. */
  readonly accesses: readonly StaleAccess[];
}

/** Boots as `boot` does with every access through the TLB checked, two to three times as slow. */
export async function explain(options: LibraryBootOptions = {}): Promise<Explanation> {
  let checker!: StaleChecker;
  let phrases!: Phrases;
  let pageSize!: number;
  const { boot } = await bootWith(options, (parts) => {
    phrases = new Phrases(parts.machine.image, parts.log.events);
    pageSize = parts.machine.pageSize;
    checker = new StaleChecker(parts);
  });
  return { boot, cause: causeOf(checker, boot.events, phrases, pageSize), accesses: checker.accesses };
}

async function bootWith(
  { seed = 1, engine, onLine, onEvent, ...changes }: LibraryBootOptions,
  watch?: (parts: BootParts) => void,
): Promise<{ boot: Boot }> {
  const setup: BootSetup = { ...DEFAULT_SETUP, ...changes };
  const options = setupBootOptions(setup, seed, engine ?? (await loadEngine()), true);
  const result = bootOnce({
    ...options,
    check: watch !== undefined,
    ...(onLine === undefined ? {} : { onLine }),
    attach: (parts) => {
      watch?.(parts);
      if (onEvent === undefined) return;
      const before = parts.log.onEvent;
      parts.log.onEvent = (event) => {
        before?.(event);
        onEvent(event);
      };
    },
  });
  const record = bootRecord(packageVersion(), { setup, seed }, result);
  return { boot: { ...record, console: result.console, events: result.log.events } };
}

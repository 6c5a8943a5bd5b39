// What the page and its Worker say to each other.
import type { PackedAssets } from '../assets/embedded-assets.js';
import type { BootSetup } from '../experiments/setup.js';

/** To the Worker: what it needs, once; then a boot at a time. */
export type Request = { assets: PackedAssets } | { setup: BootSetup; seed: number };

/** From the Worker. */
export type Reply =
  | { engine: string }
  | { line: string }
  | { done: { outcome: string; signature: string; log: string; report: string } }
  | { failure: string };

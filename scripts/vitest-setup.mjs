// The tests run the C hooks of these sources, also where vitest was started by itself and not by npm test.
import { ensureShim } from './setup/shim.mjs';

export function setup() {
  ensureShim();
}

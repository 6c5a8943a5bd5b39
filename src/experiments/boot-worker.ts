// Entry point of the worker processes (dist/boot-worker.js); src/experiments/pool.ts forks it.
import '../v8-flags.js';
import { serve } from './worker.js';

const [engine = '', shim = 'shim'] = process.argv.slice(2);
serve(engine, shim !== 'no-shim');

// Larger limits for V8's inliner, for the whole process: an allocation is a dozen small functions, and with the limits that V8 has of
// itself some of them stay calls (scripts/bench/percpu.ts shows what that costs). Imported first by whatever is a process of its own -
// the command line, the worker processes, scripts - and never by the library, whose process is somebody else's.
import v8 from 'node:v8';

// `run` spends its time in the engine: there they would only cost 9 MB of the compiler's memory.
if (process.argv[2] !== 'run') {
  v8.setFlagsFromString('--max-inlined-bytecode-size=3000');
  v8.setFlagsFromString('--max-inlined-bytecode-size-cumulative=5000');
}

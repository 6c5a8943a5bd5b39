// V8's limits, for the whole process (scripts/bench shows what they cost). Imported first by whatever is a process of its own - the command
// line, the worker processes, scripts - and never by the library, whose process is somebody else's.
import v8 from 'node:v8';

// Optimise later than V8 would of itself: a boot is so short that half its CPU time went into code that was hardly run afterwards.
v8.setFlagsFromString('--interrupt-budget=1000000');

// An allocation is a dozen small functions, and with the inliner's own limits some of them stay calls. `run` spends its time in the engine:
// there they would only cost 9 MB of the compiler's memory.
if (process.argv[2] !== 'run') {
  v8.setFlagsFromString('--max-inlined-bytecode-size=3000');
  v8.setFlagsFromString('--max-inlined-bytecode-size-cumulative=5000');
}

// Decoding of console logs: parser, classifier and reports, for real consoles and the simulator's own.
export type { DecodedConsole, DecodeOptions, End, FirstSymptom, LogFamily, Outcome } from './console.js';
export { ConsoleDecoder, decodeConsole, symptomList } from './console.js';
export type { CrashReport, Found, TraceEntry } from './crash-report.js';
export { functionOf } from './crash-report.js';
export type { Family } from './families.js';
export { complaintFamily, oopsFamily } from './families.js';
export { PageHistory } from './page-history.js';
export type { ConsoleRecord } from './record.js';
export { consoleRecord, signature } from './record.js';
export { decodeFile, readEvents } from './read.js';
export { reportLines } from './report.js';
export { KernelSymbols } from './symbols.js';
export type { Victim } from './victims.js';

// What a debuggee offers to the gdb server while it waits. It knows no protocol.

export type WatchKind = 'write' | 'read' | 'access';
export type StopPoint =
  | { readonly kind: 'break'; readonly address: number }
  | { readonly kind: WatchKind; readonly address: number; readonly length: number };

/** Why the debuggee waits. */
export type Stop =
  | { readonly reason: 'step' | 'break' | 'interrupt' | 'moment' }
  /** Before an instruction that the guest's kernel dies of. */
  | { readonly reason: 'fault' }
  | { readonly reason: 'watch'; readonly kind: WatchKind; readonly address: number }
  /** Something that gdb has no word for: `note` is printed. */
  | { readonly reason: 'frame'; readonly note: string }
  /** The run goes no further forwards or backwards. */
  | { readonly reason: 'end' | 'begin' };

/** What the client wants next. */
export type Resume =
  | { readonly kind: 'continue' | 'step' | 'reverse-continue' | 'reverse-step' | 'detach' | 'kill' }
  /** To go elsewhere in the run, for `monitor goto`. */
  | { readonly kind: 'goto'; readonly moment: string }
  /** To be where it seems to be: what is asked next cannot be answered from a record of the past. */
  | { readonly kind: 'settle' };

export interface Thread {
  /** Positive. */
  readonly id: number;
  readonly name: string;
}

export interface GdbTarget {
  readonly bigEndian: boolean;
  /** A register by its name in the target description, of a thread or (0) the one that runs; undefined where it is not known. */
  readRegister(thread: number, name: string): number | undefined;
  /** Of the thread that runs. @returns whether it can be written */
  writeRegister(name: string, value: number): boolean;
  /** Fewer bytes where the mapping ends. */
  readMemory(address: number, length: number): Uint8Array;
  writeMemory(address: number, bytes: Uint8Array): boolean;
  /** @returns whether there can be such a one */
  insert(point: StopPoint): boolean;
  remove(point: StopPoint): boolean;
  /** Takes all of them out. */
  clear(): void;
  /** The one that runs first. */
  threads(): Thread[];
  /** Whether writes and monitor commands can be served as it stands; else it wants to be resumed with `settle` first. */
  readonly settled: boolean;
  /** Answers a command of `monitor`; a `goto` is for the server to resume with. */
  monitor(command: string): string | { readonly goto: string };
}

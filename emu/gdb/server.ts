// What each packet means. The debuggee calls `attend` whenever it waits, and goes on as the client says.
import type { GdbLink } from './link.js';
import { fromHex, MAX_PAYLOAD, textToHex, toHex } from './packet.js';
import type { GdbTarget, Resume, Stop, StopPoint, WatchKind } from './target.js';
import { REGISTERS, targetDescription } from './target-description.js';

const SIGINT = 2;
const SIGTRAP = 5;
const SIGSEGV = 11;

/** Errors of the protocol: a number of two digits, which gdb shows or not. */
const BAD_REQUEST = 'E01';
const FAULT = 'E0e';

const WATCH_KIND: Readonly<Record<string, WatchKind>> = { 2: 'write', 3: 'read', 4: 'access' };
const WATCH_NAME: Readonly<Record<WatchKind, string>> = { write: 'watch', read: 'rwatch', access: 'awatch' };

/** Bytes of text in one packet of console output. */
const CONSOLE_BYTES = 1024;

const NUMBER = '([0-9a-f]{1,8})';

export class GdbServer {
  readonly #link: GdbLink;
  readonly #target: GdbTarget;
  #attached = false;
  #met = false;
  /** The client waits to hear why the debuggee stopped. */
  #owesStop = false;
  /** A packet to be answered once the debuggee has settled. */
  #pending: string | undefined;
  /** What a `monitor goto` is answered with, on arrival. */
  #gotoAnswer = false;
  /** Thread that registers are asked of; 0: the one that runs. */
  #thread = 0;
  #stop: Stop = { reason: 'interrupt' };

  constructor(link: GdbLink, target: GdbTarget) {
    this.#link = link;
    this.#target = target;
  }

  get attached(): boolean {
    return this.#attached;
  }

  /** There has been a client. */
  get met(): boolean {
    return this.#met;
  }

  /** The debuggee runs: whether it is to wait. */
  wanted(): 'interrupt' | 'attached' | undefined {
    for (let message = this.#link.poll(); message; message = this.#link.poll()) {
      if (message.kind === 'interrupt' && this.#attached) return 'interrupt';
      if (message.kind === 'attached') {
        this.#attach();
        return 'attached';
      }
      if (message.kind === 'gone' && this.#attached) {
        this.#detached();
        return 'interrupt';
      }
      // a client has nothing to say while the debuggee runs
    }
    return undefined;
  }

  /** The debuggee waits. @returns how it goes on @param note printed by `monitor goto` on arrival, instead of the reason */
  attend(stop: Stop, note = ''): Resume {
    this.#stop = stop;
    this.#thread = 0;
    if (this.#gotoAnswer) {
      this.#gotoAnswer = false;
      this.#print(note);
    } else if (this.#owesStop) {
      if (stop.reason === 'frame') this.#console(stop.note);
      this.#link.reply(this.#stopReply());
    }
    this.#owesStop = false;
    if (this.#pending !== undefined) {
      const packet = this.#pending;
      this.#pending = undefined;
      const resume = this.#packet(packet);
      if (resume) return resume;
    }
    for (;;) {
      const message = this.#link.next();
      switch (message.kind) {
        case 'attached':
          this.#attach();
          break;
        case 'gone':
          this.#detached();
          break;
        case 'interrupt':
          break;
        case 'packet': {
          const resume = this.#packet(message.payload);
          if (resume) return resume;
        }
      }
    }
  }

  /** The run is over. */
  exited(code: number): void {
    if (this.#attached && this.#owesStop) this.#link.reply(`W${byteHex(code)}`);
    this.#owesStop = false;
  }

  #attach(): void {
    this.#attached = true;
    this.#met = true;
    this.#owesStop = false;
    this.#thread = 0;
  }

  #detached(): void {
    this.#attached = false;
    this.#owesStop = false;
    this.#target.clear();
  }

  /** Answers a packet. @returns how the debuggee goes on, when that is what it asks for */
  #packet(payload: string): Resume | undefined {
    const answer = this.#answer(payload);
    if (typeof answer === 'string') {
      this.#link.reply(answer);
      return undefined;
    }
    switch (answer.kind) {
      case 'detach':
        this.#link.reply('OK');
        this.#link.hangUp();
        this.#attached = false;
        this.#target.clear();
        break;
      case 'kill':
        if (payload !== 'k') this.#link.reply('OK');
        break;
      case 'goto':
        this.#gotoAnswer = true;
        break;
      case 'settle':
        this.#pending = payload;
        break;
      default:
        this.#owesStop = true;
    }
    return answer;
  }

  #answer(payload: string): string | Resume {
    const rest = payload.slice(1);
    switch (payload[0]) {
      case '?':
        return this.#stopReply();
      case 'g':
        return REGISTERS.map(({ name }) => this.#registerHex(name)).join('');
      case 'G':
        return this.#writeAll(rest);
      case 'p':
        return this.#readOne(rest);
      case 'P':
        return this.#writeOne(rest);
      case 'm':
        return this.#readMemory(rest);
      case 'M':
      case 'X':
        return this.#writeMemory(payload[0], rest);
      case 'Z':
      case 'z':
        return this.#stopPoint(payload[0] === 'Z', rest);
      case 'c':
      case 'C':
      case 's':
      case 'S':
        return { kind: payload[0] === 'c' || payload[0] === 'C' ? 'continue' : 'step' };
      case 'b':
        if (payload === 'bc') return { kind: 'reverse-continue' };
        return payload === 'bs' ? { kind: 'reverse-step' } : '';
      case 'D':
        return { kind: 'detach' };
      case 'k':
        return { kind: 'kill' };
      case 'H':
        return this.#selectThread(rest);
      case 'T':
        return this.#threads().some(({ id }) => id === threadNumber(rest)) ? 'OK' : BAD_REQUEST;
      case 'v':
        return this.#long(payload);
      case 'q':
        return this.#query(payload);
      default:
        return ''; // not supported
    }
  }

  // ---- registers and memory -------------------------------------------------------------------------------------------

  #word(value: number): string {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, value, !this.#target.bigEndian);
    return toHex(bytes);
  }

  #unword(digits: string): number | undefined {
    const bytes = fromHex(digits);
    return bytes?.length === 4 ? new DataView(bytes.buffer).getUint32(0, !this.#target.bigEndian) : undefined;
  }

  #registerHex(name: string): string {
    const value = this.#target.readRegister(this.#thread, name);
    return value === undefined ? 'xxxxxxxx' : this.#word(value);
  }

  #readOne(digits: string): string {
    const register = REGISTERS[parseInt(digits, 16)];
    return register ? this.#registerHex(register.name) : BAD_REQUEST;
  }

  #writeOne(text: string): string | Resume {
    const [number, digits = ''] = text.split('=');
    const register = REGISTERS[parseInt(number!, 16)];
    const value = this.#unword(digits);
    if (!register || value === undefined || this.#thread !== 0) return BAD_REQUEST;
    if (!this.#target.settled) return { kind: 'settle' };
    return this.#target.writeRegister(register.name, value) ? 'OK' : BAD_REQUEST;
  }

  #writeAll(digits: string): string | Resume {
    if (this.#thread !== 0 || digits.length < 8 * REGISTERS.length) return BAD_REQUEST;
    if (!this.#target.settled) return { kind: 'settle' };
    for (const { name, number } of REGISTERS) {
      const value = this.#unword(digits.slice(8 * number, 8 * number + 8));
      // most are as they were
      if (value !== undefined && value !== this.#target.readRegister(0, name)) this.#target.writeRegister(name, value);
    }
    return 'OK';
  }

  #readMemory(text: string): string {
    const match = new RegExp(`^${NUMBER},${NUMBER}$`, 'i').exec(text);
    if (!match) return BAD_REQUEST;
    const length = Math.min(parseInt(match[2]!, 16), MAX_PAYLOAD / 2);
    const bytes = this.#target.readMemory(parseInt(match[1]!, 16), length);
    return bytes.length === 0 && length > 0 ? FAULT : toHex(bytes);
  }

  #writeMemory(kind: string, text: string): string | Resume {
    const match = new RegExp(`^${NUMBER},${NUMBER}:`, 'i').exec(text);
    if (!match) return BAD_REQUEST;
    const data = text.slice(match[0].length);
    const bytes = kind === 'X' ? Uint8Array.from(data, (character) => character.charCodeAt(0)) : fromHex(data);
    if (bytes?.length !== parseInt(match[2]!, 16)) return BAD_REQUEST;
    if (bytes.length === 0) return 'OK'; // gdb tries whether X is known
    if (!this.#target.settled) return { kind: 'settle' };
    return this.#target.writeMemory(parseInt(match[1]!, 16), bytes) ? 'OK' : FAULT;
  }

  #stopPoint(insert: boolean, text: string): string {
    const match = new RegExp(`^([0-4]),${NUMBER},${NUMBER}`, 'i').exec(text);
    if (!match) return BAD_REQUEST;
    const address = parseInt(match[2]!, 16);
    const kind = WATCH_KIND[match[1]!];
    const length = parseInt(match[3]!, 16);
    const point: StopPoint = kind ? { kind, address, length } : { kind: 'break', address };
    const done = insert ? this.#target.insert(point) : this.#target.remove(point);
    return done ? 'OK' : BAD_REQUEST;
  }

  // ---- threads, queries -----------------------------------------------------------------------------------------------

  /** There is always one. */
  #threads(): { id: number; name: string }[] {
    const threads = this.#target.threads();
    return threads.length > 0 ? threads : [{ id: 1, name: 'CPU 0' }];
  }

  #selectThread(text: string): string {
    if (text[0] !== 'g') return 'OK'; // all go on together
    const id = threadNumber(text.slice(1));
    const threads = this.#threads();
    if (id <= 0 || id === threads[0]!.id) this.#thread = 0;
    else if (threads.some((thread) => thread.id === id)) this.#thread = id;
    else return BAD_REQUEST;
    return 'OK';
  }

  #stopReply(): string {
    const stop = this.#stop;
    const thread = `thread:${this.#threads()[0]!.id.toString(16)};`;
    switch (stop.reason) {
      case 'interrupt':
        return `T${byteHex(SIGINT)}${thread}`;
      case 'fault':
        return `T${byteHex(SIGSEGV)}${thread}`;
      case 'watch':
        return `T${byteHex(SIGTRAP)}${thread}${WATCH_NAME[stop.kind]}:${stop.address.toString(16)};`;
      case 'begin':
      case 'end':
        return `T${byteHex(SIGTRAP)}${thread}replaylog:${stop.reason};`;
      default:
        return `T${byteHex(SIGTRAP)}${thread}`;
    }
  }

  #long(payload: string): string | Resume {
    if (payload === 'vCont?') return 'vCont;c;C;s;S';
    if (payload.startsWith('vCont;')) {
      const actions = payload.slice(6).split(';');
      if (actions.some((action) => /^[sS]/.test(action))) return { kind: 'step' };
      return actions.some((action) => /^[cC]/.test(action)) ? { kind: 'continue' } : BAD_REQUEST;
    }
    return payload.startsWith('vKill') ? { kind: 'kill' } : '';
  }

  #query(payload: string): string | Resume {
    const [name = ''] = payload.split(/[:,;]/, 1);
    switch (name) {
      case 'qSupported':
        return `PacketSize=${MAX_PAYLOAD.toString(16)};QStartNoAckMode+;qXfer:features:read+;vContSupported+;ReverseStep+;ReverseContinue+`;
      case 'qXfer':
        return xfer(payload);
      case 'qC':
        return `QC${this.#threads()[0]!.id.toString(16)}`;
      case 'qAttached':
        return '1';
      case 'qfThreadInfo':
        return `m${this.#threads()
          .map(({ id }) => id.toString(16))
          .join(',')}`;
      case 'qsThreadInfo':
        return 'l';
      case 'qThreadExtraInfo': {
        const id = threadNumber(payload.slice(name.length + 1));
        const thread = this.#threads().find((candidate) => candidate.id === id);
        return thread ? textToHex(thread.name) : BAD_REQUEST;
      }
      case 'qSymbol':
        return 'OK';
      case 'qRcmd':
        return this.#monitor(payload.slice(name.length + 1));
      default:
        return '';
    }
  }

  #monitor(digits: string): string | Resume {
    const bytes = fromHex(digits);
    if (!bytes) return BAD_REQUEST;
    if (!this.#target.settled) return { kind: 'settle' };
    const answer = this.#target.monitor(Buffer.from(bytes).toString('utf8').trim());
    if (typeof answer !== 'string') return { kind: 'goto', moment: answer.goto };
    return this.#console(answer);
  }

  /** Sends text for gdb's console ahead of the last reply, which is returned. */
  #console(text: string): string {
    const bytes = Buffer.from(text, 'utf8');
    for (let at = 0; at < bytes.length; at += CONSOLE_BYTES)
      this.#link.reply(`O${bytes.subarray(at, at + CONSOLE_BYTES).toString('hex')}`);
    return 'OK';
  }

  #print(text: string): void {
    this.#link.reply(this.#console(text));
  }
}

const byteHex = (value: number): string => value.toString(16).padStart(2, '0');

/** -1 for all, 0 for any. */
function threadNumber(text: string): number {
  if (text.startsWith('-')) return -1;
  const id = parseInt(text, 16);
  return Number.isNaN(id) ? -2 : id;
}

/** qXfer:features:read:target.xml:OFFSET,LENGTH */
function xfer(payload: string): string {
  const match = /^qXfer:features:read:target\.xml:([0-9a-f]{1,8}),([0-9a-f]{1,8})$/i.exec(payload);
  if (!match) return payload.startsWith('qXfer:features:read:') ? 'E00' : '';
  const text = targetDescription();
  const [offset, length] = [parseInt(match[1]!, 16), Math.min(parseInt(match[2]!, 16), MAX_PAYLOAD / 2)];
  const part = text.slice(offset, offset + length);
  return `${offset + part.length < text.length ? 'm' : 'l'}${part}`;
}

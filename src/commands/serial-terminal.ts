// One's own terminal on the guest's serial port: keys go to the kernel, Ctrl-A is the escape, as in QEMU.
import { setTimeout as sleep } from 'node:timers/promises';

const CTRL_A = 0x01;
const HELP = '\r\nCtrl-A x  end the run\r\nCtrl-A Ctrl-A  send Ctrl-A\r\n';
/** A slice with fewer instructions was spent asleep: then virtual time goes no faster than the user's. */
const ASLEEP = 1_000_000;

export class SerialTerminal {
  #escape = false;
  #onKeys: ((bytes: Uint8Array) => void) | undefined;
  #onEnd: (() => void) | undefined;
  #last: { wall: number; virtual: number } | undefined;
  readonly #listener = (data: Buffer): void => this.#keys(data);

  /** A byte of the kernel's, raw: it speaks to the user's terminal. */
  show(byte: number): void {
    process.stdout.write(Uint8Array.of(byte));
  }

  open(onKeys: (bytes: Uint8Array) => void, onEnd: () => void): void {
    this.#onKeys = onKeys;
    this.#onEnd = onEnd;
    if (process.stdin.isTTY) process.stdin.setRawMode(true);
    process.stdin.on('data', this.#listener);
    process.stdin.resume();
  }

  #keys(data: Uint8Array): void {
    const out: number[] = [];
    for (const byte of data) {
      if (!this.#escape) {
        if (byte === CTRL_A) this.#escape = true;
        else out.push(byte);
        continue;
      }
      this.#escape = false;
      if (byte === CTRL_A) out.push(byte);
      else if (byte === 0x78) this.#onEnd?.();
      else if (byte === 0x68 || byte === 0x3f) process.stdout.write(HELP);
    }
    if (out.length > 0) this.#onKeys?.(Uint8Array.from(out));
  }

  /** Waits while the guest sleeps and is ahead of the user's clock. @param virtualNs now @param instructions of the slice */
  async pace(virtualNs: number, instructions: number): Promise<void> {
    const wall = Number(process.hrtime.bigint());
    if (instructions >= ASLEEP || this.#last === undefined) {
      this.#last = { wall, virtual: virtualNs };
      return;
    }
    const ahead = virtualNs - this.#last.virtual - (wall - this.#last.wall);
    if (ahead > 1e6) await sleep(ahead / 1e6);
  }

  close(): void {
    process.stdin.off('data', this.#listener);
    if (process.stdin.isTTY) process.stdin.setRawMode(false);
    process.stdin.pause();
  }
}

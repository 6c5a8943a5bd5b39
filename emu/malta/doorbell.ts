// The host's end of the doorbell protocol; the guest's end and a picture of it are in emu/guest/include/doorbell.h.

/** Calls of the guest base (doorbell.h). */
export const HOST_CALL = {
  RESUME: 0,
  EXIT: 1,
  EXCEPTION: 2,
  THREAD_EXIT: 3,
  PANIC: 4,
  SELFTEST: 5,
  FIRST_FREE: 16,
} as const;

/** Byte offsets in struct mailbox. */
const ARGS = 0;
const RET = 24;
const RUN_FN = 28;
const RUN_ARGS = 32;
const RUN_TOKEN = 48;

/** A guest function that the host wants run in the context of the host call it is answering. */
export interface GuestFunction {
  /** Virtual address. */
  readonly address: number;
  /** At most four words. */
  readonly args: readonly number[];
}

/**
 * Answers a host call: its six argument words in, the result word out (nothing is 0). A generator answers after running guest
 * functions: `const result = yield guestFunction` gives each one's result. Other host calls, also by other threads, may come
 * and be answered between a yield and its result.
 */
export type HostCallHandler = (
  ...args: [number, number, number, number, number, number]
) => number | void | Generator<GuestFunction, number | void, number>;

type Pending = Generator<GuestFunction, number | void, number>;

/** Token of functions started from outside any host call (`begin`). */
const OUTSIDE = 0;

export class Doorbell {
  readonly #handlers: (HostCallHandler | undefined)[] = [];
  /** Handlers waiting for a guest function's result, by the token that the guest's stub brings back. */
  readonly #pending = new Map<number, Pending>();
  #lastToken = OUTSIDE;
  readonly #mailbox: number;
  readonly #view: () => DataView;
  readonly #onReturn: (result: number) => void;

  /**
   * @param mailbox physical address of the guest's struct mailbox @param view RAM
   * @param onReturn gets the result of a function started with `begin`
   */
  constructor(mailbox: number, view: () => DataView, onReturn: (result: number) => void) {
    this.#mailbox = mailbox;
    this.#view = view;
    this.#onReturn = onReturn;
  }

  /** Registers the handler of call `nr`, in place of the one it had. */
  handle(nr: number, handler: HostCallHandler): void {
    this.#handlers[nr] = handler;
  }

  /** The guest has rung: `nr` is the call. @throws Error for a call nobody handles, and whatever the handler throws */
  ring(nr: number): void {
    const view = this.#view();
    const at = this.#mailbox + ARGS;
    if (nr === HOST_CALL.RESUME) {
      this.#resume(view.getUint32(at), view.getUint32(at + 4));
      return;
    }
    const handler = this.#handlers[nr];
    if (!handler) throw new Error(`host call ${nr} has no handler`);
    const answer = handler(
      view.getUint32(at),
      view.getUint32(at + 4),
      view.getUint32(at + 8),
      view.getUint32(at + 12),
      view.getUint32(at + 16),
      view.getUint32(at + 20),
    );
    if (typeof answer === 'object') this.#advance(++this.#lastToken, answer, answer.next());
    else this.#answer(answer ?? 0);
  }

  /**
   * For handlers that answer at once what they might have answered later: takes the token that this would have taken. Tokens lie on
   * the guest's stacks, and in dumps of them, so that they must not depend on how a call was answered.
   */
  skipToken(): void {
    this.#lastToken++;
  }

  /** Makes the guest, stopped inside a host call, run `fn` when it goes on; `onReturn` gets the result. */
  begin(fn: GuestFunction): void {
    this.#ask(fn, OUTSIDE);
  }

  #resume(token: number, result: number): void {
    if (token === OUTSIDE) {
      this.#answer(0);
      this.#onReturn(result);
      return;
    }
    const pending = this.#pending.get(token);
    if (!pending) throw new Error(`the guest brings back unknown token ${token}`);
    this.#pending.delete(token);
    this.#advance(token, pending, pending.next(result));
  }

  #advance(token: number, pending: Pending, step: IteratorResult<GuestFunction, number | void>): void {
    if (step.done) {
      this.#answer(step.value ?? 0);
    } else {
      this.#pending.set(token, pending);
      this.#ask(step.value, token);
    }
  }

  #answer(ret: number): void {
    const view = this.#view();
    view.setUint32(this.#mailbox + RET, ret);
    view.setUint32(this.#mailbox + RUN_FN, 0);
  }

  #ask({ address, args }: GuestFunction, token: number): void {
    const view = this.#view();
    for (let i = 0; i < 4; i++) view.setUint32(this.#mailbox + RUN_ARGS + 4 * i, args[i] ?? 0);
    view.setUint32(this.#mailbox + RUN_TOKEN, token);
    view.setUint32(this.#mailbox + RUN_FN, address);
  }
}

// How a debuggee, which runs and waits without ever returning to an event loop, speaks with a client: by messages that it can wait
// for. The thread at the other end owns the socket.
import { type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';

/** From the client's side. */
export type LinkMessage =
  { readonly kind: 'attached' | 'interrupt' | 'gone' } | { readonly kind: 'packet'; readonly payload: string };

export interface GdbLink {
  /** Waits for a message. */
  next(): LinkMessage;
  /** A message that is there already. */
  poll(): LinkMessage | undefined;
  reply(payload: string): void;
  /** Ends the connection with the client behind the last reply. */
  hangUp(): void;
}

/** A message with the number of the client that it comes from, counted from 1. */
export type ClientMessage = LinkMessage & { readonly client: number };

/** To the thread of the socket. What is meant for a client that has gone is dropped. */
export type SocketCommand =
  | { readonly kind: 'reply'; readonly client: number; readonly payload: string }
  | { readonly kind: 'hang up'; readonly client: number }
  | { readonly kind: 'close' };

/** What the thread says about itself. */
export type SocketStart =
  | { readonly kind: 'listening'; readonly port: number; readonly addresses: string[] }
  | { readonly kind: 'failed'; readonly message: string };

export interface SocketData {
  readonly port: number;
  /** Two words: messages sent, and messages taken. */
  readonly bell: SharedArrayBuffer;
  readonly messages: MessagePort;
}

/** A link over TCP. */
export class SocketLink implements GdbLink {
  readonly #worker: Worker;
  readonly #messages: MessagePort;
  readonly #bell: Int32Array;
  #heard = 0;
  /** The client that spoke last. */
  #client = 0;
  readonly port: number;
  readonly addresses: readonly string[];

  private constructor(worker: Worker, messages: MessagePort, bell: Int32Array, port: number, addresses: string[]) {
    this.#worker = worker;
    this.#messages = messages;
    this.#bell = bell;
    this.port = port;
    this.addresses = addresses;
  }

  /**
   * Listens on the loopback addresses.
   * @param script the thread's program (socket-worker.ts) @param port 0: any that is free
   * @throws Error when the port cannot be had
   */
  static listen(script: URL, port: number): SocketLink {
    const bell = new SharedArrayBuffer(8);
    const words = new Int32Array(bell);
    const { port1, port2 } = new MessageChannel();
    const workerData: SocketData = { port, bell, messages: port2 as unknown as MessagePort };
    const worker = new Worker(script, { workerData, transferList: [port2 as never] });
    worker.unref();
    const messages = port1 as unknown as MessagePort;
    messages.unref();
    for (;;) {
      const heard = Atomics.load(words, 0);
      const start = receiveMessageOnPort(messages)?.message as SocketStart | undefined;
      if (start) Atomics.add(words, 1, 1);
      if (start?.kind === 'failed') {
        void worker.terminate();
        throw new Error(start.message);
      }
      if (start) return new SocketLink(worker, messages, words, start.port, start.addresses);
      Atomics.wait(words, 0, heard);
    }
  }

  next(): LinkMessage {
    for (;;) {
      const heard = Atomics.load(this.#bell, 0);
      const message = this.#take();
      if (message) return message;
      this.#heard = heard;
      Atomics.wait(this.#bell, 0, heard);
    }
  }

  poll(): LinkMessage | undefined {
    const heard = Atomics.load(this.#bell, 0);
    if (heard === this.#heard) return undefined;
    const message = this.#take();
    if (!message) this.#heard = heard;
    return message;
  }

  #take(): LinkMessage | undefined {
    const message = receiveMessageOnPort(this.#messages)?.message as ClientMessage | undefined;
    if (message) {
      Atomics.add(this.#bell, 1, 1);
      this.#client = message.client;
    }
    return message;
  }

  #send(command: SocketCommand): void {
    this.#messages.postMessage(command);
  }

  reply(payload: string): void {
    this.#send({ kind: 'reply', client: this.#client, payload });
  }

  hangUp(): void {
    this.#send({ kind: 'hang up', client: this.#client });
  }

  /** Stops listening. @returns when all is sent and the thread has ended */
  close(): Promise<void> {
    this.#send({ kind: 'close' });
    this.#worker.ref();
    return new Promise((resolve) => this.#worker.on('exit', () => resolve()));
  }
}

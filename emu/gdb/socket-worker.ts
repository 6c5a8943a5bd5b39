// The thread that owns the socket: takes one client at a time, tells others that the port is taken, and passes packets on.
import net from 'node:net';
import { workerData } from 'node:worker_threads';
import { Connection } from './connection.js';
import type { ClientMessage, LinkMessage, SocketCommand, SocketData, SocketStart } from './link.js';
import { encodePacket } from './packet.js';

const { port, bell, messages } = workerData as SocketData;
const words = new Int32Array(bell);

function tell(message: ClientMessage | SocketStart): void {
  messages.postMessage(message);
  Atomics.add(words, 0, 1);
  Atomics.notify(words, 0);
}

/** A client that takes no bytes any more is dropped when so many wait for it. */
const MAX_UNSENT = 16 << 20;

/** gdb waits for each answer: a client that does not is no gdb. The debuggee may be busy for a while. */
const MAX_WAITING = 256;

interface Client {
  readonly socket: net.Socket;
  readonly connection: Connection;
  readonly number: number;
  /** Messages that had been sent when it came. */
  readonly before: number;
}

let client: Client | undefined;
let clients = 0;

function tellOf(client: Client, message: LinkMessage): void {
  const waiting = Atomics.load(words, 0) - Math.max(Atomics.load(words, 1), client.before);
  if (waiting > MAX_WAITING) client.socket.destroy();
  else tell({ ...message, client: client.number });
}

function accept(socket: net.Socket): void {
  socket.setNoDelay(true);
  socket.on('error', () => socket.destroy()); // 'close' follows
  if (client) return refuse(socket);
  const connection = new Connection(
    (bytes) => {
      if (socket.writableLength > MAX_UNSENT) socket.destroy();
      else if (socket.writable) socket.write(bytes);
    },
    {
      onPacket: (payload) => tellOf(taken, { kind: 'packet', payload }),
      onInterrupt: () => tellOf(taken, { kind: 'interrupt' }),
      onAbuse: () => socket.destroy(),
    },
  );
  const taken: Client = { socket, connection, number: ++clients, before: Atomics.load(words, 0) };
  client = taken;
  tell({ kind: 'attached', client: taken.number });
  socket.on('data', (bytes) => connection.receive(bytes));
  socket.on('close', () => {
    if (client?.socket !== socket) return;
    client = undefined;
    tell({ kind: 'gone', client: taken.number });
  });
}

/** Milliseconds until a client that is let go is cut off, should it not read. */
const REFUSAL_MS = 2000;

/** Answers the first thing that a second client says, so that its user reads why. */
function refuse(socket: net.Socket): void {
  const timer = setTimeout(() => socket.destroy(), REFUSAL_MS);
  socket.on('close', () => clearTimeout(timer));
  socket.once('data', () => {
    socket.end(
      Buffer.concat([Buffer.from('+'), encodePacket('E.the port is taken: another gdb is attached to this guest')]),
    );
    socket.resume();
  });
}

/** Ends a connection behind what was sent, whether the client reads it or not. */
function finish(socket: net.Socket): void {
  const timer = setTimeout(() => socket.destroy(), REFUSAL_MS);
  socket.end(() => {
    clearTimeout(timer);
    socket.destroy();
  });
}

const servers: net.Server[] = [];
const addresses: string[] = [];

function listen(host: string, at: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = net.createServer(accept);
    server.once('error', reject);
    server.listen({ host, port: at, exclusive: true, backlog: 4 }, () => {
      servers.push(server);
      const { port: got } = server.address() as net.AddressInfo;
      addresses.push(host.includes(':') ? `[${host}]:${got}` : `${host}:${got}`);
      resolve(got);
    });
  });
}

try {
  const got = await listen('127.0.0.1', port);
  try {
    await listen('::1', got);
  } catch (error) {
    // a machine without IPv6; somebody else on ::1 is another matter
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') throw error;
  }
  tell({ kind: 'listening', port: got, addresses });
} catch (error) {
  for (const server of servers) server.close();
  tell({ kind: 'failed', message: (error as NodeJS.ErrnoException).code ?? String(error) });
}

messages.on('message', (command: SocketCommand) => {
  switch (command.kind) {
    case 'reply':
      if (client?.number === command.client) client.connection.send(command.payload);
      return;
    case 'hang up':
      if (client?.number === command.client) finish(client.socket);
      return;
    case 'close':
      if (client) finish(client.socket);
      for (const server of servers) server.close();
      messages.close();
  }
});

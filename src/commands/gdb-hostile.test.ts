// Clients that are no gdb: whatever they send, the guest is there for the next one.
import { type ChildProcess, spawn } from 'node:child_process';
import net from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodePacket, PacketReader } from '../../emu/gdb/packet.js';

const cli = fileURLToPath(new URL('../../scripts/percpu-malta.mjs', import.meta.url));

let child: ChildProcess;
let port: number;
beforeAll(async () => {
  child = spawn(process.execPath, [cli, 'boot', '--gdb', '0', '-S', '--quiet', '--controllers', '1']);
  let text = '';
  port = await new Promise((resolve, reject) => {
    child.stderr!.on('data', (bytes: Buffer) => {
      text += bytes.toString();
      const match = /target remote :(\d+)/.exec(text);
      if (match) resolve(Number(match[1]));
    });
    child.on('close', () => reject(new Error(text)));
  });
});
afterAll(() => void child.kill('SIGKILL'));

function connect(): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ port, host: '127.0.0.1' }, () => resolve(socket));
    socket.on('error', reject);
  });
}

const closed = (socket: net.Socket): Promise<void> =>
  new Promise((resolve) => {
    socket.on('error', () => {});
    socket.on('close', () => resolve());
    socket.resume();
  });

/** Sends a packet, or bytes as they are, and gives the payload that comes back. */
function ask(socket: net.Socket, payload: string): Promise<string> {
  return new Promise((resolve) => {
    const reader = new PacketReader();
    const listen = (bytes: Buffer): void => {
      for (const item of reader.read(bytes))
        if (item.kind === 'packet') {
          socket.off('data', listen);
          socket.write('+');
          resolve(item.payload);
        }
    };
    socket.on('data', listen);
    socket.write(encodePacket(payload));
  });
}

/** Attaches; waits while the client before is still being let go. */
async function attach(): Promise<net.Socket> {
  for (;;) {
    const socket = await connect();
    const answer = await ask(socket, '?');
    if (!answer.startsWith('E.the port is taken')) {
      expect(answer).toMatch(/^T0[25]thread:1;/);
      return socket;
    }
    await closed(socket);
  }
}

/** A well-behaved client finds the guest before its first instruction. */
async function stillThere(): Promise<void> {
  const socket = await attach();
  expect(await ask(socket, 'p25')).toBe('80100000');
  socket.destroy();
  await closed(socket);
}

describe('a client that', () => {
  test('sends a packet of 100 MB is cut off', async () => {
    const socket = await connect();
    const end = closed(socket);
    socket.write('$');
    const chunk = Buffer.alloc(1 << 20, 'a');
    for (let i = 0; i < 100 && !socket.destroyed; i++)
      await new Promise<void>((resolve) => {
        if (!socket.write(chunk) && !socket.destroyed) {
          socket.once('drain', resolve);
          socket.once('close', () => resolve());
        } else setImmediate(resolve);
      });
    await end;
    await stillThere();
  });

  test.each([
    ['junk', Buffer.from(Array.from({ length: 5000 }, (_, n) => (n * 7919) & 0xff))],
    ['bad checksums', Buffer.from('$g#00'.repeat(3))],
    ['half a packet', Buffer.from('$m80100000,4')],
    ['a request that is cut off', Buffer.from('$g#67$m80100000,1000#')],
    ['thousands of requests without reading', Buffer.concat(Array.from({ length: 3000 }, () => encodePacket('g')))],
    ['thousands of Ctrl-C', Buffer.alloc(4000, 3)],
  ])('sends %s and goes away does no harm', async (_, bytes) => {
    const socket = await connect();
    const end = closed(socket);
    socket.write(bytes, () => socket.destroy());
    await end;
    await stillThere();
  });

  test('asks for nonsense is told so', async () => {
    const socket = await attach();
    for (const request of [
      'm80100000',
      'mzz,4',
      'm100000000,4',
      'M80100000,4:00',
      'Z9,0,0',
      'Z0,',
      'p7777',
      'P25=',
      'Hgffff',
      'Tzz',
      'X0,5:a',
    ])
      expect(await ask(socket, request), request).toMatch(/^E/);
    for (const request of ['vNonsense', 'qNonsense', '!', 'i', 'R00', '_m'])
      expect(await ask(socket, request)).toBe('');
    expect(await ask(socket, 'mc0000000,4')).toMatch(/^E/); // nothing is mapped there
    expect(await ask(socket, 'mbf000900,4')).toMatch(/^E/); // a device is not asked
    expect(await ask(socket, `qRcmd,${Buffer.from('nonsense').toString('hex')}`)).toMatch(/^O/);
    socket.destroy();
    await closed(socket);
    await stillThere();
  });

  test('comes second is told that the port is taken', async () => {
    const first = await attach();
    expect(await ask(first, 'qC')).toBe('QC1');
    const second = await connect();
    expect(await ask(second, '?')).toMatch(/^E\.the port is taken: another gdb is attached/);
    await closed(second);
    expect(await ask(first, 'qC')).toBe('QC1');
    first.destroy();
    await closed(first);
    await stillThere();
  });

  test('does not come from this machine finds nobody', async () => {
    const others = Object.values((await import('node:os')).networkInterfaces())
      .flatMap((list) => list ?? [])
      .filter(({ internal, family }) => !internal && family === 'IPv4');
    for (const { address } of others)
      await expect(
        new Promise((resolve, reject) =>
          net.connect({ port, host: address }, () => resolve('connected')).on('error', reject),
        ),
      ).rejects.toThrow(/ECONNREFUSED/);
  });
});

// A Redis server of a test's own, on loopback: Debian's redis-server, started and stopped by the test.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';

export const haveRedis = spawnSync('redis-server', ['--version']).error === undefined;
if (!haveRedis) console.warn('no redis-server here (apt-get install redis-server): the queue is not tested');

export class TestServer {
  readonly #args: readonly string[];
  #child: ChildProcess | undefined;
  readonly port: number;

  private constructor(port: number, args: readonly string[]) {
    this.port = port;
    this.#args = args;
  }

  /** @param folder for its append-only file @param more options; `tls` gives it the port for TLS and no other */
  static async start(folder: string, more: readonly string[] = [], tls = false): Promise<TestServer> {
    fs.mkdirSync(folder, { recursive: true });
    const port = await freePort();
    const ports = tls ? ['--port', '0', '--tls-port', String(port)] : ['--port', String(port)];
    const files = ['--dir', path.resolve(folder), '--appendonly', 'yes', '--appendfsync', 'always', '--save', ''];
    const server = new TestServer(port, [...ports, '--bind', '127.0.0.1', ...files, ...more]);
    await server.restart();
    return server;
  }

  async restart(): Promise<void> {
    const child = spawn('redis-server', this.#args, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#child = child;
    await new Promise<void>((resolve, reject) => {
      let text = '';
      child.stdout.on('data', (chunk: Buffer) => {
        text += chunk.toString();
        if (text.includes('Ready to accept connections')) resolve();
      });
      child.on('exit', () => reject(new Error(`redis-server ended:\n${text}`)));
    });
  }

  /** At once, as a crash ends it. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.on('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as net.AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

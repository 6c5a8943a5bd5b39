// Sweeps through a queue: the same bytes as on one machine, whatever is killed on the way.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { defaultImageFile } from '../../emu/malta/default-image.js';
import { loadEngine } from '../../emu/unicorn/choose.js';
import { type Job, LocalFiles } from '../experiments/job.js';
import { BootPool } from '../experiments/pool.js';
import type { BootRecord } from '../experiments/record.js';
import { DEFAULT_SETUP } from '../experiments/setup.js';
import { parseQueue } from './place.js';
import { QueueBoots } from './queue-boots.js';
import { haveRedis, TestServer } from './test-server.js';

const cli = fileURLToPath(new URL('../../scripts/percpu-malta.mjs', import.meta.url));
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'percpu-malta-queue-'));
const place = (name: string): string => path.join(folder, name);
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

class Command {
  readonly child: ChildProcess;
  stdout = '';
  stderr = '';
  readonly ended: Promise<number | string>;

  constructor(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    this.child = spawn(process.execPath, [cli, ...args], { cwd: folder, env: { ...process.env, ...env } });
    this.child.stdout!.on('data', (chunk: Buffer) => (this.stdout += chunk.toString()));
    this.child.stderr!.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()));
    this.ended = new Promise((resolve) => this.child.on('close', (code, signal) => resolve(signal ?? code!)));
    running.add(this);
  }

  async kill(signal: NodeJS.Signals): Promise<number | string> {
    this.child.kill(signal);
    return this.ended;
  }
}
const running = new Set<Command>();
afterEach(async () => {
  for (const command of running) await command.kill('SIGKILL');
  running.clear();
});

const lines = (file: string): number =>
  fs.existsSync(place(file)) ? fs.readFileSync(place(file), 'utf8').split('\n').length - 1 : 0;

async function until(what: () => boolean): Promise<void> {
  while (!what()) await new Promise((resolve) => setTimeout(resolve, 20));
}

describe.skipIf(!haveRedis)('a queue', { timeout: 600_000 }, () => {
  const SEEDS = 10;
  const SWEEP = ['sweep', '--seeds', `1..${SEEDS}`, '--controllers', '1'];
  let server: TestServer;
  let names = 0;
  let url: string;
  const fresh = (): string => (url = `redis://127.0.0.1:${server.port}/sweep-${++names}`);
  const worker = (jobs = 1): Command =>
    new Command(['worker', '--queue', url, '--jobs', String(jobs), '--lost-after', '2']);
  const collector = (out: string, ...more: string[]): Command =>
    new Command([...SWEEP, '--out', out, '--queue', url, ...more]);
  const same = (out: string): void =>
    expect(fs.readFileSync(place(out), 'utf8')).toBe(fs.readFileSync(place('local'), 'utf8'));

  beforeAll(async () => {
    server = await TestServer.start(place('redis'));
    const local = new Command([...SWEEP, '--out', 'local', '--jobs', '2']);
    expect({ code: await local.ended, stderr: local.stderr }).toEqual({ code: 0, stderr: '' });
  }, 600_000);
  afterAll(() => server.kill());

  test('loses no boot with a worker that is killed in the middle of one', async () => {
    fresh();
    const [sweep, first] = [collector('worker'), worker(2)];
    await until(() => lines('worker') > 0);
    expect(await first.kill('SIGKILL')).toBe('SIGKILL');
    expect(lines('worker')).toBeLessThan(SEEDS);
    const second = worker();
    expect(await sweep.ended).toBe(0);
    same('worker');
    // Nothing is left behind, and the worker ends when it is asked to.
    const client = new Redis({ port: server.port });
    expect(await client.keys(`percpu-malta:${url.split('/').at(-1)}:boot-*`)).toEqual([]);
    client.disconnect();
    await until(() => second.stderr.includes('at the same time'));
    expect(await second.kill('SIGTERM')).toBe(0);
    expect(second.stdout).toMatch(/^\d boots? done, \d crashed\n$/);
  });

  test('goes on after lost connections, and after its server has crashed and come back', async () => {
    fresh();
    const [sweep, one] = [collector('server'), worker()];
    await until(() => lines('server') > 0);
    const client = new Redis({ port: server.port });
    await client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    client.disconnect();
    await until(() => lines('server') > 1);
    await server.kill();
    await until(() => sweep.stderr.split('connection lost').length > 2);
    await server.restart();
    expect(await sweep.ended).toBe(0);
    same('server');
    expect(
      sweep.stderr.split('\n').filter((line) => !/: (connection lost; trying|connected) again$|^$/.test(line)),
    ).toEqual([]);
    expect(await one.kill('SIGINT')).toBe(130);
  });

  test('a collector that is killed goes on with --resume, one that is stopped too', async () => {
    fresh();
    worker();
    const long = (...more: string[]): Command =>
      new Command(['sweep', '--seeds', '1..60', '--controllers', '1', '--out', 'collector', '--queue', url, ...more]);
    const first = long();
    await until(() => lines('collector') > 0);
    expect(await first.kill('SIGKILL')).toBe('SIGKILL');
    const before = lines('collector');
    const second = long('--resume');
    await until(() => lines('collector') > before);
    expect(await second.kill('SIGINT')).toBe(130);
    expect(second.stdout).toMatch(/^boots +\d+ of 60, the rest is not done/);
    // What it did not want any more is not booted any more: the rest of the seeds comes at once.
    expect(await collector('collector', '--resume').ended).toBe(0);
    const text = fs.readFileSync(place('collector'), 'utf8');
    const local = fs.readFileSync(place('local'), 'utf8');
    expect(text.slice(0, local.length)).toBe(local);
    expect(lines('collector')).toBeLessThan(60);
  });

  test('compare gives the same table; TLS and passwords work and are never shown', async () => {
    const certificate = spawnSync('openssl', [
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost'],
      ...[
        '-addext',
        'subjectAltName=DNS:localhost,IP:127.0.0.1',
        '-keyout',
        place('key.pem'),
        '-out',
        place('cert.pem'),
      ],
    ]);
    expect(certificate.status).toBe(0);
    const password = 'p@ss/w%rd';
    const tls = [
      '--tls-cert-file',
      place('cert.pem'),
      '--tls-key-file',
      place('key.pem'),
      '--tls-ca-cert-file',
      place('cert.pem'),
    ];
    const secure = await TestServer.start(
      place('tls'),
      [...tls, '--tls-auth-clients', 'no', '--requirepass', password],
      true,
    );
    try {
      const env = { NODE_EXTRA_CA_CERTS: place('cert.pem') };
      const at = `127.0.0.1:${secure.port}/tls`;
      const shown = `rediss://${at}`;
      const compare = ['compare', '--quick', '--layouts', 'malta-4k,malta', '--controllers', '1', '--seeds', '1'];
      const far = new Command([...compare, '--queue', `rediss://:${encodeURIComponent(password)}@${at}`], env);
      const hand = new Command(['worker', '--queue', shown], { ...env, PERCPU_MALTA_QUEUE_PASSWORD: password });
      expect(await far.ended).toBe(0);
      const near = new Command(compare);
      expect(await near.ended).toBe(0);
      expect(far.stdout).toBe(near.stdout);
      await hand.kill('SIGTERM');
      for (const [args, say] of [
        [`rediss://:wr%23ng@${at}`, `--queue ${shown}: the server wants another password`],
        [shown, `--queue ${shown}: the server wants another password`],
        [`redis://:${encodeURIComponent(password)}@${at}`, `--queue redis://${at}: cannot be reached (`],
      ] as const) {
        const refused = new Command(['worker', '--queue', args], env);
        expect(await refused.ended).toBe(2);
        expect(refused.stderr).toMatch(/^[^\n]*\n$/);
        expect(refused.stderr).toContain(`percpu-malta: ${say}`);
      }
      const untrusted = new Command(['worker', '--queue', `rediss://:${encodeURIComponent(password)}@${at}`]);
      expect(await untrusted.ended).toBe(2);
      expect(untrusted.stderr).toMatch(/^percpu-malta: --queue rediss:.* cannot be reached \(.*SELF_SIGNED.*\)\n$/);
      for (const { stdout, stderr } of running)
        for (const secret of [password, encodeURIComponent(password), 'wr#ng', 'wr%23ng']) {
          expect(stdout).not.toContain(secret);
          expect(stderr).not.toContain(secret);
        }
    } finally {
      await secure.kill();
    }
  });

  test('another version is refused in one line, whoever comes second', async () => {
    fresh();
    const name = url.split('/').at(-1)!;
    const client = new Redis({ port: server.port, maxRetriesPerRequest: null });
    const queue = new Queue(name, { connection: client, prefix: 'percpu-malta' });
    try {
      const waits = worker();
      await until(() => waits.stderr.includes('at the same time'));
      const job: Job = { setup: DEFAULT_SETUP, seed: 1 };
      await queue.add('boot', { build: '9.9.9+abc', job }, { jobId: 'boot-of-another' });
      expect(await waits.ended).toBe(2);
      expect(waits.stderr.split('\n')[1]).toMatch(
        /^percpu-malta: --queue redis:.* boots are for percpu-malta 9\.9\.9\+abc, this is /,
      );
      expect(await queue.getJobState('boot-of-another')).toBe('waiting');
      await client.set(`percpu-malta-build:${name}`, '9.9.9+abc');
      for (const command of [worker(), collector('other')]) {
        expect(await command.ended).toBe(2);
        expect(command.stderr).toMatch(
          /^percpu-malta: --queue [^\n]* for percpu-malta 9\.9\.9\+abc, this is [^\n]*\n$/,
        );
      }
      expect(lines('other')).toBe(0);
    } finally {
      await queue.close();
      client.disconnect();
    }
  });

  test('what is no record of the boot is not taken for one', async () => {
    fresh();
    const connection = { port: server.port, maxRetriesPerRequest: null };
    const good = JSON.parse(fs.readFileSync(place('local'), 'utf8').split('\n')[0]!) as BootRecord;
    const answers = [null, { record: { ...good, outcome: 'well' } }, { record: good }];
    const liar = new Worker(url.split('/').at(-1)!, () => Promise.resolve(answers.shift()), {
      connection,
      prefix: 'percpu-malta',
    });
    const boots = await QueueBoots.open(parseQueue(url), { jobs: 1, say: () => {} });
    const job = { setup: good.options, seed: good.seed };
    try {
      await expect(boots.boot(job)).rejects.toThrow(
        /^the boot with seed 1 .* a worker answered with something else \(outcome: /,
      );
      expect(await boots.boot(job)).toEqual(good); // what lies there from before is no answer
      expect(answers).toEqual([]);
    } finally {
      await boots.close();
      await liar.close();
    }
  });

  const kernel = fileURLToPath(new URL('../../fixtures/testkernel/testkernel-be.elf', import.meta.url));
  const disk = (): string => {
    fs.writeFileSync(place('disk.img'), Buffer.alloc(3 << 19, 7));
    return 'disk.img';
  };
  describe.each([
    [
      'a sweep over a kernel',
      9,
      () => ['sweep', '--vmlinux', kernel, '--seeds', '1..9', '--check', '--append', 'tests=unmap', '--drive', disk()],
    ],
    ['the flushes of a kernel', 6, () => ['flushes', kernel, '--append', 'tests=unmap,wired']],
  ])('%s', (name, records, args) => {
    const near = `near ${name}`;
    const far = (out: string, ...more: string[]): Command =>
      new Command([...args(), '--out', out, '--queue', url, ...more]);
    const sameRuns = (out: string): void =>
      expect(fs.readFileSync(place(out), 'utf8')).toBe(fs.readFileSync(place(near), 'utf8'));
    let local: Command;
    beforeAll(async () => {
      local = new Command([...args(), '--out', near, '--jobs', '2']);
      expect({ code: await local.ended, stderr: local.stderr }).toEqual({ code: 0, stderr: '' });
      expect(lines(near)).toBe(records);
    });

    test('loses no run with its worker, whose cache lacks the files', async () => {
      fresh();
      const cache = place(`cache ${name}`);
      const [, UNICORN_LIB] = /\((.*)\)/.exec((await loadEngine('native')).description)!;
      const first = new Command(['worker', '--queue', url, '--jobs', '2', '--lost-after', '2'], {
        PERCPU_MALTA_CACHE: cache,
        UNICORN_LIB,
      });
      const out = `worker ${name}`;
      const command = far(out);
      await until(() => lines(out) > 0);
      expect(await first.kill('SIGKILL')).toBe('SIGKILL');
      expect(lines(out)).toBeLessThan(records);
      const sums = fs.readdirSync(path.join(cache, 'files'));
      const named = fs.readFileSync(place(near), 'utf8').match(/\b[0-9a-f]{64}\b/g)!;
      expect(sums.sort()).toEqual([...new Set(named)].sort());
      worker();
      expect(await command.ended).toBe(0);
      sameRuns(out);
      expect(command.stdout).toBe(local.stdout);
    });

    test('goes on after its server has crashed and come back', async () => {
      fresh();
      const out = `server ${name}`;
      const command = far(out);
      worker();
      await until(() => lines(out) > 0);
      await server.kill();
      await until(() => command.stderr.includes('connection lost'));
      await server.restart();
      expect(await command.ended).toBe(0);
      sameRuns(out);
    });

    test('a collector that is killed goes on with --resume', async () => {
      fresh();
      worker();
      const out = `collector ${name}`;
      const first = far(out);
      await until(() => lines(out) > 1);
      expect(await first.kill('SIGKILL')).toBe('SIGKILL');
      expect(lines(out)).toBeLessThan(records);
      expect(await far(out, '--resume').ended).toBe(0);
      sameRuns(out);
    });

    test('what does not work is said in one line, with the files as the collector calls them', async () => {
      fresh();
      worker();
      fs.writeFileSync(place('text'), 'hello\n');
      const wrong = new Command([...args().map((arg) => (arg === kernel ? 'text' : arg)), '--queue', url]);
      expect(await wrong.ended).toBe(2);
      expect(wrong.stderr).toMatch(/^percpu-malta: text: [^\n]*\n$/);
    });
  });

  test('files travel by checksum, also when the server has lost them', async () => {
    fresh();
    const image = place('image.elf');
    fs.writeFileSync(image, Buffer.concat([fs.readFileSync(defaultImageFile()), Buffer.alloc(3 << 20, 7)]));
    const files = new LocalFiles();
    const sha256 = files.add(image);
    const setup = { ...DEFAULT_SETUP, controllers: 1 };
    const job = (seed: number): Job => ({ setup, seed, files: { image: sha256 } });
    const cache = place('cache');
    // The empty cache has no private copy of libunicorn either.
    const [, UNICORN_LIB] = /\((.*)\)/.exec((await loadEngine('native')).description)!;
    const env = { PERCPU_MALTA_CACHE: cache, UNICORN_LIB };
    const run = (): Command => new Command(['worker', '--queue', url, '--jobs', '1', '--no-shim'], env);
    const far = await QueueBoots.open(parseQueue(url), { jobs: 1, files, say: () => {} });
    const near = new BootPool({ jobs: 1, files });
    const client = new Redis({ port: server.port });
    try {
      const first = run();
      expect(await far.boot(job(1))).toEqual(await near.boot(job(1)));
      expect(fs.readFileSync(path.join(cache, 'files', sha256)).equals(fs.readFileSync(image))).toBe(true);
      await first.kill('SIGTERM');
      fs.rmSync(cache, { recursive: true });
      await client.set(`percpu-malta-file:${sha256}:1`, 'damaged');
      run();
      expect(await far.boot(job(2))).toEqual(await near.boot(job(2)));
      expect(fs.readdirSync(path.join(cache, 'files'))).toEqual([sha256]);
    } finally {
      client.disconnect();
      await Promise.all([far.close(), near.close()]);
    }
  });
});

test('without a server, and without the packages, it says so in one line', async () => {
  const nobody = new Command(['sweep', '--seeds', '1', '--queue', 'redis://:secret@127.0.0.1:1/x']);
  expect(await nobody.ended).toBe(2);
  expect(nobody.stderr).toBe('percpu-malta: --queue redis://127.0.0.1:1/x: cannot be reached (ECONNREFUSED)\n');
  const hook = `export const resolve = (name, context, next) => {
    if (name === 'bullmq') throw Object.assign(new Error(), { code: 'ERR_MODULE_NOT_FOUND' });
    return next(name, context);
  };`;
  const hide = `import { register } from 'node:module'; register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(hook)}`)});`;
  const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(hide)}`;
  const missing = new Command(['worker', '--queue', 'redis://127.0.0.1:1/x'], { NODE_OPTIONS });
  expect(await missing.ended).toBe(2);
  expect(missing.stderr).toBe(
    'percpu-malta: --queue needs the packages bullmq and ioredis; get them by: npm install bullmq ioredis\n',
  );
});

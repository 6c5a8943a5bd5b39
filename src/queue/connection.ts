// The connection to Redis or Valkey, and BullMQ on it: optional packages, loaded when a queue is asked for.
import type { Redis } from 'ioredis';
import { UsageError } from '../errors.js';
import type { QueuePlace, RedisAddress } from './place.js';

export type BullMq = typeof import('bullmq');

const CONNECT_TIMEOUT_MS = 10_000;
const LONGEST_RETRY_MS = 2000;
/** Of all keys of BullMQ. */
export const PREFIX = 'percpu-malta';

export interface Connection {
  readonly bull: BullMq;
  readonly place: QueuePlace;
  /** For BullMQ: never gives up. */
  readonly options: RedisAddress & {
    connectTimeout: number;
    maxRetriesPerRequest: null;
    retryStrategy: (times: number) => number;
  };
  /** For keys of our own: never gives up either. */
  readonly client: Redis;
  /** Ends `client`. */
  readonly close: () => void;
}

/** @throws UsageError in one line when the packages are missing, or the server cannot be reached or refuses us */
export async function connect(place: QueuePlace, say: (line: string) => void): Promise<Connection> {
  const { bull, Redis } = await load();
  const base = { ...place.redis, connectTimeout: CONNECT_TIMEOUT_MS, maxRetriesPerRequest: null };
  const options = { ...base, retryStrategy: (times: number) => Math.min(50 * 2 ** times, LONGEST_RETRY_MS) };
  const first = new Redis({ ...base, lazyConnect: true, retryStrategy: () => null });
  let problem: Error | undefined;
  first.on('error', (error: Error) => (problem = error));
  try {
    await first.connect();
    await first.ping();
  } catch (error) {
    throw new UsageError(`--queue ${place.text}: ${reasonText(place, problem ?? (error as Error))}`);
  } finally {
    first.disconnect();
  }
  const client = new Redis(options);
  let lost = false;
  client.on('error', () => {});
  client.on('close', () => {
    if (!lost && !closed) say(`${place.text}: connection lost; trying again`);
    lost = true;
  });
  client.on('ready', () => {
    if (lost) say(`${place.text}: connected again`);
    lost = false;
  });
  let closed = false;
  const close = (): void => {
    closed = true;
    client.disconnect();
  };
  return { bull, place, options, client, close };
}

async function load(): Promise<{ bull: BullMq; Redis: typeof Redis }> {
  try {
    return { bull: await import('bullmq'), Redis: (await import('ioredis')).Redis };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new UsageError('--queue needs the packages bullmq and ioredis; get them by: npm install bullmq ioredis');
  }
}

function reasonText({ redact }: QueuePlace, error: Error): string {
  const { message } = error;
  if (/^(NOAUTH|WRONGPASS|ERR invalid password|ERR AUTH)/.test(message)) return 'the server wants another password';
  // Several addresses of one name were tried.
  const { code } = ((error as AggregateError).errors?.[0] ?? error) as NodeJS.ErrnoException;
  return `cannot be reached (${redact(code ?? message).split('\n')[0]!})`;
}

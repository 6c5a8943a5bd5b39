// Where a queue is: --queue redis://[USER:PASSWORD@]HOST[:PORT]/NAME[?db=N], rediss:// for TLS. What is shown of it has no password.
import net from 'node:net';
import { UsageError } from '../errors.js';

/** As ioredis wants it. */
export interface RedisAddress {
  host: string;
  port: number;
  db: number;
  username?: string;
  password?: string;
  tls?: { servername?: string };
}

export interface QueuePlace {
  /** For people: without user and password. */
  readonly text: string;
  readonly name: string;
  readonly redis: RedisAddress;
  /** Takes the password out of a text that others wrote, such as an error. */
  readonly redact: (text: string) => string;
}

const NEED = 'need redis://HOST/NAME, or rediss://HOST/NAME for TLS; a user and a password may stand before the host';
const PORT = 6379;

/** @param env PERCPU_MALTA_QUEUE_PASSWORD is the password where the address has none @throws UsageError that does not repeat the address */
export function parseQueue(text: string, env: NodeJS.ProcessEnv = process.env): QueuePlace {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new UsageError(`--queue: ${NEED}`);
  }
  const tls = url.protocol === 'rediss:';
  if ((!tls && url.protocol !== 'redis:') || url.hostname === '' || url.hash !== '')
    throw new UsageError(`--queue: ${NEED}`);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = url.port === '' ? PORT : Number(url.port);
  const shown = `${url.protocol}//${url.hostname}${port === PORT ? '' : `:${port}`}`;
  const name = url.pathname.slice(1);
  if (name === '') throw new UsageError(`--queue ${shown}: the queue needs a name, as in ${shown}/sweeps`);
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(name))
    throw new UsageError(
      `--queue ${shown}: a queue's name has letters, digits, dots, dashes and underscores, at most 64`,
    );
  const db = url.searchParams.get('db') ?? '0';
  if (!/^\d{1,4}$/.test(db) || [...url.searchParams.keys()].some((key) => key !== 'db'))
    throw new UsageError(`--queue ${shown}/${name}: behind ? only db=N may stand, the number of the database`);
  const user = decode(url.username);
  const password = decode(url.password) || env.PERCPU_MALTA_QUEUE_PASSWORD;
  return {
    text: `${shown}/${name}`,
    name,
    redis: {
      host,
      port,
      db: Number(db),
      ...(user === '' ? {} : { username: user }),
      ...(password === undefined || password === '' ? {} : { password }),
      ...(tls ? { tls: net.isIP(host) ? {} : { servername: host } } : {}),
    },
    redact: (words) =>
      password ? words.replaceAll(password, '***').replaceAll(encodeURIComponent(password), '***') : words,
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new UsageError('--queue: a % in the user or the password has to be written %25');
  }
}

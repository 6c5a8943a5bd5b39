import { describe, expect, test } from 'vitest';
import { UsageError } from '../errors.js';
import { parseQueue } from './place.js';

describe('the address of a queue', () => {
  test.each([
    ['redis://host/sweeps', 'redis://host/sweeps', { host: 'host', port: 6379, db: 0 }],
    ['redis://[::1]:7000/a.b_c-1?db=3', 'redis://[::1]:7000/a.b_c-1', { host: '::1', port: 7000, db: 3 }],
    [
      'rediss://me:a%40b%2Fc@host.example:6380/q',
      'rediss://host.example:6380/q',
      {
        host: 'host.example',
        port: 6380,
        db: 0,
        username: 'me',
        password: 'a@b/c',
        tls: { servername: 'host.example' },
      },
    ],
    [
      'rediss://:pw@10.0.0.1/q',
      'rediss://10.0.0.1/q',
      { host: '10.0.0.1', port: 6379, db: 0, password: 'pw', tls: {} },
    ],
  ])('%s', (text, shown, redis) => {
    expect(parseQueue(text, {})).toMatchObject({ text: shown, redis });
    expect(Object.keys(parseQueue(text, {}).redis).sort()).toEqual(Object.keys(redis).sort());
  });

  test('a password in the environment is for addresses without one', () => {
    const env = { PERCPU_MALTA_QUEUE_PASSWORD: 'other' };
    expect(parseQueue('redis://host/q', env).redis.password).toBe('other');
    expect(parseQueue('redis://:mine@host/q', env).redis.password).toBe('mine');
  });

  test('takes the password out of what others say', () => {
    const { redact } = parseQueue('redis://:a%40b@host/q', {});
    expect(redact('bad a@b, a%40b')).toBe('bad ***, ***');
  });

  test.each(['', 'host/q', 'http://:secret@host/q', 'redis://:secret@host', 'redis://:secret@host/', 'redis:///q'])(
    '%j is none',
    (text) => expectUsage(text, /^--queue/),
  );
  test.each([
    'redis://:secret@host/a/b',
    'redis://:secret@host/a:b',
    'redis://:secret@host/q?x=1',
    'redis://:secret@host/q?db=x',
  ])('%j is none either', (text) => expectUsage(text, /^--queue redis:\/\/host/));
  test('a % that is none', () => expectUsage('redis://:secret%zz@host/q', /has to be written %25/));
});

function expectUsage(text: string, message: RegExp): void {
  expect(() => parseQueue(text, {})).toThrow(UsageError);
  expect(() => parseQueue(text, {})).toThrow(message);
  expect(() => parseQueue(text, {})).not.toThrow(/secret|\n/);
}

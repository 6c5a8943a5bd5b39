import { describe, expect, test } from 'vitest';
import { Connection } from './connection.js';
import { encodePacket, MAX_PAYLOAD, PacketReader, type Received } from './packet.js';

const bytes = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));
const text = (data: Uint8Array): string => String.fromCharCode(...data);
const read = (data: string): Received[] => new PacketReader().read(bytes(data));

describe('packets', () => {
  test('are framed with their checksum, special characters escaped', () => {
    expect(text(encodePacket('OK'))).toBe('$OK#9a');
    const escaped = ['#', '$', '}', '*'].map((character) => `}${String.fromCharCode(character.charCodeAt(0) ^ 0x20)}`);
    expect(text(encodePacket('a#b$c}d*e')).slice(0, -3)).toBe(
      `$a${escaped[0]}b${escaped[1]}c${escaped[2]}d${escaped[3]}e`,
    );
  });

  test('come back as they were sent, however the stream is cut', () => {
    const payload = String.fromCharCode(...Array.from({ length: 256 }, (_, n) => n));
    const stream = encodePacket(payload);
    const reader = new PacketReader();
    const received = [...stream].flatMap((byte) => reader.read(Uint8Array.of(byte)));
    expect(received).toEqual([{ kind: 'packet', payload }]);
  });

  test('are told from acknowledgements, Ctrl-C and noise', () => {
    expect(read('+-xyz\x03$?#3f+')).toEqual([
      { kind: 'ack' },
      { kind: 'nak' },
      { kind: 'interrupt' },
      { kind: 'packet', payload: '?' },
      { kind: 'ack' },
    ]);
  });

  test.each([
    ['a wrong checksum', '$OK#00'],
    ['a checksum that is none', '$OK#zz'],
    ['a packet cut short by the next one', '$O$'],
  ])('%s is damage', (_, data) => expect(read(data)).toEqual([{ kind: 'damaged' }]));

  test('one that is too long ends the reading, however much follows', () => {
    const reader = new PacketReader();
    const chunk = new Uint8Array(1 << 16).fill(0x41);
    expect(reader.read(bytes('$'))).toEqual([]);
    const kinds = Array.from({ length: 1600 }, () => reader.read(chunk)).flat(); // 100 MB
    expect(kinds).toEqual([{ kind: 'too long' }]);
    expect(reader.read(bytes('$?#3f'))).toEqual([]);
  });

  test('of the greatest length are taken', () => {
    const payload = 'a'.repeat(MAX_PAYLOAD);
    expect(new PacketReader().read(encodePacket(payload))).toEqual([{ kind: 'packet', payload }]);
  });

  test('random streams never throw, and a good packet behind them is found', () => {
    const seed = 20261126;
    let state = seed;
    const random = (below: number): number => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return (state >>> 8) % below;
    };
    for (let run = 0; run < 2000; run++) {
      const reader = new PacketReader();
      const alphabet = '$#}+-\x030123abcmMgqX,:;';
      const junk = Array.from({ length: random(60) }, () => alphabet[random(alphabet.length)]!).join('');
      const received = reader.read(bytes(`${junk}#00$?#3f$?#3f`));
      expect(received.at(-1), `seed ${seed}, run ${run}, ${JSON.stringify(junk)}`).toEqual({
        kind: 'packet',
        payload: '?',
      });
    }
  });
});

describe('a connection', () => {
  function connect() {
    const [sent, packets, abuses]: [string[], string[], string[]] = [[], [], []];
    let interrupts = 0;
    const connection = new Connection((data) => sent.push(text(data)), {
      onPacket: (payload) => packets.push(payload),
      onInterrupt: () => interrupts++,
      onAbuse: (why) => abuses.push(why),
    });
    return {
      connection,
      sent,
      packets,
      abuses,
      interrupts: () => interrupts,
      take: (data: string) => connection.receive(bytes(data)),
    };
  }

  test('acknowledges what is good, asks again for what is damaged, repeats what was lost', () => {
    const { connection, sent, packets, take } = connect();
    take('$?#3f');
    connection.send('S05');
    take('+$g#00-');
    expect(packets).toEqual(['?']);
    expect(sent).toEqual(['+', '$S05#b8', '-', '$S05#b8']);
  });

  test('stops acknowledging when asked to', () => {
    const { sent, packets, take } = connect();
    take('$QStartNoAckMode#b0');
    take('+$?#3f$g#00');
    expect(sent).toEqual(['+', '$OK#9a']);
    expect(packets).toEqual(['?']);
  });

  test.each([
    ['too long a packet', `$${'x'.repeat(MAX_PAYLOAD + 1)}`],
    ['nothing but damage', '$a#00'.repeat(100)],
    ['nothing but refusals', '-'.repeat(100)],
  ])('ends at %s', (_, data) => {
    const { abuses, packets, take } = connect();
    take(data);
    take('$?#3f');
    expect(abuses).toHaveLength(1);
    expect(packets).toEqual([]);
  });
});

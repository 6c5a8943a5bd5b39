// What a file is that a command refuses, when another command reads it.

const KINDS: ReadonlyArray<{ mark: RegExp; what: string; command: string }> = [
  { mark: /^percpu-malta script 1\b/, what: 'a boot script', command: 'boot --script FILE' },
  { mark: /^\{"version":"[^"]{1,20}","options":\{/, what: 'records of a sweep', command: 'merge FILE' },
  { mark: /^\{"seq":\d+,"t":/, what: 'an event log of boot', command: 'diff FILE OTHER' },
  { mark: /Percpu Memory Statistics/, what: 'percpu_stats', command: 'stats FILE' },
  {
    mark: /\bpercpu_(?:alloc|free)_percpu: |^# percpu event log: /m,
    what: 'events of the per-CPU allocator',
    command: 'replay FILE',
  },
  { mark: /\bLinux version \d+\.\d|\bUnable to handle kernel /, what: 'a console log', command: 'decode FILE' },
  { mark: /^(?:cfg \w+|init|alloc \d\S* \d+) ?/m, what: 'an operation script', command: 'ops FILE' },
];
/** Characters that are looked at. */
const LOOK = 16_384;

/**
 * @param text of the file, or its beginning
 * @param command the one that refuses it
 * @returns `; it looks like percpu_stats: percpu-malta stats FILE reads it`, empty when it is nothing that another command reads
 */
export function otherKind(text: string, command: string): string {
  const kind = KINDS.find(({ mark }) => mark.test(text.slice(0, LOOK)));
  if (kind === undefined || kind.command.startsWith(`${command} `)) return '';
  return `; it looks like ${kind.what}: percpu-malta ${kind.command} reads it`;
}

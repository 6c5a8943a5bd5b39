// What the system says of a file, in words for one line.
import util from 'node:util';

/** `ENOENT: no such file or directory` */
export function systemErrorText(error: unknown): string {
  const { code, errno } = error as NodeJS.ErrnoException;
  const known = errno === undefined ? undefined : util.getSystemErrorMap().get(errno);
  if (known) return `${known[0]}: ${known[1]}`;
  return code ?? (error as Error).message;
}

// `--at MOMENT` of the commands that stop a run.
import { InvalidArgumentError, Option } from 'commander';
import { UsageError } from '../errors.js';
import { type Moment, MOMENT_FORMS, parseMoment } from '../moments/moment.js';

export function momentOption(description: string): Option {
  return new Option('--at <moment>', `${description}: ${MOMENT_FORMS}`).argParser((text: string): Moment => {
    try {
      return parseMoment(text);
    } catch (error) {
      if (error instanceof UsageError) throw new InvalidArgumentError(`need one of ${MOMENT_FORMS}.`);
      throw error;
    }
  });
}

/** A parser for addresses: hexadecimal with or without 0x. */
export function addressArgument(text: string): number {
  const digits = text.replace(/^0x/i, '');
  if (!/^[0-9a-f]{1,8}$/i.test(digits))
    throw new InvalidArgumentError('need a hexadecimal address of at most 8 digits.');
  return parseInt(digits, 16);
}

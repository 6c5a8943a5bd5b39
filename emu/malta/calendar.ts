// Dates of the Gregorian calendar as days since 1970-01-01, and back (Howard Hinnant, "chrono-compatible low-level date
// algorithms": years that begin in March, eras of 400 years).

const DAYS_PER_ERA = 146_097;
/** From 0000-03-01 to 1970-01-01. */
const EPOCH = 719_468;

export interface CalendarDate {
  readonly year: number;
  /** 1 .. 12. */
  readonly month: number;
  /** 1 .. 31. */
  readonly day: number;
  /** 0 Sunday .. 6 Saturday. */
  readonly weekday: number;
}

/** Days from 1970-01-01 to a date; months and days out of their range run on, as a clock's counters would. */
export function daysOf(year: number, month: number, day: number): number {
  const fromMarch = (month + 9) % 12;
  const y = year - (month <= 2 ? 1 : 0);
  const era = Math.floor(y / 400);
  const ofEra = y - era * 400;
  const ofYear = Math.floor((153 * fromMarch + 2) / 5) + day - 1;
  return era * DAYS_PER_ERA + ofEra * 365 + Math.floor(ofEra / 4) - Math.floor(ofEra / 100) + ofYear - EPOCH;
}

export function dateOf(days: number): CalendarDate {
  const z = days + EPOCH;
  const era = Math.floor(z / DAYS_PER_ERA);
  const ofEra = z - era * DAYS_PER_ERA;
  const yearOfEra = Math.floor(
    (ofEra - Math.floor(ofEra / 1460) + Math.floor(ofEra / 36_524) - Math.floor(ofEra / 146_096)) / 365,
  );
  const ofYear = ofEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const fromMarch = Math.floor((5 * ofYear + 2) / 153);
  const month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9;
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: ofYear - Math.floor((153 * fromMarch + 2) / 5) + 1,
    weekday: (((days + 4) % 7) + 7) % 7,
  };
}

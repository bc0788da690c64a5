const form = /^(\d{4})-(\d\d)-(\d\d)[Tt]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$/;

/**
 * Whether this is a `date-time` of RFC 3339 §5.6 whose instant `Date` knows: not a leap second, which no clock here shows, and no day that
 * its month does not have.
 */
export function isTimestamp(text: string): boolean {
  const [, year, month, day] = form.exec(text) ?? [];
  const daysOfMonth = new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate();
  return Number(day) >= 1 && Number(day) <= daysOfMonth && Number.isFinite(Date.parse(text));
}

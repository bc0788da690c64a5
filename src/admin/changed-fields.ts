import { isDeepStrictEqual } from 'node:util';

/** The members that differ, as the audit log keeps them: before and after. Only for documents without secrets. */
export function changedFields(
  before: object | undefined,
  after: object,
): { before: Record<string, unknown>; after: Record<string, unknown> } {
  const old: Readonly<Record<string, unknown>> = { ...before };
  const now: Readonly<Record<string, unknown>> = { ...after };
  const names = [...new Set([...Object.keys(old), ...Object.keys(now)])].filter(
    (name) => !isDeepStrictEqual(old[name], now[name]),
  );
  const pick = (from: Readonly<Record<string, unknown>>) =>
    Object.fromEntries(names.flatMap((name) => (from[name] === undefined ? [] : [[name, from[name]]])));
  return { before: pick(old), after: pick(now) };
}

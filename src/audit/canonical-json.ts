import { createHash } from 'node:crypto';

/**
 * JSON with the members of every object in code-unit order and without `undefined` ones, so that a value has one text whatever database it
 * went through (jsonb forgets the order of members).
 */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) => {
    if (member === null || typeof member !== 'object' || Array.isArray(member)) {
      return member;
    }
    const sorted: Record<string, unknown> = Object.create(null);
    for (const [name, inner] of Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1))) {
      sorted[name] = inner;
    }
    return sorted;
  });
}

/** Lower-case hexadecimal SHA-256 of the canonical text. */
export function canonicalHash(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex');
}

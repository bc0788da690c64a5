/**
 * `web`: confidential, with a back end. `spa` and `native`: public. `device`: public, without a browser of its own (RFC 8628). `m2m`:
 * confidential, acts for itself, never for a user.
 */
export const clientTypes = ['web', 'spa', 'native', 'device', 'm2m'] as const;

export type ClientType = (typeof clientTypes)[number];

/** The types that authenticate themselves. */
export function isConfidential(type: ClientType): boolean {
  return type === 'web' || type === 'm2m';
}

/** The types to which a browser returns. */
export function usesRedirects(type: ClientType): type is 'web' | 'spa' | 'native' {
  return type === 'web' || type === 'spa' || type === 'native';
}

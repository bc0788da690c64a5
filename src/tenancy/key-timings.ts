/** All in seconds. */
export interface KeyTimings {
  /** The longest time that a key is active. */
  rotationSeconds: number;
  /** How long a client may keep a JWK Set. */
  jwksCacheSeconds: number;
  /** Until every process has noticed a change of the directory. */
  revalidateSeconds: number;
  /** How long a process that cannot reach the directory goes on with what it knows. */
  unconfirmedSeconds: number;
  /** The longest life of anything that a signing key signs. */
  longestTokenSeconds: number;
  /** The longest life of a cookie. */
  longestCookieSeconds: number;
  /** How far clocks may be off, of our processes and of clients. */
  clockToleranceSeconds: number;
}

/** Seconds that a key of one kind spends in its states at least. */
export interface KeyWaits {
  rotationSeconds: number;
  pendingSeconds: number;
  retiringSeconds: number;
}

export function signingKeyWaits(timings: KeyTimings): KeyWaits {
  const { jwksCacheSeconds, revalidateSeconds, longestTokenSeconds, clockToleranceSeconds } = timings;
  return {
    rotationSeconds: timings.rotationSeconds,
    // Whoever fetched the JWK Set from the last process to notice, at the last moment, must have fetched it again.
    pendingSeconds: jwksCacheSeconds + revalidateSeconds + clockToleranceSeconds,
    retiringSeconds: unnoticedSeconds(timings) + longestTokenSeconds + clockToleranceSeconds,
  };
}

export function cookieKeyWaits(timings: KeyTimings): KeyWaits {
  const { rotationSeconds, longestCookieSeconds, clockToleranceSeconds } = timings;
  return {
    rotationSeconds,
    // Nobody outside verifies cookies. A process that does not know the key yet would end the session of whoever comes with it.
    pendingSeconds: unnoticedSeconds(timings) + clockToleranceSeconds,
    retiringSeconds: unnoticedSeconds(timings) + longestCookieSeconds + clockToleranceSeconds,
  };
}

/** How long some process may go on with the key that was active before. */
function unnoticedSeconds({ revalidateSeconds, unconfirmedSeconds }: KeyTimings): number {
  return Math.max(revalidateSeconds, unconfirmedSeconds);
}

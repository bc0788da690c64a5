/** What is attempted; attempts of one purpose are nothing to another. */
export type AttemptPurpose =
  | 'password'
  | 'directory-password'
  | 'present-password'
  | 'totp'
  | 'recovery-code'
  | 'passkey'
  | 'recovery-mail'
  | 'verification-mail'
  | 'sign-up';

/** What attempts are counted by. Each lane has its own count, and its own idea of how many are too many. */
export interface Lane {
  /** Begins the key of the count; everything in it that people chose is hashed. */
  key: string;
  /** Failures that cost no wait. */
  free: number;
  /** Counts begin anew with each window, at a moment that differs from key to key. */
  windowSeconds: number;
  maxWaitSeconds: number;
  /** Whether a success proves that the failures in it were the owner's. */
  forgiven: boolean;
  /** Whether it is about one subject, so that its owner should know. */
  ofSubject: boolean;
}

export interface LanePlace {
  purpose: AttemptPurpose;
  /** Hashed. */
  subject: string;
  network: string;
  deviceId: string | undefined;
}

const hour = 3_600;
const day = 24 * hour;

/** Long enough that guessing is hopeless (a hundred a day, beside the free ones; NIST SP 800-63B §5.2.2), short enough to be waited for. */
const maxWaitSeconds = 900;

/** Mails that one address gets in an hour without a wait. */
const freeMails = 3;

const sendsMail: readonly AttemptPurpose[] = ['recovery-mail', 'verification-mail', 'sign-up'];

/**
 * A known browser has a lane of its own. All others share three: an account from one network (guessing), an account from everywhere (guessing by
 * many), a network over all accounts (one password tried on many accounts).
 */
export function lanesOf({
  purpose,
  subject,
  network,
  deviceId,
  freeFailures,
  underPressure,
}: LanePlace & { freeFailures: number; underPressure: boolean }): readonly Lane[] {
  if (sendsMail.includes(purpose)) {
    const uses = { windowSeconds: hour, maxWaitSeconds, forgiven: false, ofSubject: false };
    return [
      { ...uses, key: `${purpose}#subject#${subject}`, free: freeMails },
      { ...uses, key: `${purpose}#network#${network}`, free: freeFailures * 5 },
    ];
  }
  const guesses = { windowSeconds: day, maxWaitSeconds, ofSubject: true };
  if (deviceId !== undefined) {
    return [
      { ...guesses, key: `${purpose}#device#${subject}#${deviceId}`, free: freeFailures, forgiven: true },
    ];
  }
  const free = underPressure ? Math.max(1, Math.floor(freeFailures / 3)) : freeFailures;
  return [
    { ...guesses, key: `${purpose}#subject-network#${subject}#${network}`, free, forgiven: true },
    { ...guesses, key: `${purpose}#subject#${subject}`, free: free * 5, forgiven: false },
    {
      key: `${purpose}#network#${network}`,
      free: free * 10,
      windowSeconds: hour,
      maxWaitSeconds,
      forgiven: false,
      ofSubject: false,
    },
  ];
}

/** All failures of the tenant. Nobody waits because of it: one attacker could make everybody wait. */
export function pressureLane(freeFailures: number): Lane {
  return {
    key: 'tenant',
    free: freeFailures * 100,
    windowSeconds: 600,
    maxWaitSeconds: 0,
    forgiven: false,
    ofSubject: false,
  };
}

/**
 * A tenant's security policy (B4): what a password must be, how long a session lives, from where one may sign in. The policy is strong
 * without any setting; a request (B1) or the tenant changes single values of it, within bounds that keep it a policy.
 *
 * Here: the type, the defaults, the request form and the store. `password-rules.ts` and `ip-restrictions.ts` say whether a password or an
 * address satisfies it; sign-in enforces them (`oidc/interactions`), and the provider takes the session's lifetime from it.
 */
import { type Static, Type } from 'typebox';
import { ConditionFailed, type Table } from '../cloud/tables/port.ts';
import { AppError, type FieldError } from '../kernel/errors.ts';
import { isIpRange } from './ip-restrictions.ts';

export interface SecurityPolicy {
  password: {
    /** Characters. */
    minLength: number;
    requireUppercase: boolean;
    requireNumbers: boolean;
    requireSpecialChars: boolean;
    /** How many of the latest passwords may not be chosen again; 0 allows all. */
    preventPasswordReuse: number;
    /** 0: a password never expires. */
    expiryDays: number;
  };
  session: {
    /** Since the browser's last activity, or since the sign-in when activity does not extend it. */
    timeoutSeconds: number;
    /** Since the sign-in, whatever the activity. */
    absoluteTimeoutSeconds: number;
    /** When one more begins, the oldest ends. */
    maxConcurrent: number;
    extendOnActivity: boolean;
    requireMfa: boolean;
  };
  twoFactor: 'off' | 'required';
  /** Addresses and CIDR ranges that may sign in; empty means everywhere. */
  ipRestrictions: readonly string[];
  /** Addresses and CIDR ranges that may not, even when they are allowed. */
  ipDenyList: readonly string[];
}

export const defaultSecurityPolicy: SecurityPolicy = {
  password: {
    minLength: 12,
    requireUppercase: true,
    requireNumbers: true,
    requireSpecialChars: true,
    preventPasswordReuse: 3,
    expiryDays: 90,
  },
  session: {
    timeoutSeconds: 3600,
    absoluteTimeoutSeconds: 12 * 3600,
    maxConcurrent: 3,
    extendOnActivity: true,
    requireMfa: false,
  },
  twoFactor: 'off',
  ipRestrictions: [],
  ipDenyList: [],
};

/** The longest session that a policy can allow: 30 days. */
export const maxSessionTimeoutSeconds = 2_592_000;

/** Passwords kept per account, so the most that `preventPasswordReuse` can ask for. */
export const maxPasswordHistory = 10;

/** The form a policy has in requests (B1); every value is optional and changes one default. */
export const securityPolicyInputSchema = Type.Object(
  {
    passwordPolicy: Type.Optional(
      Type.Object(
        {
          minLength: Type.Optional(Type.Integer({ minimum: 8, maximum: 128 })),
          requireUppercase: Type.Optional(Type.Boolean()),
          requireNumbers: Type.Optional(Type.Boolean()),
          requireSpecialChars: Type.Optional(Type.Boolean()),
          preventPasswordReuse: Type.Optional(Type.Integer({ minimum: 0, maximum: maxPasswordHistory })),
          expiryDays: Type.Optional(
            Type.Integer({ minimum: 0, maximum: 3650, description: '0: never expires' }),
          ),
        },
        { additionalProperties: false },
      ),
    ),
    sessionTimeout: Type.Optional(
      Type.Integer({ minimum: 60, maximum: maxSessionTimeoutSeconds, description: 'Seconds' }),
    ),
    absoluteSessionTimeout: Type.Optional(
      Type.Integer({
        minimum: 60,
        maximum: maxSessionTimeoutSeconds,
        description:
          'Seconds from the sign-in after which a session ends whatever the activity; by default 12 hours, or sessionTimeout when that is longer',
      }),
    ),
    maxConcurrentSessions: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
    extendOnActivity: Type.Optional(Type.Boolean()),
    requireMFA: Type.Optional(Type.Boolean()),
    twoFactor: Type.Optional(Type.Union([Type.Literal('off'), Type.Literal('required')])),
    ipRestrictions: Type.Optional(
      Type.Array(Type.String({ maxLength: 43 }), {
        maxItems: 100,
        description: 'IP addresses and CIDR ranges; empty: everywhere',
      }),
    ),
    ipDenyList: Type.Optional(
      Type.Array(Type.String({ maxLength: 43 }), {
        maxItems: 100,
        description: 'IP addresses and CIDR ranges that are refused, even when they are allowed',
      }),
    ),
  },
  { additionalProperties: false },
);

export type SecurityPolicyInput = Static<typeof securityPolicyInputSchema>;

/** The base, by default the defaults, with the input's values in their places. */
export function applySecurityPolicyInput(
  input: SecurityPolicyInput | undefined,
  base: SecurityPolicy = defaultSecurityPolicy,
): SecurityPolicy {
  const { password, session, twoFactor, ipRestrictions, ipDenyList } = base;
  const given = input ?? {};
  const timeoutSeconds = given.sessionTimeout ?? session.timeoutSeconds;
  return {
    password: { ...password, ...given.passwordPolicy },
    session: {
      timeoutSeconds,
      absoluteTimeoutSeconds:
        given.absoluteSessionTimeout ?? Math.max(session.absoluteTimeoutSeconds, timeoutSeconds),
      maxConcurrent: given.maxConcurrentSessions ?? session.maxConcurrent,
      extendOnActivity: given.extendOnActivity ?? session.extendOnActivity,
      requireMfa: given.requireMFA ?? session.requireMfa,
    },
    twoFactor: given.twoFactor ?? twoFactor,
    ipRestrictions: given.ipRestrictions ?? ipRestrictions,
    ipDenyList: given.ipDenyList ?? ipDenyList,
  };
}

/** What is wrong with an input that already has the schema's form (B9). Fields are relative to the policy: `ipRestrictions.0`. */
export function securityPolicyProblems(input: SecurityPolicyInput): FieldError[] {
  const problems: FieldError[] = [];
  for (const field of ['ipRestrictions', 'ipDenyList'] as const) {
    input[field]?.forEach((range, index) => {
      if (!isIpRange(range)) {
        problems.push({
          field: `${field}.${index}`,
          message: 'must be an IP address or a CIDR range such as 192.0.2.0/24 or 2001:db8::/32',
        });
      }
    });
  }
  const { session } = applySecurityPolicyInput(input);
  if (session.absoluteTimeoutSeconds < session.timeoutSeconds) {
    problems.push({ field: 'absoluteSessionTimeout', message: 'must be at least sessionTimeout' });
  }
  return problems;
}

/** Either of two values asks for it: they come from different requests (B4). */
export function isSecondFactorRequired({ session, twoFactor }: SecurityPolicy): boolean {
  return session.requireMfa || twoFactor === 'required';
}

export interface PolicyStore {
  /** The tenant's policy; the defaults when none was stored. */
  get(): Promise<SecurityPolicy>;
  put(policy: SecurityPolicy): Promise<void>;
  /**
   * `change` runs again when somebody else wrote in between, and may refuse by throwing. `AppError('conflict')` when others keep writing.
   */
  change(change: (policy: SecurityPolicy) => SecurityPolicy): Promise<SecurityPolicy>;
}

const changeAttempts = 5;

const key = { pk: 'Policy', sk: 'security' };

export function createPolicyStore({ table }: { table: Table }): PolicyStore {
  const read = async () => (await table.get(key))?.document as string | undefined;
  const parse = (document: string | undefined) =>
    document === undefined ? defaultSecurityPolicy : readPolicy(document);

  return {
    get: async () => parse(await read()),

    async put(policy) {
      await table.put({ ...key, document: JSON.stringify(policy) });
    },
    async change(change) {
      for (let attempt = 1; attempt <= changeAttempts; attempt += 1) {
        const document = await read();
        const next = change(parse(document));
        try {
          await table.put({ ...key, document: JSON.stringify(next) }, [
            document === undefined ? { exists: false } : { attribute: 'document', equals: document },
          ]);
          return next;
        } catch (error) {
          if (!(error instanceof ConditionFailed)) throw error;
        }
      }
      throw new AppError('conflict', 'The policy is being changed by somebody else. Try again.');
    },
  };
}

/** A stored policy may be older than some of the values, which then have their defaults. */
function readPolicy(document: string): SecurityPolicy {
  const stored = JSON.parse(document) as SecurityPolicy;
  const session = { ...defaultSecurityPolicy.session, ...stored.session };
  const absoluteTimeoutSeconds = Math.max(session.absoluteTimeoutSeconds, session.timeoutSeconds);
  return { ...defaultSecurityPolicy, ...stored, session: { ...session, absoluteTimeoutSeconds } };
}

import type { Table } from '../../cloud/tables/port.ts';
import type { UpstreamIdentity } from '../../identity/federated-identities.ts';
import { type Clock, epochSeconds } from '../../kernel/clock.ts';
import type { AccountId } from '../../kernel/ids.ts';
import { referenceTo } from '../storage/artifact.ts';

/** What a person has proved so far in one interaction, while something is still asked of them before they are signed in. */
export interface SignInState {
  accountId: AccountId;
  /** How it was proved: authentication method reference values (RFC 8176), in the order given. */
  methods: readonly string[];
  /** Epoch seconds of the latest proof. */
  provedAt: number;
  /** Epoch seconds: of the sign-in whose session is being strengthened. */
  signedInAt?: number;
  link?: LinkToBe;
  /** The directory that took the password. */
  directoryId?: string;
}

/** An identity at a sign-in source, and what the source knows it by. */
export interface LinkToBe {
  identity: UpstreamIdentity;
  label: string;
}

export interface SignInStates {
  get(uid: string): Promise<SignInState | undefined>;
  /** Creates or replaces. */
  put(uid: string, state: SignInState): Promise<void>;
}

/** How long a proof waits for the next one. */
export const signInStateSeconds = 10 * 60;

/**
 * Sign-ins half done, by the uid of their interaction: only the browser that holds the interaction's signed cookie gets at them. A sign-in
 * that asks for a password and no more never writes one. When the interaction ends nobody gets at it any more.
 */
export function createSignInStates({ table, clock }: { table: Table; clock: Clock }): SignInStates {
  const keyOf = (uid: string) => ({ pk: `SignIn#${referenceTo(uid)}`, sk: 'state' });
  return {
    async get(uid) {
      const item = await table.get(keyOf(uid));
      if (!item || (item.expiresAt ?? 0) <= epochSeconds(clock)) {
        return undefined;
      }
      return {
        accountId: String(item.accountId) as AccountId,
        methods: JSON.parse(String(item.methods)) as string[],
        provedAt: Number(item.provedAt),
        ...(item.signedInAt === undefined ? {} : { signedInAt: Number(item.signedInAt) }),
        ...(item.link === undefined ? {} : { link: JSON.parse(String(item.link)) as LinkToBe }),
        ...(item.directoryId === undefined ? {} : { directoryId: String(item.directoryId) }),
      };
    },
    async put(uid, { accountId, methods, provedAt, signedInAt, link, directoryId }) {
      await table.put({
        ...keyOf(uid),
        accountId,
        methods: JSON.stringify(methods),
        provedAt,
        signedInAt,
        directoryId,
        link: link === undefined ? undefined : JSON.stringify(link),
        expiresAt: epochSeconds(clock) + signInStateSeconds,
      });
    },
  };
}

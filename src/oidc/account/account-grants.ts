import type { AdapterPayload } from 'oidc-provider';
import type { Table } from '../../cloud/tables/port.ts';
import type { Clock } from '../../kernel/clock.ts';
import { artifactKey, fromArtifactItem } from '../storage/artifact.ts';
import { grantEntries } from '../storage/grant-entries.ts';
import { revokeGrant } from '../storage/revoke-grant.ts';

/** What an account has allowed one application, at one time. */
export interface AccountGrant {
  id: string;
  clientId: string;
  /** Epoch seconds. */
  grantedAt: number;
  scopes: readonly string[];
  /** Scopes by the indicator of the API that they are for. */
  resources: Readonly<Record<string, readonly string[]>>;
}

export interface AccountGrants {
  list(accountId: string): Promise<AccountGrant[]>;
  /** Ends the grant, and with it every token that was issued under it. Answers whom it was for; `undefined` when the account has no such grant. */
  revoke(accountId: string, grantId: string): Promise<Pick<AccountGrant, 'clientId'> | undefined>;
  /** `except`: ids of grants that stay. */
  revokeAll(accountId: string, options?: { except: readonly string[] }): Promise<void>;
}

/** The list beside each account says where to look; a grant itself says whose it is. */
export function createAccountGrants({ table, clock }: { table: Table; clock: Clock }): AccountGrants {
  async function idsOf(accountId: string): Promise<string[]> {
    return grantEntries.idsOf(table, accountId);
  }

  async function find(accountId: string, id: string): Promise<AdapterPayload | undefined> {
    const payload = fromArtifactItem(await table.get(artifactKey('Grant', id)), id, clock);
    return payload?.accountId === accountId ? payload : undefined;
  }

  async function revoke(accountId: string, id: string): Promise<Pick<AccountGrant, 'clientId'> | undefined> {
    const payload = await find(accountId, id);
    if (payload === undefined) {
      return undefined;
    }
    await revokeGrant(table, id);
    await grantEntries.remove(table, accountId, id);
    return { clientId: String(payload.clientId) };
  }

  return {
    async list(accountId) {
      const ids = await idsOf(accountId);
      const found = await Promise.all(
        ids.map(async (id) => {
          const payload = await find(accountId, id);
          return payload && toGrant(id, payload);
        }),
      );
      return found
        .filter((grant) => grant !== undefined)
        .filter(({ scopes, resources }) => scopes.length > 0 || Object.keys(resources).length > 0)
        .sort((a, b) => b.grantedAt - a.grantedAt);
    },
    async revoke(accountId, id) {
      return (await idsOf(accountId)).includes(id) ? revoke(accountId, id) : undefined;
    },
    async revokeAll(accountId, { except } = { except: [] }) {
      const ids = (await idsOf(accountId)).filter((id) => !except.includes(id));
      await Promise.all(ids.map((id) => revoke(accountId, id)));
    },
  };
}

interface GrantPayload extends AdapterPayload {
  openid?: { scope?: string };
  resources?: Record<string, string>;
}

function toGrant(id: string, { clientId = '', iat = 0, openid, resources = {} }: GrantPayload): AccountGrant {
  return {
    id,
    clientId,
    grantedAt: iat,
    scopes: words(openid?.scope),
    resources: Object.fromEntries(
      Object.entries(resources).map(([indicator, scope]) => [indicator, words(scope)]),
    ),
  };
}

function words(text = ''): string[] {
  return text.split(' ').filter((word) => word !== '');
}

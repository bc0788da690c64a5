/**
 * The OAuth clients of one tenant (E1, B13). Owns their records in the tenant's table and their secrets, of which only a hash is stored and
 * each is shown once. Does not know OpenID Connect: `oidc/client-metadata.ts` turns a record into what the provider wants.
 *
 * A client is one item under `Client`; it is read with every request that names it, so a change counts at once. Every change is one
 * conditional write of the whole item, made again when somebody else wrote in between.
 */
import type { Table } from '../cloud/tables/port.ts';
import { succeeds } from '../cloud/tables/unless-refused.ts';
import type { Clock } from '../kernel/clock.ts';
import { AppError } from '../kernel/errors.ts';
import { type Random, randomId } from '../kernel/random.ts';
import type { ClientDocument, ClientInput } from './client-input.ts';
import {
  type ClientRecord,
  clientKey,
  describedBy,
  fromClientItem,
  type StoredClient,
  toClientItem,
} from './client-item.ts';
import { hashClientSecret, isClientSecret, newClientSecret } from './client-secret.ts';
import { wantsSecret, withDocument, withNewSecret, withoutFormerSecret } from './client-transitions.ts';

export type { ClientRecord } from './client-item.ts';

export interface ClientPage {
  clients: ClientRecord[];
  cursor?: string;
}

/** A client with what is shown once. */
export interface ChangedClient {
  client: ClientRecord;
  clientSecret?: string;
}

export interface Clients {
  /** Clients that authenticate with a secret get one, shown here once. A taken `clientId` is an `AppError('conflict')`. */
  create(input: ClientInput): Promise<ChangedClient>;
  /** The same for a client that registers itself; it manages its record with the token, which is shown once (RFC 7592). */
  register(input: ClientInput): Promise<ChangedClient & { registrationToken: string }>;
  /** Creates or replaces the client under a given id with a given secret; repeating it changes nothing else. */
  createWithSecret(input: ClientInput & { clientId: string }, clientSecret: string): Promise<ClientRecord>;
  get(clientId: string): Promise<ClientRecord | undefined>;
  /** For client authentication only: with the hashes of every secret that counts at this moment. */
  getWithSecretHashes(clientId: string): Promise<{ client: ClientRecord; hashes: string[] } | undefined>;
  /** The client that registered itself and got this token. */
  getByRegistrationToken(clientId: string, token: string): Promise<ClientRecord | undefined>;
  /** By looking at every one of them. */
  count(): Promise<number>;
  list(page?: { limit?: number; cursor?: string }): Promise<ClientPage>;
  /**
   * Replaces what administrators may change. `change` runs again when somebody else wrote in between, and may refuse by throwing. A client
   * that begins to authenticate with a secret gets one. `AppError('not_found')` for an unknown client.
   */
  change(clientId: string, change: (client: ClientRecord) => ClientDocument): Promise<ChangedClient>;
  /**
   * Replaces the secret and returns the new one, the only time it is shown; the one before counts for `graceSeconds` more (default none).
   * `AppError('not_found')` for an unknown client, `AppError('conflict')` for one that has no secret.
   */
  setNewSecret(
    clientId: string,
    options?: { graceSeconds?: number; check?: (client: ClientRecord) => void },
  ): Promise<{ client: ClientRecord; clientSecret: string }>;
  /** Ends the former secret at once, if there is one. `AppError('not_found')` for an unknown client. */
  endFormerSecret(clientId: string): Promise<ClientRecord>;
  /** The token before counts no more. `AppError('not_found')` for an unknown client. */
  setNewRegistrationToken(clientId: string): Promise<string>;
  /**
   * Idempotent without `check`: of several at once one is told that it has removed the client. With `check`, which may refuse by throwing, an
   * unknown client is `AppError('not_found')`.
   */
  remove(clientId: string, check?: (client: ClientRecord) => void): Promise<boolean>;
}

/** Ids come from requests; one that no client can have is no reason to ask the store. Looser than what may be chosen. */
const possibleId = /^[A-Za-z0-9._-]{1,64}$/;

/** Changes of one client are rare, so a handful of rounds always suffices. */
const changeAttempts = 5;

export function createClients({
  table,
  clock,
  random,
}: {
  table: Table;
  clock: Clock;
  random: Random;
}): Clients {
  const now = () => new Date(clock.now()).toISOString();
  const revision = () => randomId(random, 8);

  async function read(clientId: string): Promise<StoredClient | undefined> {
    const item = possibleId.test(clientId) ? await table.get(clientKey(clientId)) : undefined;
    return item && fromClientItem(item, clock.now());
  }

  function newStored(input: ClientInput, clientId: string): StoredClient {
    const at = now();
    return {
      client: describedBy(input, { clientId, createdAt: at, updatedAt: at }),
      credentials: {},
      revision: revision(),
    };
  }

  async function insert(stored: StoredClient): Promise<ChangedClient> {
    const clientSecret = wantsSecret(stored.client) ? newClientSecret(random) : undefined;
    const credentials =
      clientSecret === undefined
        ? stored.credentials
        : { ...stored.credentials, secretHash: hashClientSecret(clientSecret) };
    if (!(await succeeds(table.put(toClientItem({ ...stored, credentials }), [{ exists: false }])))) {
      throw taken();
    }
    return { client: stored.client, ...(clientSecret === undefined ? {} : { clientSecret }) };
  }

  /** Runs `act` on the stored client until it has done its work without somebody else writing in between. */
  async function onStored<Result>(
    clientId: string,
    act: (stored: StoredClient) => Promise<Result | undefined>,
  ): Promise<Result> {
    for (let attempt = 1; attempt <= changeAttempts; attempt += 1) {
      const stored = await read(clientId);
      if (stored === undefined) {
        throw new AppError('not_found', 'There is no such client.');
      }
      const result = await act(stored);
      if (result !== undefined) {
        return result;
      }
    }
    throw new AppError('conflict', 'The client is being changed by somebody else. Try again.');
  }

  async function write(before: StoredClient, next: Omit<StoredClient, 'revision'>): Promise<boolean> {
    return succeeds(table.put(toClientItem({ ...next, revision: revision() }), unchangedSince(before)));
  }

  return {
    create: (input) => insert(newStored(input, input.clientId ?? newClientId(random))),

    async register(input) {
      const registrationToken = newClientSecret(random);
      const stored = newStored(input, newClientId(random));
      const created = await insert({
        ...stored,
        client: { ...stored.client, registered: true },
        credentials: { registrationTokenHash: hashClientSecret(registrationToken) },
      });
      return { ...created, registrationToken };
    },

    async createWithSecret(input, clientSecret) {
      const existing = await read(input.clientId);
      const stored = newStored(input, input.clientId);
      const client = { ...stored.client, ...(existing && { createdAt: existing.client.createdAt }) };
      const credentials = wantsSecret(client) ? { secretHash: hashClientSecret(clientSecret) } : {};
      await table.put(toClientItem({ ...stored, client, credentials }));
      return client;
    },

    get: async (clientId) => (await read(clientId))?.client,

    async getWithSecretHashes(clientId) {
      const stored = await read(clientId);
      if (!stored) return undefined;
      const { secretHash, formerSecretHash } = stored.credentials;
      return {
        client: stored.client,
        hashes: [secretHash, formerSecretHash].filter((hash) => hash !== undefined),
      };
    },

    async getByRegistrationToken(clientId, token) {
      const stored = await read(clientId);
      const hash = stored?.credentials.registrationTokenHash;
      return hash !== undefined && isClientSecret(token, hash) ? stored?.client : undefined;
    },

    async count() {
      let count = 0;
      let cursor: string | undefined;
      do {
        const page = await table.query({
          pk: 'Client',
          limit: 1000,
          ...(cursor === undefined ? {} : { cursor }),
        });
        count += page.items.length;
        cursor = page.cursor;
      } while (cursor !== undefined);
      return count;
    },

    async list({ limit, cursor } = {}) {
      const page = await table.query({
        pk: 'Client',
        ...(limit === undefined ? {} : { limit }),
        ...(cursor === undefined ? {} : { cursor }),
      });
      return {
        clients: page.items.map((item) => fromClientItem(item, clock.now()).client),
        ...(page.cursor === undefined ? {} : { cursor: page.cursor }),
      };
    },

    change: (clientId, change) =>
      onStored(clientId, async (stored) => {
        const secret = newClientSecret(random);
        const { next, usedSecret } = withDocument(stored, change(stored.client), { at: now(), secret });
        return (await write(stored, next))
          ? { client: next.client, ...(usedSecret ? { clientSecret: secret } : {}) }
          : undefined;
      }),

    setNewSecret: (clientId, { graceSeconds = 0, check = () => {} } = {}) =>
      onStored(clientId, async (stored) => {
        check(stored.client);
        if (!wantsSecret(stored.client)) {
          throw new AppError('conflict', 'A client of this kind has no secret.');
        }
        const secret = newClientSecret(random);
        const formerUntil =
          graceSeconds === 0 ? undefined : new Date(clock.now() + graceSeconds * 1000).toISOString();
        const next = withNewSecret(stored, { at: now(), secret, formerUntil });
        return (await write(stored, next)) ? { client: next.client, clientSecret: secret } : undefined;
      }),

    endFormerSecret: (clientId) =>
      onStored(clientId, async (stored) => {
        if (stored.credentials.formerSecretHash === undefined) {
          return stored.client;
        }
        const next = withoutFormerSecret(stored, now());
        return (await write(stored, next)) ? next.client : undefined;
      }),

    setNewRegistrationToken: (clientId) =>
      onStored(clientId, async (stored) => {
        const token = newClientSecret(random);
        const credentials = { ...stored.credentials, registrationTokenHash: hashClientSecret(token) };
        return (await write(stored, { client: stored.client, credentials })) ? token : undefined;
      }),

    async remove(clientId, check) {
      if (check === undefined) {
        return succeeds(table.delete(clientKey(clientId), [{ exists: true }]));
      }
      return onStored(clientId, async (stored) => {
        check(stored.client);
        return (await succeeds(table.delete(clientKey(clientId), unchangedSince(stored)))) || undefined;
      });
    },
  };
}

function unchangedSince({ revision }: StoredClient) {
  return revision === undefined
    ? ([{ exists: true }, { attribute: 'revision', absent: true }] as const)
    : ([{ attribute: 'revision', equals: revision }] as const);
}

function newClientId(random: Random): string {
  return random.bytes(16).toString('hex');
}

function taken(): AppError {
  return new AppError('conflict', 'A client with this id exists already.', {
    fields: [{ field: 'clientId', message: 'is taken' }],
  });
}

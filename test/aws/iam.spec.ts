import { glob, readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KmsMode } from '../../src/cloud/keys/key-entries.ts';
import { createDynamodbTables } from '../../src/cloud/tables/dynamodb.ts';
import type { Table } from '../../src/cloud/tables/port.ts';
import type { TenantId } from '../../src/kernel/ids.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { silentLog, testTablePrefix } from '../support/services.ts';
import { allTableCapabilities, emulator } from './emulators.ts';
import { createEmulatorKeyStore, testPrefix } from './key-stores.ts';

const tenant = 'ten_iam' as TenantId;

/** Actions that IAM asks for although no call bears their name. */
const explained: Record<string, string> = {
  'dynamodb:TagResource': 'CreateTable with tags',
  'kms:TagResource': 'CreateKey with tags',
};

interface Policy {
  Statement: {
    Sid: string;
    Effect: string;
    Action: string | string[];
    Resource: string | string[];
    Condition?: unknown;
  }[];
}

async function readPolicy(name: string): Promise<Policy> {
  return JSON.parse(await readFile(`config/aws/${name}-policy.json`, 'utf8')) as Policy;
}

function actionsOf({ Statement }: Policy): string[] {
  return [...new Set(Statement.flatMap(({ Action }) => Action))].sort();
}

/** Adapters that note every action they call. */
function recordingAdapters(options: { tablePrefix: string; keyPrefix: string; kmsEndpoint?: string }) {
  const actions = new Set<string>();
  const tables = createDynamodbTables({
    ...emulator('ministack'),
    capabilities: allTableCapabilities,
    log: silentLog,
    onCall: ({ operation }) => actions.add(`dynamodb:${operation}`),
  });
  const keysIn = (mode: KmsMode, prefix = options.keyPrefix) =>
    createEmulatorKeyStore('ministack', mode, {
      table: tables.open(`${options.tablePrefix}-keys`),
      prefix,
      ...(options.kmsEndpoint === undefined ? {} : { endpoint: options.kmsEndpoint }),
      onCall: ({ operation }) => actions.add(`kms:${operation}`),
    }).forTenant(tenant);
  return { actions, tables, keysIn };
}

async function useItems(table: Table): Promise<void> {
  const key = { pk: 'a', sk: 'a' };
  await table.put(key);
  await table.get(key);
  await table.update(key, { set: { a: 1 } }, [{ exists: true }]);
  await table.query({ pk: 'a' });
  await Array.fromAsync(table.scan());
  await table.delete(key);
  await table.batchWrite([{ put: key }, { delete: key }]);
}

describe('the IAM policies name what the code calls, and nothing else', () => {
  const tablePrefix = testTablePrefix();
  const keyPrefix = testPrefix();
  const control = recordingAdapters({ tablePrefix, keyPrefix });
  const data = recordingAdapters({ tablePrefix, keyPrefix });
  const names = ['directory', 'keys', `tenant-${tenant}`].map((name) => `${tablePrefix}-${name}`);

  beforeAll(async () => {
    // The control plane provisions …
    for (const name of names) {
      await control.tables.create(name, { 'tenantry:deployment': keyPrefix });
    }
    await control.tables.describe(names[0] ?? '');
    await control.tables.inspect(names[0] ?? '');
    await control.tables.list(tablePrefix);
    await useItems(control.tables.open(names[0] ?? ''));
    const inKms = await control.keysIn('kms').create('k', 'ES256');
    await control.keysIn('kms').sign(inKms.reference, 'ES256', Buffer.from('is it good?'));
    const wrapped = await control.keysIn('kms-envelope').create('e', 'RS256');
    const sealed = await control.keysIn('kms').seal('cookie-keys', Buffer.from('x'));
    await control.keysIn('kms').unseal('cookie-keys', sealed);
    // … also after it died half-way …
    const proxy = await startFaultProxy(emulator('ministack').endpoint);
    proxy.inject({ fault: { kind: 'lost-reply' }, when: ({ operation }) => operation === 'CreateKey' });
    const dying = recordingAdapters({ tablePrefix, keyPrefix, kmsEndpoint: proxy.endpoint });
    await expect(dying.keysIn('kms').create('late', 'ES256')).rejects.toMatchObject({
      code: 'temporarily_unavailable',
    });
    await proxy.close();
    await control.keysIn('kms').create('late', 'ES256');
    // … while the data plane signs users in.
    await useItems(data.tables.open(names[2] ?? ''));
    await data.keysIn('kms').sign(inKms.reference, 'ES256', Buffer.from('x'));
    await data.keysIn('kms-envelope').sign(wrapped.reference, 'RS256', Buffer.from('x'));
    await data.keysIn('kms').unseal('cookie-keys', sealed);
    for (const reference of await control.keysIn('kms').list()) {
      await control.keysIn('kms').destroy(reference);
    }
    for (const name of names) {
      await control.tables.delete(name);
    }
  });
  afterAll(() => {
    control.tables.close();
    data.tables.close();
  });

  it.each([
    ['control', () => control.actions],
    ['data', () => data.actions],
  ] as const)('%s plane', async (plane, called) => {
    const named = actionsOf(await readPolicy(`${plane}-plane`));
    // Both send mails, by one and the same adapter. Its calls bear no name on the wire.
    const mail = [...(await actionsInSource())].filter((action) => action.startsWith('ses:'));
    const needed = [...called(), ...mail, ...named.filter((action) => action in explained)].sort();
    expect(named).toStrictEqual([...new Set(needed)]);
  });

  it('no call in the source is missing from the recording', async () => {
    const inSource = [...(await actionsInSource())].filter((action) => !action.startsWith('ses:'));
    expect([...new Set([...control.actions, ...data.actions])].sort()).toStrictEqual(inSource.sort());
  });

  it.each(['control', 'data'])('%s plane: every statement is bound to this deployment', async (plane) => {
    for (const { Sid, Effect, Resource, Condition } of (await readPolicy(`${plane}-plane`)).Statement) {
      expect(Effect).toBe('Allow');
      if (Sid !== 'Lists') {
        // By its name, or, where a key has no name of ours in its ARN, by its tag, or by the address that mails come from.
        expect(`${Sid} ${[Resource].flat().join(' ')} ${JSON.stringify(Condition)}`).toMatch(
          /(table\/TABLE_PREFIX-|alias\/KEY_PREFIX\/|"KEY_PREFIX"|"MAIL_FROM_ADDRESS")/,
        );
      }
    }
  });

  it.each(['control', 'data'])(
    '%s plane: tables are those that a deployment has, not those of one whose prefix begins with this one',
    async (plane) => {
      const resources = (await readPolicy(`${plane}-plane`)).Statement.flatMap(({ Resource }) => Resource);
      const patterns = resources.flatMap((arn) => /:table\/([^/]+)/.exec(arn)?.[1] ?? []);
      const covers = (name: string) =>
        patterns.some((pattern) =>
          new RegExp(`^${pattern.replace('TABLE_PREFIX', 'acme').replace('*', '.*')}$`).test(name),
        );
      expect(['acme-directory', 'acme-keys', 'acme-tenant-ten_1'].map(covers)).toEqual([true, true, true]);
      // The settings refuse the one prefix that would be within: `acme-tenant-…`.
      expect(['acme-staging-directory', 'acme-keys-keys', 'acme-staging-tenant-ten_1'].map(covers)).toEqual([
        false,
        false,
        false,
      ]);
    },
  );

  it('the data plane can neither make nor destroy anything', async () => {
    for (const policy of ['data-plane', 'table-key-data-plane']) {
      expect(
        actionsOf(await readPolicy(policy)).filter((action) =>
          /Create|Schedule|Disable|Table|Tag|Generate/.test(action),
        ),
      ).toStrictEqual([]);
    }
  });

  it.each(['table-key-control-plane', 'table-key-data-plane'])(
    '%s: the key of the tables is used through DynamoDB alone',
    async (name) => {
      for (const { Effect, Action, Resource, Condition } of (await readPolicy(name)).Statement) {
        expect([Effect, Resource]).toEqual(['Allow', 'TABLE_KEY_ARN']);
        expect([Action].flat().every((action) => /^kms:\w+$/.test(action))).toBe(true);
        expect(Condition).toMatchObject({
          StringEquals: { 'kms:ViaService': 'dynamodb.REGION.amazonaws.com' },
        });
      }
    },
  );
});

/** What the code that knows the SDK calls, as IAM calls it. */
async function actionsInSource(): Promise<Set<string>> {
  const services: Record<string, string> = {
    'client-dynamodb': 'dynamodb',
    'lib-dynamodb': 'dynamodb',
    'client-kms': 'kms',
    'client-sesv2': 'ses',
  };
  const itemNames: Record<string, string> = {
    Get: 'GetItem',
    Put: 'PutItem',
    Update: 'UpdateItem',
    Delete: 'DeleteItem',
    BatchWrite: 'BatchWriteItem',
  };
  const actions = new Set<string>();
  for await (const file of glob('src/cloud/**/*.ts')) {
    const source = await readFile(file, 'utf8');
    for (const [, list = '', module = ''] of source.matchAll(
      /import \{([^}]*)\} from '@aws-sdk\/([\w-]+)'/g,
    )) {
      const service = services[module];
      if (service === undefined) continue;
      for (const [, command = ''] of list.matchAll(/(\w+)Command\b/g)) {
        actions.add(`${service}:${module === 'lib-dynamodb' ? (itemNames[command] ?? command) : command}`);
      }
    }
  }
  return actions;
}

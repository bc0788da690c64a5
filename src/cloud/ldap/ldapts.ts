import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import {
  AndFilter,
  type Client,
  type Entry,
  EqualityFilter,
  InvalidCredentialsError,
  NoSuchObjectError,
  OrFilter,
  ResultCodeError,
} from 'ldapts';
import { connectionFailure, UpstreamFailure } from '../upstream-failure.ts';
import { type ConnectOptions, connectDirectory } from './connect-directory.ts';
import type { ConnectLdap, LdapSource } from './port.ts';
import { binaryAttributes, isDisabled, readPerson, valuesOf } from './read-entry.ts';

/** Longer names and passwords are refused unsent. Characters. */
const maxLoginLength = 254;
const maxPasswordLength = 1_024;
const maxGroups = 1_000;

/** Directories of others by `ldapts`. Searches with filters made of objects, so nothing typed can change a filter; follows no referral. */
export function createLdapConnector({
  timeoutMs = 10_000,
  refusalStepMs = 400,
  ...rules
}: Omit<ConnectOptions, 'deadline'> & {
  /** For one question as a whole. */
  timeoutMs?: number;
  /** Refusals come after a whole multiple of this time, so that their time does not tell why. */
  refusalStepMs?: number;
}): ConnectLdap {
  /** One question on a connection of its own. */
  async function ask<T>(source: LdapSource, question: (client: Client) => Promise<T>): Promise<T> {
    const deadline = AbortSignal.timeout(timeoutMs);
    const { client, close } = await connectDirectory(source, { ...rules, deadline });
    try {
      return await question(client);
    } catch (error) {
      throw explain(error, deadline.aborted);
    } finally {
      close();
    }
  }

  return (source) => ({
    async authenticate(login, password) {
      const name = login.trim();
      if (name === '' || name.length > maxLoginLength) {
        return undefined;
      }
      // A bind with an empty password is no proof but anonymous (RFC 4513 §5.1.2).
      if (password === '' || password.length > maxPasswordLength) {
        return undefined;
      }
      const startedAt = performance.now();
      const person = await ask(source, async (client) => {
        await bindReader(client, source);
        const entry = await findPerson(client, source, name);
        // Somebody who is not there is asked for all the same.
        const dn = entry?.dn ?? `cn=${randomBytes(12).toString('hex')},${source.baseDn}`;
        if (!(await isPasswordOf(client, dn, password)) || entry === undefined || isDisabled(entry, source)) {
          return undefined;
        }
        const found = readPerson(entry, source);
        return { ...found, groups: [...found.groups, ...(await findGroups(client, source, dn))] };
      });
      if (person === undefined) {
        await delay(refusalStepMs - ((performance.now() - startedAt) % refusalStepMs));
      }
      return person;
    },

    async probe() {
      await ask(source, async (client) => {
        await bindReader(client, source);
        for (const base of [source.baseDn, ...(source.groupSearch ? [source.groupSearch.baseDn] : [])]) {
          const { searchEntries } = await client.search(base, { scope: 'base', attributes: ['1.1'] });
          if (searchEntries.length === 0) {
            throw new UpstreamFailure('misconfigured', `There is no ${base} that the reader may see.`);
          }
        }
      });
    },
  });
}

async function bindReader(client: Client, { reader }: LdapSource): Promise<void> {
  if (reader === undefined) {
    return;
  }
  try {
    await client.bind(reader.name, reader.password.reveal());
  } catch (error) {
    throw error instanceof ResultCodeError
      ? new UpstreamFailure(
          'misconfigured',
          'The directory refuses the name or password of the reader.',
          error,
        )
      : error;
  }
}

/** The one entry that fits; `undefined` for none and for more than one. */
async function findPerson(client: Client, source: LdapSource, login: string): Promise<Entry | undefined> {
  const logins = source.loginAttributes.map((attribute) => new EqualityFilter({ attribute, value: login }));
  const person =
    source.personClass === undefined
      ? []
      : [new EqualityFilter({ attribute: 'objectClass', value: source.personClass })];
  const attributes = [
    source.idAttribute,
    source.emailAttribute,
    source.nameAttribute,
    ...(source.groupsAttribute === undefined ? [] : [source.groupsAttribute]),
    ...(source.disabledFlag === undefined ? [] : [source.disabledFlag.attribute]),
  ];
  const { searchEntries } = await client.search(source.baseDn, {
    scope: 'sub',
    filter: new AndFilter({ filters: [...person, new OrFilter({ filters: logins })] }),
    sizeLimit: 2,
    attributes,
    explicitBufferAttributes: [...binaryAttributes],
  });
  return searchEntries.length === 1 ? searchEntries[0] : undefined;
}

async function isPasswordOf(client: Client, dn: string, password: string): Promise<boolean> {
  try {
    await client.bind(dn, password);
    return true;
  } catch (error) {
    // Some directories tell an entry that is not there from a wrong password; here both are the same.
    if (error instanceof InvalidCredentialsError || error instanceof NoSuchObjectError) {
      return false;
    }
    if (error instanceof ResultCodeError && refusals.has(error.code)) {
      return false;
    }
    throw error;
  }
}

/** inappropriateAuthentication, insufficientAccessRights, unwillingToPerform, constraintViolation: the entry cannot sign in. */
const refusals = new Set([48, 50, 53, 19]);

async function findGroups(client: Client, source: LdapSource, dn: string): Promise<string[]> {
  const { groupSearch } = source;
  if (groupSearch === undefined) {
    return [];
  }
  // The person may not be allowed to read groups.
  await bindReader(client, source);
  const { searchEntries } = await client.search(groupSearch.baseDn, {
    scope: 'sub',
    filter: new EqualityFilter({ attribute: groupSearch.memberAttribute, value: dn }),
    sizeLimit: maxGroups,
    attributes: [groupSearch.nameAttribute],
  });
  return searchEntries.flatMap((entry) => valuesOf(entry, groupSearch.nameAttribute));
}

function explain(error: unknown, timedOut: boolean): UpstreamFailure {
  if (error instanceof UpstreamFailure) {
    return error;
  }
  if (error instanceof ResultCodeError) {
    // 51 busy, 52 unavailable. The directory's own text may repeat what was typed.
    const passing = error.code === 51 || error.code === 52;
    return new UpstreamFailure(
      passing ? 'unavailable' : 'misconfigured',
      `The directory answered with result code ${error.code} (${error.name}).`,
      error,
    );
  }
  return connectionFailure(error, timedOut);
}

import { ConditionFailed, type Item, type ItemKey, type Table } from '../cloud/tables/port.ts';
import type { Actor } from '../kernel/actor.ts';
import { type Clock, epochSeconds } from '../kernel/clock.ts';
import { AppError } from '../kernel/errors.ts';
import { type Random, randomId } from '../kernel/random.ts';
import { maxOpenImports, takeImportSlot } from './import-slots.ts';

/** An upload of users, and how far it has come. */
export interface UserImport {
  /** `imp_…`. */
  id: string;
  applicationTenantId: string;
  /** What becomes of a line whose address has an account. */
  onExisting: 'skip' | 'update';
  state: 'uploading' | 'waiting' | 'running' | 'done' | 'failed';
  /** Lines of the upload, and what has become of those that were processed. */
  total: number;
  processed: number;
  created: number;
  updated: number;
  skipped: number;
  failed: number;
  /** ISO 8601. */
  createdAt: string;
  finishedAt?: string;
}

/** In whose name the users are made: no line gives more than this caller had, nor more than they have when it is worked off. */
export interface ImportAuthority {
  /** Slug of the tenant whose issuer the caller's credential was from. */
  issuer: string;
  actor: Actor;
  scopes: readonly string[];
}

/** One line of the upload: its number, from 1 and without the header of a CSV file, and what stood there. */
export interface ImportLine {
  line: number;
  /** `undefined`: it could not be read. */
  value: unknown;
}

export interface ImportError {
  line: number;
  field: string;
  message: string;
}

export interface UserImports {
  /** `AppError('quota_exceeded')` when the application tenant has `maxOpenImports` under way. */
  create(
    input: Pick<UserImport, 'applicationTenantId' | 'onExisting'>,
    authority: ImportAuthority,
  ): Promise<UserImport>;
  get(id: string): Promise<(UserImport & ImportAuthority) | undefined>;
  /** Keeps the next part of an upload. */
  addChunk(id: string, index: number, lines: readonly ImportLine[]): Promise<void>;
  change(id: string, change: Partial<Omit<UserImport, 'id' | 'applicationTenantId'>>): Promise<UserImport>;
  /** The parts that are left, one after the other. */
  nextChunk(id: string): Promise<{ index: number; lines: ImportLine[] } | undefined>;
  /** The part is done; what it holds is removed, and what went wrong in it is kept. */
  finishChunk(id: string, index: number, errors: readonly ImportError[]): Promise<void>;
  /** Of an upload that broke off. */
  discard(id: string): Promise<void>;
  /** In the order of their lines, as far as parts are done. */
  errors(
    id: string,
    page: { limit: number; cursor?: string | undefined },
  ): Promise<{ errors: ImportError[]; cursor?: string }>;
}

/** Uploads and their reports are forgotten after so long, done or not. */
const keptDays = 14;

/** An upload that takes longer has broken off, with the process that took it. */
const maxUploadMs = 60 * 60 * 1000;

/**
 * Uploads of one tenant. What was uploaded may hold password hashes, so it lies where those lie, in the tenant's own table, and goes as soon as it
 * is worked off.
 */
export function createUserImports({
  table,
  clock,
  random,
}: {
  table: Table;
  clock: Clock;
  random: Random;
}): UserImports {
  const isoNow = () => new Date(clock.now()).toISOString();
  const expiresAt = () => epochSeconds(clock) + keptDays * 86_400;

  async function read(id: string): Promise<Item | undefined> {
    const item = /^imp_[A-Za-z0-9_-]{1,64}$/.test(id) ? await table.get(keyOf(id, 'import')) : undefined;
    return item && (item.expiresAt ?? 0) > epochSeconds(clock) ? item : undefined;
  }

  /** Whether it takes up room: it is being uploaded, waits, or is worked off. */
  async function isOpen(id: string): Promise<boolean> {
    const item = await read(id);
    if (item?.state === 'uploading') {
      return clock.now() - Date.parse(String(item.createdAt)) < maxUploadMs;
    }
    return item?.state === 'waiting' || item?.state === 'running';
  }

  async function discard(id: string): Promise<void> {
    let cursor: string | undefined;
    do {
      const page = await table.query({ pk: partitionOf(id), ...(cursor === undefined ? {} : { cursor }) });
      await table.batchWrite(page.items.map(({ pk, sk }) => ({ delete: { pk, sk } })));
      cursor = page.cursor;
    } while (cursor !== undefined);
  }

  return {
    async create(input, authority) {
      const created: UserImport = {
        ...input,
        id: `imp_${randomId(random)}`,
        state: 'uploading',
        total: 0,
        processed: 0,
        created: 0,
        updated: 0,
        skipped: 0,
        failed: 0,
        createdAt: isoNow(),
      };
      const { id, ...attributes } = created;
      await table.put({
        ...keyOf(id, 'import'),
        ...attributes,
        issuer: authority.issuer,
        actor: JSON.stringify(authority.actor),
        scopes: JSON.stringify(authority.scopes),
        expiresAt: expiresAt(),
      });
      const { applicationTenantId } = created;
      if (!(await takeImportSlot(table, { applicationTenantId, importId: id }, isOpen))) {
        await discard(id);
        throw new AppError(
          'quota_exceeded',
          `There are ${maxOpenImports} imports under way already. Wait until one of them is done.`,
        );
      }
      return created;
    },

    async get(id) {
      const item = await read(id);
      return (
        item && {
          ...fromItem(item),
          issuer: String(item.issuer),
          actor: JSON.parse(String(item.actor)) as Actor,
          scopes: JSON.parse(String(item.scopes)) as string[],
        }
      );
    },

    async addChunk(id, index, lines) {
      await table.put({
        ...keyOf(id, `chunk#${numbered(index)}`),
        lines: JSON.stringify(lines),
        expiresAt: expiresAt(),
      });
    },

    async change(id, change) {
      return fromItem(await table.update(keyOf(id, 'import'), { set: { ...change } }, [{ exists: true }]));
    },

    async nextChunk(id) {
      const { items } = await table.query({ pk: partitionOf(id), skPrefix: 'chunk#', limit: 1 });
      const [item] = items;
      return (
        item && {
          index: Number(item.sk.slice('chunk#'.length)),
          lines: JSON.parse(String(item.lines)) as ImportLine[],
        }
      );
    },

    async finishChunk(id, index, errors) {
      if (errors.length > 0) {
        await table.put({
          ...keyOf(id, `errors#${numbered(index)}`),
          errors: JSON.stringify(errors),
          expiresAt: expiresAt(),
        });
      }
      try {
        await table.delete(keyOf(id, `chunk#${numbered(index)}`), [{ exists: true }]);
      } catch (error) {
        if (!(error instanceof ConditionFailed)) {
          throw error;
        }
      }
    },

    discard,

    async errors(id, { limit, cursor }) {
      const page = await table.query({
        pk: partitionOf(id),
        skPrefix: 'errors#',
        limit,
        ...(cursor === undefined ? {} : { cursor }),
      });
      return {
        errors: page.items.flatMap((item) => JSON.parse(String(item.errors)) as ImportError[]),
        ...(page.cursor === undefined ? {} : { cursor: page.cursor }),
      };
    },
  };
}

function partitionOf(id: string): string {
  return `Import#${id}`;
}

function keyOf(id: string, sk: string): ItemKey {
  return { pk: partitionOf(id), sk };
}

/** So that parts sort as they came. */
function numbered(index: number): string {
  return String(index).padStart(8, '0');
}

function fromItem(item: Item): UserImport {
  const count = (name: 'total' | 'processed' | 'created' | 'updated' | 'skipped' | 'failed') =>
    Number(item[name]);
  return {
    id: item.pk.slice('Import#'.length),
    applicationTenantId: String(item.applicationTenantId),
    onExisting: item.onExisting as UserImport['onExisting'],
    state: item.state as UserImport['state'],
    total: count('total'),
    processed: count('processed'),
    created: count('created'),
    updated: count('updated'),
    skipped: count('skipped'),
    failed: count('failed'),
    createdAt: String(item.createdAt),
    ...(item.finishedAt === undefined ? {} : { finishedAt: String(item.finishedAt) }),
  };
}

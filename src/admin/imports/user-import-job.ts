import type { Tables } from '../../cloud/tables/port.ts';
import { openPeople, type People } from '../../identity/people.ts';
import {
  createUserImports,
  type ImportAuthority,
  type ImportLine,
  type UserImport,
  type UserImports,
} from '../../identity/user-imports.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Slug } from '../../kernel/ids.ts';
import type { Random } from '../../kernel/random.ts';
import type { TenantRecord } from '../../kernel/tenant.ts';
import { createUserRoom } from '../../oidc/user-room.ts';
import type { Log } from '../../platform/log.ts';
import type { Postgres } from '../../platform/postgres.ts';
import type { JobHandler, Queue } from '../../platform/queue.ts';
import type { Directory } from '../../tenancy/directory.ts';
import type { UsageMeter } from '../../tenancy/usage-meter.ts';
import { findHolder } from '../holder.ts';
import { powerOf } from '../people/power.ts';
import { createUserImporter, type LineOutcome } from './import-user.ts';

export interface UserImportJobDependencies {
  directory: Pick<Directory, 'get'>;
  tables: Pick<Tables, 'open'>;
  clock: Clock;
  random: Random;
  usage: Pick<UsageMeter, 'of'>;
  publicUrl: URL;
  postgres: Pick<Postgres, 'transaction'>;
  queue: Pick<Queue, 'send' | 'wake'>;
  /**
   * After so many parts, of a hundred lines each, the import makes room for those of others, so that a large one keeps nobody waiting for long.
   * Default 50.
   */
  partsAtOnce?: number;
  log: Log;
}

/** Lines that are worked on at once; each waits for the store most of its time. */
const concurrency = 8;

/**
 * Works off an upload, part by part. A part that a crash interrupted is done again: its lines say then that their accounts are there
 * already. One at a time of each tenant.
 */
export function createUserImportJob({
  directory,
  tables,
  clock,
  random,
  usage,
  publicUrl,
  postgres,
  queue,
  partsAtOnce = 50,
  log,
}: UserImportJobDependencies): JobHandler<'user-import'> {
  const open = (record: TenantRecord) => ({ table: tables.open(record.tableName), clock, random });
  const isoNow = () => new Date(clock.now()).toISOString();

  /** Of what the caller had, what they have still: an upload may wait, and a role be taken back meanwhile. */
  async function presentScopes({ issuer, actor, scopes }: ImportAuthority): Promise<readonly string[]> {
    const from = await directory.get(issuer as Slug);
    const holder =
      from?.status === 'active'
        ? await findHolder({ tables, clock, random, publicUrl }, from, actor)
        : undefined;
    return scopes.filter((scope) => holder?.scopes.includes(scope));
  }

  /** `left`: there is more; `homeless`: the application tenant is being removed. */
  async function work(
    { imports, applicationTenants }: { imports: UserImports } & Pick<People, 'applicationTenants'>,
    { id: importId, applicationTenantId }: UserImport,
    importLine: (line: ImportLine) => Promise<LineOutcome>,
    signal: AbortSignal,
  ): Promise<'done' | 'left' | 'homeless'> {
    for (let parts = 0; parts < partsAtOnce; parts += 1) {
      const chunk = await imports.nextChunk(importId);
      const present = await imports.get(importId);
      if (chunk === undefined || present === undefined) {
        return 'done';
      }
      const owner = await applicationTenants.get(applicationTenantId);
      if (owner === undefined || owner.status === 'removing') {
        return 'homeless';
      }
      const outcomes = await mapLimited(chunk.lines, importLine, signal);
      const errors = outcomes.flatMap((outcome) => (typeof outcome === 'object' ? outcome.errors : []));
      const countOf = (kind: LineOutcome) => outcomes.filter((outcome) => outcome === kind).length;
      await imports.change(importId, {
        processed: present.processed + outcomes.length,
        created: present.created + countOf('created'),
        updated: present.updated + countOf('updated'),
        skipped: present.skipped + countOf('skipped'),
        failed: present.failed + outcomes.filter((outcome) => typeof outcome === 'object').length,
      });
      await imports.finishChunk(importId, chunk.index, errors);
    }
    return (await imports.nextChunk(importId)) === undefined ? 'done' : 'left';
  }

  return {
    async run(payload, signal) {
      const { slug, importId } = payload;
      const record = await directory.get(slug);
      const imports = record && createUserImports(open(record));
      const present = await imports?.get(importId);
      if (!record || !imports || !present || (present.state !== 'waiting' && present.state !== 'running')) {
        return;
      }
      const finish = (state: 'done' | 'failed') => imports.change(importId, { state, finishedAt: isoNow() });
      const scopes = await presentScopes(present);
      if (!scopes.includes('users:write')) {
        log.warn({ slug, importId }, 'whoever began an import of users may not make users any more');
        await finish('failed');
        return;
      }
      await imports.change(importId, { state: 'running' });
      const stores = open(record);
      const room = createUserRoom(stores, usage.of(record, stores.table));
      const people = { ...openPeople({ ...stores, room }), record };
      const importLine = createUserImporter({ ...present, people, power: powerOf({ scopes }, people) });
      const outcome = await work({ ...people, imports }, present, importLine, signal);
      if (outcome === 'left') {
        await postgres.transaction((transaction) =>
          queue.send(transaction, 'user-import', payload, { continues: true }),
        );
        queue.wake('user-import');
      } else {
        await finish(outcome === 'done' ? 'done' : 'failed');
      }
    },

    async dead({ slug, importId }, reason) {
      log.error({ slug, importId, reason }, 'an import of users was given up');
      const record = await directory.get(slug);
      const imports = record && createUserImports(open(record));
      if (await imports?.get(importId)) {
        await imports?.change(importId, { state: 'failed', finishedAt: isoNow() });
      }
    },
  };
}

async function mapLimited<In, Out>(
  inputs: readonly In[],
  work: (input: In) => Promise<Out>,
  signal: AbortSignal,
): Promise<Out[]> {
  const results = new Array<Out>(inputs.length);
  const entries = inputs.entries();
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      for (const [index, input] of entries) {
        signal.throwIfAborted();
        results[index] = await work(input);
      }
    }),
  );
  return results;
}

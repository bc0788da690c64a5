import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { Context } from 'koa';
import { Type } from 'typebox';
import { auditUserImportStarted, auditUsersExported } from '../../audit/people-events.ts';
import {
  createUserImports,
  type ImportAuthority,
  type ImportLine,
  type UserImport,
} from '../../identity/user-imports.ts';
import { AppError } from '../../kernel/errors.ts';
import type { Postgres } from '../../platform/postgres.ts';
import type { Queue } from '../../platform/queue.ts';
import { compileSchema } from '../../web/compile-schema.ts';
import type { AccessRules, PathParameters, TenantCaller } from '../access.ts';
import { json, ndjson } from '../answer-schema.ts';
import { exportedUserSchema, importErrorPageSchema, userImportSchema } from '../answers/users.ts';
import { answerOnce } from '../idempotency.ts';
import { exportUsers } from '../imports/export-users.ts';
import { readUpload, type UploadFormat } from '../imports/read-upload.ts';
import { type OpenPeopleDependencies, openVisiblePeople } from '../people/open-people.ts';
import { applicationTenantField } from '../people/schemas.ts';
import { noQuery, pageFields, querySchema } from '../queries.ts';
import type { Route, RouteKinds } from '../route.ts';

export interface UserImportRoutesDependencies extends OpenPeopleDependencies {
  postgres: Postgres;
  queue: Pick<Queue, 'send' | 'wake'>;
  publicUrl: URL;
}

const formats: Readonly<Record<string, UploadFormat>> = {
  'application/x-ndjson': 'ndjson',
  'text/csv': 'csv',
};
const whereSchema = querySchema(applicationTenantField);
const uploadSchema = querySchema({
  ...applicationTenantField,
  onExisting: Type.Optional(Type.Enum(['skip', 'update'])),
});

/** A part of an upload is an item of the table, which holds 400 KB at most. */
const chunk = { lines: 100, bytes: 200 * 1024 };

const path = '/api/tenants/{slug}/user-imports';

/** Users in bulk: an upload becomes a job that reports what became of each line; an export is read back the same way. */
export function userImportRoutes(
  { read }: RouteKinds,
  access: AccessRules,
  dependencies: UserImportRoutesDependencies,
): Route[] {
  const { postgres, queue, clock, publicUrl } = dependencies;
  const admit = access.applicationTenant('users:write');
  const readQuery = compileSchema({ schema: uploadSchema, coerce: true });

  async function find(caller: TenantCaller, { importId = '' }: PathParameters) {
    const people = await openVisiblePeople(dependencies, caller);
    const imports = createUserImports(people.stores);
    const found = await imports.get(importId);
    const own = caller.applicationTenantId;
    if (!found || (own !== undefined && found.applicationTenantId !== own)) {
      throw new AppError('not_found', 'There is no such import.');
    }
    return { imports, found };
  }

  return [
    {
      method: 'POST',
      path,
      needs: admit.needs,
      takes: { query: uploadSchema },
      uploads: Object.keys(formats),
      summary: 'Upload users as NDJSON or CSV',
      operation: 'importUsers',
      answers: { 202: json(userImportSchema, 'Location') },
      async handle(context, params) {
        const caller = await admit(context, params);
        const { applicationTenant, onExisting = 'skip' } = readQuery({ ...context.query });
        const people = await openVisiblePeople(dependencies, caller);
        const { id: applicationTenantId } = await people.chooseToChange(applicationTenant);
        const imports = createUserImports(people.stores);
        const format = formatOf(context);
        const { actor, scopes, issuer } = caller;
        const { id } = await imports
          .create({ applicationTenantId, onExisting }, { actor, scopes, issuer: issuer.slug })
          .catch((error: unknown) => {
            context.req.resume();
            throw error;
          });
        const { total, digest } = await store(id, imports, readUpload(context.req, format)).catch(
          async (error: unknown) => {
            // What the client still sends is read and dropped, so that it gets to see the answer.
            context.req.resume();
            await imports.discard(id);
            throw error;
          },
        );
        // What a repeated request has sent once more is known only now that it is here.
        const request = {
          key: context.get('Idempotency-Key'),
          scope: [context.method, context.path, caller.key],
          body: { applicationTenantId, onExisting, total, digest },
        };
        let isFirst = false;
        try {
          return await answerOnce({ postgres, clock }, request, async (transaction) => {
            isFirst = true;
            const uploaded = await imports.change(id, { state: 'waiting', total });
            const { slug } = people.record;
            await queue.send(transaction, 'user-import', { slug, applicationTenantId, importId: id });
            await auditUserImportStarted(transaction, clock, {
              tenantId: people.record.id,
              actor: caller.actor,
              applicationTenantId,
              importId: id,
            });
            return {
              status: 202,
              headers: { Location: `${publicUrl.origin}/api/tenants/${caller.slug}/user-imports/${id}` },
              body: uploaded,
            };
          });
        } finally {
          if (isFirst) {
            queue.wake('user-import');
          } else {
            await imports.discard(id);
          }
        }
      },
    },
    read({
      path: `${path}/{importId}`,
      summary: 'See how far an import is',
      operation: 'getUserImport',
      answers: { 200: json(userImportSchema) },
      access: access.applicationTenant('users:read'),
      query: noQuery,
      async handle({ caller, params }) {
        const { found } = await find(caller, params);
        return { status: 200, body: view(found) };
      },
    }),
    read({
      path: `${path}/{importId}/errors`,
      summary: 'Read which lines of an import were refused, and why',
      operation: 'listUserImportErrors',
      answers: { 200: json(importErrorPageSchema) },
      access: access.applicationTenant('users:read'),
      query: querySchema(pageFields),
      async handle({ caller, params, query: { limit = 10, cursor } }) {
        const { imports, found } = await find(caller, params);
        return { status: 200, body: await imports.errors(found.id, { limit, cursor }) };
      },
    }),
    read({
      path: '/api/tenants/{slug}/user-export',
      summary: 'Export users as NDJSON, without credentials',
      operation: 'exportUsers',
      answers: { 200: ndjson(exportedUserSchema) },
      access: access.applicationTenant('users:read'),
      query: whereSchema,
      async handle({ caller, query: { applicationTenant } }) {
        const people = await openVisiblePeople(dependencies, caller);
        const { id: applicationTenantId } = await people.choose(applicationTenant);
        await postgres.transaction((transaction) =>
          auditUsersExported(transaction, clock, {
            tenantId: people.record.id,
            actor: caller.actor,
            applicationTenantId,
          }),
        );
        return {
          status: 200,
          headers: {
            'Content-Type': 'application/x-ndjson; charset=utf-8',
            'Content-Disposition': `attachment; filename="users-${caller.slug}.ndjson"`,
          },
          body: Readable.from(exportUsers(people, applicationTenantId), { highWaterMark: 1 }),
        };
      },
    }),
  ];
}

/** Keeps the lines as they arrive, some at a time; answers their number, and what tells them from other lines. */
async function store(
  id: string,
  imports: Pick<ReturnType<typeof createUserImports>, 'addChunk'>,
  lines: AsyncIterable<ImportLine>,
): Promise<{ total: number; digest: string }> {
  const hash = createHash('sha256');
  let waiting: ImportLine[] = [];
  let bytes = 0;
  let total = 0;
  let index = 0;
  for await (const line of lines) {
    const text = JSON.stringify(line);
    const size = Buffer.byteLength(text);
    hash.update(`${text}\n`);
    if (waiting.length === chunk.lines || bytes + size > chunk.bytes) {
      await imports.addChunk(id, index, waiting);
      index += 1;
      waiting = [];
      bytes = 0;
    }
    waiting.push(line);
    bytes += size;
    total += 1;
  }
  if (waiting.length > 0) {
    await imports.addChunk(id, index, waiting);
  }
  return { total, digest: hash.digest('hex') };
}

function formatOf(context: Context): UploadFormat {
  const format = formats[context.request.type.toLowerCase()];
  const charset = context.request.charset.toLowerCase();
  const isPlain = ['', 'identity'].includes(context.get('Content-Encoding').toLowerCase());
  if (format === undefined || !isPlain || !['', 'utf-8', 'utf8'].includes(charset)) {
    context.req.resume();
    throw new AppError(
      'unsupported_media_type',
      'Send application/x-ndjson or text/csv in UTF-8, without Content-Encoding.',
    );
  }
  return format;
}

function view({ actor: _, scopes: __, issuer: ___, ...shown }: UserImport & ImportAuthority) {
  return shown;
}

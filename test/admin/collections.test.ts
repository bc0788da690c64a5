import type { TObject } from 'typebox';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Api, createApi } from './api-fixture.ts';
import { type Collection, collections, type Listed, type Records, records } from './collections.ts';

let api: Api;
beforeAll(async () => {
  api = await createApi();
});
afterAll(() => api.close());

let count = 0;
function next(): number {
  count += 1;
  return count;
}

/** Its address in a tenant, with what the parameters in it stand for. */
async function place({ path, below }: Listed, slug: string) {
  const ids = (await below?.(api, slug)) ?? {};
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name) => ids[name] ?? '');
  return { ids, path: `/api/tenants/${slug}/${filled}` };
}

/** Everything in a list, page by page. */
async function listAll(
  { path, listedAs = path.slice(path.lastIndexOf('/') + 1), idOf }: Listed,
  { at, reader, limit, linesPerOne = 1 }: { at: string; reader: string; limit: number; linesPerOne?: number },
  between = async () => {},
): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | undefined;
  do {
    const query = cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const { status, body } = await api.get(`${at}?limit=${limit}${query}`, reader);
    expect(status).toBe(200);
    expect(body[listedAs].length).toBeLessThanOrEqual(limit * linesPerOne);
    ids.push(...body[listedAs].map(idOf));
    cursor = body.cursor;
    await between();
  } while (cursor !== undefined);
  return ids;
}

const badPages = ['limit=0', 'limit=101', 'limit=x', 'cursor=%20', 'cursor=bm90LW91cnM', 'surprise=1'];

describe.each(collections)('$path', (collection: Collection) => {
  const { scopes, sample, idOf, patch, secret, most } = collection;
  const { unlisted = false, unread = false, untagged = false, removedLater = false } = collection;
  let path: string;
  let writer: string;
  let reader: string;
  beforeAll(async () => {
    ({ path } = await place(collection, 'acme'));
    writer = await api.robot('acme', [scopes.read, scopes.write]);
    reader = await api.robot('acme', [scopes.read]);
  });

  const another = (slug = 'acme') => sample(next(), api, slug);
  const addressOf = (member: Record<string, unknown>) => `${path}/${encodeURIComponent(idOf(member))}`;

  async function create(): Promise<{ member: Record<string, unknown>; address: string; etag: string }> {
    const { status, body, headers } = await api.post(path, await another(), writer);
    expect(status, JSON.stringify(body)).toBe(201);
    return { member: body, address: addressOf(body), etag: String(headers.etag) };
  }

  function send(method: 'patch' | 'delete', address: string, headers: Record<string, string> = {}) {
    const request = api.http[method](address).auth(writer, { type: 'bearer' }).set(headers);
    return method === 'patch' ? request.send(patch) : request;
  }

  if (!unread) {
    it('shows a new member as it was created, with its entity tag, and its secret only once', async () => {
      const { member, address, etag } = await create();
      const read = await api.get(address, reader);
      expect(read.status).toBe(200);
      expect(read.headers.etag).toBe(etag);
      expect(etag).toMatch(/^"[^"]+"$/);
      expect(read.body).toEqual(secret === undefined ? member : { ...member, [secret]: undefined });
      if (secret !== undefined) {
        expect(member[secret]).toBeTruthy();
      }
    });
  }

  it('answers a repeated request once', async () => {
    const body = await another();
    const ask = (again: object) => api.post(path, again, writer).set('Idempotency-Key', 'once');
    const first = await ask(body);
    const second = await ask(body);
    expect(first.status).toBe(201);
    expect(second.status).toBe(201);
    expect(second.headers['idempotent-replayed']).toBe('true');
    expect(idOf(second.body)).toBe(idOf(first.body));
    expect(second.headers.etag).toBe(first.headers.etag);
    if (secret !== undefined) {
      expect(second.body).not.toHaveProperty(secret);
    }
    expect((await ask(await another())).status).toBe(422);
  });

  it('refuses unknown members', async () => {
    const { status, body } = await api.post(path, { ...(await another()), surprise: 1 }, writer);
    expect(status).toBe(400);
    expect(body.errors).toContainEqual({ field: 'surprise', message: 'is not a known field' });
  });

  if (!unlisted) {
    it('lists in pages in which nothing is missing or twice, whatever is added meanwhile', async () => {
      const made: string[] = [];
      for (let index = 0; index < 5; index += 1) made.push(idOf((await create()).member));
      let added = 0;
      const listed = await listAll(collection, { at: path, reader, limit: 2 }, async () => {
        if (added < 3) await create();
        added += 1;
      });
      expect(new Set(listed).size).toBe(listed.length);
      expect(listed).toEqual(expect.arrayContaining(made));
    });

    it.each(badPages)('refuses the page ?%s', async (query) => {
      await api.get(`${path}?${query}`, reader).expect(400);
    });
  }

  it('knows no member that is not there', async () => {
    const { address } = await create();
    for (const unknown of [`${address}x`, `${path}/nothing`, `${path}/${'x'.repeat(300)}`]) {
      if (!unread) await api.get(unknown, reader).expect(404);
      await send('delete', unknown).expect(404);
    }
  });

  it('refuses who may not, and hides from whoever is not of the tenant', async () => {
    const { address, etag } = await create();
    const other = await api.robot('globex');
    const body = await another();
    const reads = [
      ...(unlisted ? [] : [() => api.http.get(path)]),
      ...(unread ? [] : [() => api.http.get(address)]),
    ];
    const writes = [
      () => api.http.post(path).send(body),
      () => api.http.delete(address),
      ...(patch === undefined ? [] : [() => api.http.patch(address).set('If-Match', etag).send(patch)]),
    ];
    for (const request of [...reads, ...writes]) {
      expect((await request()).status).toBe(401);
      expect((await request().auth(other, { type: 'bearer' })).status).toBe(404);
    }
    for (const request of writes) {
      expect((await request().auth(reader, { type: 'bearer' })).status).toBe(403);
    }
    // It is there as it was: whoever has seen it deletes it.
    const seen = untagged ? {} : { 'If-Match': etag };
    expect((await send('delete', address, seen)).status).toBe(removedLater ? 202 : 200);
  });

  it('is deleted as it was seen', async () => {
    const { address, etag } = await create();
    if (!untagged) {
      const stale = await send('delete', address, { 'If-Match': '"something-else"' });
      expect(stale.status).toBe(412);
      expect(stale.body.code).toBe('precondition_failed');
    }
    await send('delete', address, { 'If-Match': 'nonsense' }).expect(400);
    await send('delete', address, untagged ? {} : { 'If-Match': etag }).expect(removedLater ? 202 : 200);
    if (removedLater) return;
    if (!unread) await api.get(address, reader).expect(404);
    await send('delete', address).expect(404);
  });

  if (most !== undefined) {
    it('has an end', async () => {
      const other = await api.robot('globex');
      const { path: elsewhere } = await place(collection, 'globex');
      const fill = async () => api.post(elsewhere, await another('globex'), other);
      for (let index = 0; index < most; index += 1) expect((await fill()).status).toBe(201);
      const { status, body } = await fill();
      expect([status, body.code]).toEqual([409, 'quota_exceeded']);
    });
  }

  if (patch !== undefined) {
    it('is changed as it was seen, by one of two who saw the same', async () => {
      const { member, address, etag } = await create();
      expect((await send('patch', address)).status).toBe(428);
      await send('patch', address, { 'If-Match': '"something-else"' }).expect(412);

      api.clock.advance(1_000);
      const changed = await send('patch', address, { 'If-Match': etag });
      expect(changed.status, JSON.stringify(changed.body)).toBe(200);
      expect(changed.body).toMatchObject({ ...patch });
      expect(changed.headers.etag).not.toBe(etag);
      const read = await api.get(address, reader);
      expect(read.body).toEqual(changed.body);
      expect(read.headers.etag).toBe(changed.headers.etag);
      expect(idOf(read.body)).toBe(idOf(member));

      await send('patch', address, { 'If-Match': etag }).expect(412);
      await send('patch', address, { 'If-Match': `"x", ${changed.headers.etag}` }).expect(200);
      await send('patch', address, { 'If-Match': '*' }).expect(200);
    });

    it('lets one of two changes made at once win', async () => {
      const { address, etag } = await create();
      api.clock.advance(1_000);
      const statuses = (
        await Promise.all([1, 2].map(() => send('patch', address, { 'If-Match': etag })))
      ).map(({ status }) => status);
      expect(statuses.toSorted()).toEqual([200, 412]);
    });

    it('refuses unknown members of a patch', async () => {
      const { address } = await create();
      const { status, body } = await api.http
        .patch(address)
        .auth(writer, { type: 'bearer' })
        .set('If-Match', '*')
        .send({ surprise: 1 });
      expect(status).toBe(400);
      expect(body.errors).toContainEqual({ field: 'surprise', message: 'is not a known field' });
    });
  }
});

describe.each(records)('$path', (list: Records) => {
  const { scope, add, linesPerOne = 1 } = list;
  let path: string;
  let ids: Readonly<Record<string, string>>;
  let reader: string;
  beforeAll(async () => {
    ({ path, ids } = await place(list, 'acme'));
    reader = await api.robot('acme', [scope]);
    for (let index = 0; index < 5; index += 1) await addOne();
  });

  async function addOne(): Promise<void> {
    api.clock.advance(1_000);
    await add?.(api, { slug: 'acme', number: next(), ids });
  }

  it('lists in pages in which nothing is missing or twice, whatever is added meanwhile', async () => {
    const there = await listAll(list, { at: path, reader, limit: 100, linesPerOne });
    expect(there.length).toBeGreaterThanOrEqual(5);
    let pages = 0;
    const listed = await listAll(list, { at: path, reader, limit: 2, linesPerOne }, async () => {
      if (pages < 3) await addOne();
      pages += 1;
    });
    expect(pages).toBeGreaterThanOrEqual(3);
    expect(new Set(listed).size).toBe(listed.length);
    expect(listed).toEqual(expect.arrayContaining(there));
  });

  it.each(badPages)('refuses the page ?%s', async (query) => {
    await api.get(`${path}?${query}`, reader).expect(400);
  });

  it('refuses who may not, and hides from whoever is not of the tenant', async () => {
    await api.get(path).expect(401);
    await api.get(path, await api.robot('acme', [])).expect(403);
    await api.get(path, await api.robot('globex')).expect(404);
  });
});

describe('the route table', () => {
  const root = '/api/tenants/{slug}/';
  /** Collections that this suite is not for, and why. */
  const others: Readonly<Record<string, string>> = {
    keys: 'signing keys are rotated, not created, and few',
    'mail-templates': 'every mail has its templates, which are changed but neither made nor deleted',
    'user-imports': 'an upload is a job that is followed and neither listed, changed nor deleted',
    ...Object.fromEntries(
      ['', '/Users', '/Groups', '/ResourceTypes', '/Schemas'].map((list) => [
        list === '' ? 'scim' : `scim/{applicationTenantId}/v2${list}`,
        'RFC 7644 has conventions of its own: test/admin/scim.test.ts',
      ]),
    ),
  };
  let routes: { method: string; path: string; isPaged: boolean }[];
  beforeAll(() => {
    routes = api.groups
      .flatMap((group) => group.routes)
      .filter(({ path }) => path.startsWith(root))
      .map(({ method, path, takes }) => ({
        method,
        path: path.slice(root.length),
        isPaged: 'query' in takes && 'limit' in (takes.query as TObject).properties,
      }));
  });

  /** What stands before a parameter is a collection, as is what is read in pages. */
  function collectionsOf({ path, isPaged }: { path: string; isPaged: boolean }): string[] {
    const parts = path.split('/');
    const isParameter = (part: string | undefined) => part?.startsWith('{') === true;
    const ends = parts.flatMap((part, index) =>
      isParameter(part) && index > 0 && !isParameter(parts[index - 1]) ? [index] : [],
    );
    return [...ends.map((end) => parts.slice(0, end).join('/')), ...(isPaged ? [path] : [])];
  }

  it('has no collection that is not tested here', () => {
    const known = [...collections, ...records].map(({ path }) => path);
    const found = [...new Set(routes.flatMap(collectionsOf))];
    expect(found.sort()).toEqual([...known, ...Object.keys(others)].sort());
  });

  it.each(collections)('has of $path what is tested of it', (collection: Collection) => {
    const { path, patch, unlisted = false, unread = false } = collection;
    const methodsAt = (pattern: RegExp) =>
      routes.filter((route) => pattern.test(route.path)).map(({ method }) => method);
    const escaped = path.replaceAll(/[{}]/g, '\\$&');
    expect(methodsAt(new RegExp(`^${escaped}$`)).sort()).toEqual([...(unlisted ? [] : ['GET']), 'POST']);
    expect(methodsAt(new RegExp(`^${escaped}/\\{\\w+\\}$`)).sort()).toEqual([
      'DELETE',
      ...(unread ? [] : ['GET']),
      ...(patch === undefined ? [] : ['PATCH']),
    ]);
  });
});

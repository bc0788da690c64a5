import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Api, createApi } from './api-fixture.ts';
import { type Collection, collections } from './collections.ts';

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

describe.each(collections)('$name', (collection: Collection) => {
  const {
    name,
    listedAs = name,
    scopes,
    sample,
    idOf,
    patch,
    secret,
    most,
    removedLater = false,
  } = collection;
  const path = `/api/tenants/acme/${name}`;
  let writer: string;
  let reader: string;
  beforeAll(async () => {
    writer = await api.robot('acme', [scopes.read, scopes.write]);
    reader = await api.robot('acme', [scopes.read]);
  });

  const addressOf = (member: Record<string, unknown>) => `${path}/${encodeURIComponent(idOf(member))}`;

  async function create(): Promise<{ member: Record<string, unknown>; address: string; etag: string }> {
    const { status, body, headers } = await api.post(path, sample(next()), writer);
    expect(status, JSON.stringify(body)).toBe(201);
    return { member: body, address: addressOf(body), etag: String(headers.etag) };
  }

  function send(method: 'patch' | 'delete', address: string, headers: Record<string, string> = {}) {
    const request = api.http[method](address).auth(writer, { type: 'bearer' }).set(headers);
    return method === 'patch' ? request.send(patch) : request;
  }

  async function listAll(limit: number, between = async () => {}): Promise<string[]> {
    const ids: string[] = [];
    let cursor: string | undefined;
    do {
      const query = cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const { status, body } = await api.get(`${path}?limit=${limit}${query}`, reader);
      expect(status).toBe(200);
      expect(body[listedAs].length).toBeLessThanOrEqual(limit);
      ids.push(...body[listedAs].map(idOf));
      cursor = body.cursor;
      await between();
    } while (cursor !== undefined);
    return ids;
  }

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

  it('answers a repeated request once', async () => {
    const body = sample(next());
    const ask = (again: object) => api.post(path, again, writer).set('Idempotency-Key', `once-${name}`);
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
    expect((await ask(sample(next()))).status).toBe(422);
  });

  it('refuses unknown members', async () => {
    const { status, body } = await api.post(path, { ...sample(next()), surprise: 1 }, writer);
    expect(status).toBe(400);
    expect(body.errors).toContainEqual({ field: 'surprise', message: 'is not a known field' });
    await api.get(`${path}?surprise=1`, reader).expect(400);
  });

  it('lists in pages in which nothing is missing or twice, whatever is added meanwhile', async () => {
    const made: string[] = [];
    for (let index = 0; index < 5; index += 1) made.push(idOf((await create()).member));
    let added = 0;
    const listed = await listAll(2, async () => {
      if (added < 3) await create();
      added += 1;
    });
    expect(new Set(listed).size).toBe(listed.length);
    expect(listed).toEqual(expect.arrayContaining(made));
  });

  it.each(['limit=0', 'limit=101', 'limit=x', 'cursor=%20', 'cursor=bm90LW91cnM'])(
    'refuses the page ?%s',
    async (query) => {
      await api.get(`${path}?${query}`, reader).expect(400);
    },
  );

  it('knows no member that is not there', async () => {
    const { address } = await create();
    for (const unknown of [`${address}x`, `${path}/nothing`, `${path}/${'x'.repeat(300)}`]) {
      await api.get(unknown, reader).expect(404);
      await send('delete', unknown).expect(404);
    }
  });

  it('refuses who may not, and hides from whoever is not of the tenant', async () => {
    const { address, etag } = await create();
    const other = await api.robot('globex');
    const requests = [
      () => api.http.get(path),
      () => api.http.get(address),
      () => api.http.post(path).send(sample(next())),
      () => api.http.delete(address),
      ...(patch === undefined ? [] : [() => api.http.patch(address).set('If-Match', etag).send(patch)]),
    ];
    for (const [index, request] of requests.entries()) {
      expect((await request()).status).toBe(401);
      expect((await request().auth(other, { type: 'bearer' })).status).toBe(404);
      if (index >= 2) {
        expect((await request().auth(reader, { type: 'bearer' })).status).toBe(403);
      }
    }
    expect((await api.get(address, reader)).headers.etag).toBe(etag);
  });

  it('is deleted as it was seen', async () => {
    const { address, etag } = await create();
    const stale = await send('delete', address, { 'If-Match': '"something-else"' });
    expect(stale.status).toBe(412);
    expect(stale.body.code).toBe('precondition_failed');
    await send('delete', address, { 'If-Match': 'nonsense' }).expect(400);
    await send('delete', address, { 'If-Match': etag }).expect(removedLater ? 202 : 200);
    if (removedLater) return;
    await api.get(address, reader).expect(404);
    await send('delete', address).expect(404);
  });

  if (most !== undefined) {
    it('has an end', async () => {
      const other = await api.robot('globex');
      const fill = () => api.post(`/api/tenants/globex/${name}`, sample(next()), other);
      for (let index = 0; index < most; index += 1) await fill().expect(201);
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

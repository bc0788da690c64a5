import { afterAll, beforeAll, expect, it } from 'vitest';
import { clientFile, generateApiClient } from '../../scripts/generate-api-client.ts';
import { type Api, createApi } from '../admin/api-fixture.ts';

let api: Api;
beforeAll(async () => {
  api = await createApi();
});
afterAll(() => api?.close());

it('the generated client is that of the present document (`vitest run test/cli/generated-client.test.ts -u` makes it anew)', async () => {
  const { body } = await api.get('/api/openapi.json').expect(200);
  await expect(await generateApiClient(body)).toMatchFileSnapshot(clientFile);
});

import Koa from 'koa';
import { expect, test } from 'vitest';
import { setSecurityHeaders } from '../../src/web/security-headers.ts';
import { serve } from './serve.ts';

test('an HTTPS deployment asks browsers to stay with HTTPS, and a handler may replace a header', async () => {
  const app = new Koa();
  app.use(setSecurityHeaders({ publicUrl: new URL('https://id.example.test') }));
  app.use(async (context) => {
    context.set('Cache-Control', 'public, max-age=60');
    context.body = 'ok';
  });
  const server = await serve(app.callback());
  const { headers } = await fetch(server.origin);
  await server.close();
  expect(headers.get('strict-transport-security')).toBe('max-age=31536000');
  expect(headers.get('cache-control')).toBe('public, max-age=60');
});

import { Secret, TOTP } from 'otpauth';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createBrandingStore } from '../../src/identity/branding.ts';
import { readLogo } from '../../src/identity/logo.ts';
import { createQrPicture } from '../../src/web/qr-picture.ts';
import { createPerson, passkeyOptions } from './factor-people.ts';
import { authorizationRequest, createTenantServer, password, type TenantServer } from './tenant-server.ts';

const png = Buffer.from('\x89PNG\r\n\x1a\npicture', 'latin1');

let server: TenantServer;

beforeAll(async () => {
  server = await createTenantServer({ slugs: ['acme', 'globex'] });
  const store = createBrandingStore(server.tenant);
  await store.put({
    displayName: 'Acme "><i id=x>',
    language: 'de',
    colours: { accent: '#7a0019' },
    links: { support: 'https://acme.example/help?a=1&b=2' },
  });
  await store.putLogo(readLogo(png.toString('base64')));
  await server.tenant.rebuild();
});

afterAll(() => server.close());

it('shows name, language, colours, logo and links of the tenant, and no markup of it', async () => {
  const page = await server.userAgent().open(authorizationRequest(server.tenant).url);
  const { document } = page;
  expect(document.querySelector('html')?.getAttribute('lang')).toBe('de');
  expect(document.querySelector('.tenant .name')?.textContent).toBe('Acme "><i id=x>');
  expect(document.querySelector('#x')).toBeNull();
  expect(document.querySelector('footer a')?.getAttribute('href')).toBe('https://acme.example/help?a=1&b=2');
  const styles = document
    .querySelectorAll('link[rel=stylesheet]')
    .map((link) => link.getAttribute('href') ?? '');
  expect(styles[1]).toMatch(/^\/acme\/branding\/style-[0-9a-f]{16}\.css$/);
  const css = await fetch(new URL(styles[1] ?? '', server.origin));
  expect(css.headers.get('content-type')).toBe('text/css; charset=utf-8');
  expect(await css.text()).toContain('--accent:#7a0019');
  const logo = await fetch(
    new URL(document.querySelector('img.logo')?.getAttribute('src') ?? '', server.origin),
  );
  expect(logo.headers.get('content-type')).toBe('image/png');
  expect(logo.headers.get('x-content-type-options')).toBe('nosniff');
  expect(logo.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
  expect(Buffer.from(await logo.arrayBuffer())).toEqual(png);
});

it('gives authenticator apps and passkey dialogues the name that users know', async () => {
  const { tenant } = server;
  const name = 'Acme "><i id=x>';
  await createPerson(tenant, 'ada@example.com');
  const agent = server.userAgent();
  const signInPage = await agent.open('/acme/account/factors');
  const page = await agent.submit(signInPage, { email: 'ada@example.com', password });
  expect(passkeyOptions<{ rp: { name: string } }>(page).rp.name).toBe(name);
  const app = await agent.open('/acme/account/factors/app');
  const secret = Secret.fromBase32(
    app.document.querySelector('code.secret')?.textContent.replaceAll(' ', '') ?? '',
  );
  const expected = new TOTP({ issuer: name, label: 'ada@example.com', secret }).toString();
  expect(app.document.querySelector('.qr path:last-child')?.getAttribute('d')).toBe(
    createQrPicture(expected).path,
  );
});

it('has no file of a name that is not its content’s, and none of another tenant', async () => {
  const page = await server.userAgent().open(authorizationRequest(server.tenant).url);
  const src = page.document.querySelector('img.logo')?.getAttribute('src') ?? '';
  for (const path of [
    src.replace('/acme/', '/globex/'),
    src.replace(/[0-9a-f]{16}$/, '0'.repeat(16)),
    '/acme/branding/style-0000000000000000.css',
    '/acme/branding/../branding/logo',
  ]) {
    expect((await fetch(`${server.origin}${path}`)).status, path).toBe(404);
  }
});

it('leaves a tenant without any as it was', async () => {
  const [, globex] = server.tenants;
  const page = await server.userAgent().open(authorizationRequest(globex as typeof server.tenant).url);
  expect(page.document.querySelectorAll('link[rel=stylesheet]')).toHaveLength(1);
  expect(page.document.querySelector('.mark')?.textContent.trim()).toBe('A');
  expect(page.document.querySelector('footer nav')).toBeNull();
});

import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  authorizationRequest,
  createTenantServer,
  password,
  type TenantServer,
  textOf,
} from './tenant-server.ts';

let server: TenantServer;

beforeAll(async () => {
  server = await createTenantServer();
  const { accounts } = server.tenant;
  const { id } = await accounts.create({ email: 'ada@example.com', name: 'Ada', roles: [] });
  await accounts.setPassword(id, password);
});

afterAll(() => server.close());

function htmlOf({ document }: { document: { querySelector(selector: string): unknown } }) {
  const html = document.querySelector('html') as { getAttribute(name: string): string | undefined };
  return { lang: html.getAttribute('lang'), dir: html.getAttribute('dir') };
}

it('speaks the language that the application asks for, on every page of the interaction', async () => {
  const agent = server.userAgent();
  const page = await agent.open(authorizationRequest(server.tenant, { ui_locales: 'fr de en' }).url);
  expect(htmlOf(page)).toEqual({ lang: 'de', dir: 'ltr' });
  expect(textOf(page)).toContain('um zu Ledger "Online" zu gelangen');
  const wrong = await agent.submit(page, { email: 'ada@example.com', password: 'Wrong horse 1!' });
  expect(textOf(wrong)).toContain('Die E-Mail-Adresse oder das Passwort ist nicht richtig.');
  const consent = await agent.submit(wrong, { password });
  expect(textOf(consent)).toContain('Wissen, dass Sie es sind');
});

it('is written from right to left in Arabic', async () => {
  const page = await server.userAgent().open(authorizationRequest(server.tenant, { ui_locales: 'ar' }).url);
  expect(htmlOf(page)).toEqual({ lang: 'ar', dir: 'rtl' });
  expect(page.document.querySelector('#email')?.getAttribute('dir')).toBe('ltr');
  expect(page.document.querySelector('.lead bdi')?.textContent).toContain('Ledger');
});

it('speaks the browser’s language where no application asks, and English to everybody else', async () => {
  const open = async (path: string, language: string) => {
    const response = await fetch(`${server.origin}${path}`, {
      headers: { accept: 'text/html', 'accept-language': language },
    });
    return response.text();
  };
  expect(await open('/', 'de-AT,de;q=0.9')).toContain('Anmeldung für jedes Team');
  expect(await open('/nowhere', 'ar')).toContain('الصفحة غير موجودة');
  expect(await open('/nowhere', 'fr')).toContain('Page not found');
  expect(await open(`/acme/invitation/${'A'.repeat(43)}`, 'de')).toContain('nicht mehr gültig');
  expect(await open('/acme/auth?client_id=nobody', 'de')).toContain('Diese Anfrage funktioniert nicht');
});

it('tells nothing of a tenant by its language: an absent one answers like any other address', async () => {
  const bodies = await Promise.all(
    ['/nowhere', '/globex/auth'].map(async (path) => {
      const response = await fetch(`${server.origin}${path}`, {
        headers: { accept: 'text/html', 'accept-language': 'ar' },
      });
      return response.text();
    }),
  );
  expect(bodies[0]).toBe(bodies[1]);
});

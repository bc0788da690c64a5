import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPerson } from '../interactions/factor-people.ts';
import { createTenantServer, type TenantServer } from '../interactions/tenant-server.ts';
import { sendRaw } from '../web/raw-request.ts';
import { latestLink, mailsTo, setSignUp } from './mail-links.ts';

let server: TenantServer;
let host: string;

beforeAll(async () => {
  server = await createTenantServer();
  ({ host } = new URL(server.origin));
  await setSignUp(server.tenant, 'open');
});
afterAll(() => server.close());

let count = 0;

/** The form of a page, sent byte by byte as somebody does who wants the mail to lead elsewhere. */
async function send(path: string, target: string, hostLines: readonly string[]) {
  count += 1;
  const email = `victim${count}@example.com`;
  if (path === '/acme/forgotten-password') await createPerson(server.tenant, email);
  const agent = server.userAgent();
  const page = await agent.open(path);
  const csrf = page.document.querySelector('input[name=csrf]')?.getAttribute('value') ?? '';
  const body = new URLSearchParams({ csrf, email }).toString();
  const answer = await sendRaw(
    Number(new URL(server.origin).port),
    [
      `POST ${target} HTTP/1.1`,
      ...hostLines,
      `Cookie: ${await agent.jar.getCookieString(page.url.href)}`,
      'Content-Type: application/x-www-form-urlencoded',
      `Content-Length: ${body.length}`,
    ],
    body,
  );
  return { answer, email, mails: await mailsTo(server, email) };
}

describe.each([
  ['/acme/forgotten-password', 'reset-password'],
  ['/acme/sign-up', 'verify-email'],
])('a request to %s', (path, words) => {
  it.each([
    ['another Host', () => path, () => ['Host: evil.example']],
    ['another Host on our port', () => path, () => [`Host: evil.example:${host.split(':')[1]}`]],
    ['our Host with somebody before it', () => path, () => [`Host: evil.example@${host}`]],
    ['two Hosts, ours first', () => path, () => [`Host: ${host}`, 'Host: evil.example']],
    ['two Hosts, ours last', () => path, () => ['Host: evil.example', `Host: ${host}`]],
    ['no Host', () => path, () => []],
    ['another place as its target', () => `http://evil.example${path}`, () => [`Host: ${host}`]],
    ['our place as its target and another Host', () => server.origin + path, () => ['Host: evil.example']],
  ] as const)('with %s sends no mail', async (_, target, lines) => {
    const { answer, mails } = await send(path, target(), lines());
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
    expect(answer.body).not.toContain('evil.example');
    expect(mails).toEqual([]);
  });

  it('with another place in the headers of proxies sends a mail that leads here', async () => {
    const { answer, email, mails } = await send(path, path, [
      `Host: ${host}`,
      'X-Forwarded-Host: evil.example',
      'X-Forwarded-Proto: https',
      'X-Original-Host: evil.example',
      'Forwarded: host=evil.example;proto=https',
      'Origin: https://evil.example',
      'Referer: https://evil.example/',
    ]);
    expect(answer.status).toBe(200);
    expect(JSON.stringify(mails)).not.toContain('evil.example');
    expect(await latestLink(server, email)).toMatch(new RegExp(`^${server.tenant.issuer}/${words}/`));
  });
});

import { authorize } from '../../support/relying-party.ts';
import { createUserAgent } from '../../support/user-agent.ts';
import { type ArtifactName, sourceId } from './artifacts.ts';
import { type Endpoint, isRedirectTo, okOutcome } from './outcome.ts';
import { redirectUri } from './party.ts';
import { cookie, send } from './requests.ts';

const password = 'Stolen-Link-2026!';

/** The page of a link, and the form on it. */
const links: readonly { path: string; takes: ArtifactName; fields: Record<string, string> }[] = [
  { path: 'invitation', takes: 'invitation link', fields: { password, confirmation: password } },
  {
    path: 'verify-email',
    takes: 'sign-up link',
    fields: { name: 'Mallory', password, confirmation: password },
  },
  { path: 'reset-password', takes: 'password reset link', fields: { password, confirmation: password } },
  { path: 'confirm-email', takes: 'e-mail change link', fields: {} },
];

/** What people see of a tenant, beside the sign-in itself. */
export const pageEndpoints: readonly Endpoint[] = [
  ...links.flatMap(({ path, takes, fields }): Endpoint[] => [
    {
      name: `${path} page`,
      takes: [takes],
      present: async ({ issuer }, { value }) =>
        okOutcome(await send(`${issuer}/${path}/${encodeURIComponent(value)}`)),
    },
    {
      name: `${path} form`,
      takes: [takes],
      async present({ issuer }, { value }) {
        const page = `${issuer}/${path}/${encodeURIComponent(value)}`;
        const [, csrf = value] = /name="csrf" value="([^"]+)"/.exec((await send(page)).text) ?? [];
        return okOutcome(await send(page, { form: { csrf, ...fields } }));
      },
    },
  ]),
  {
    name: 'form of somebody who is not signed in',
    takes: ['form cookie'],
    async present({ issuer }, { value, csrf = value }) {
      const form = { csrf, email: 'somebody@example.com' };
      return okOutcome(await send(`${issuer}/forgotten-password`, { headers: cookie(value), form }));
    },
  },
  {
    name: 'account area, as cookie',
    takes: ['session cookie'],
    present: async ({ issuer }, { value }) =>
      okOutcome(await send(`${issuer}/account`, { headers: cookie(value) })),
  },
  {
    name: 'device page, as user code',
    takes: ['user code'],
    async present({ origin, issuer }, { value }) {
      // Everybody has an address of their own, or the tenant would take them for one who tries out codes.
      const address = Array.from({ length: 4 }, () => 1 + Math.floor(Math.random() * 250)).join('.');
      const browser = createUserAgent(origin, { headers: { 'x-forwarded-for': address } });
      const page = await browser.open(`${issuer}/device`);
      const { status, document } = await browser.submit(page, { user_code: value });
      return { status, accepted: document.querySelector('button[name="confirm"]') !== null };
    },
  },
  {
    name: 'federation callback, as state',
    takes: ['state of a sign-in source'],
    async present({ issuer }, { value }) {
      const query = new URLSearchParams({ state: value, code: 'x' });
      const answer = await send(`${issuer}/federation/${sourceId}/callback?${query}`);
      return { status: answer.status, accepted: isRedirectTo(answer, '/interaction/') };
    },
  },
  {
    name: 'sign-in, as known browser',
    takes: ['device cookie'],
    async present({ origin, issuer, slug, application, admin }, { value }) {
      const [, presented = ''] = /(?:^|; )device=([^;]+)/.exec(value) ?? [];
      const browser = createUserAgent(origin);
      if (presented !== '') await browser.jar.setCookie(`device=${presented}; Path=/${slug}`, issuer);
      const { arrival } = await authorize(application, { redirectUri, user: admin, browser });
      const given = (await browser.jar.getCookies(issuer)).find(({ key }) => key === 'device')?.value ?? '';
      // A browser that is known again keeps the id that it has.
      return { status: arrival.status, accepted: presented !== '' && idOf(given) === idOf(presented) };
    },
  },
];

function idOf(deviceCookie: string): string | undefined {
  const [payload = ''] = deviceCookie.split('.');
  try {
    return (JSON.parse(Buffer.from(payload, 'base64url').toString()) as { id: string }).id;
  } catch {
    return undefined;
  }
}

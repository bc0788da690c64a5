import type { Browser } from 'playwright-core';
import { expect, vi } from 'vitest';
import {
  type ApiAnswer,
  acceptInvitation,
  callApi,
  type OnboardedTenant,
  onboardTenant,
  platformToken,
  readOutbox,
} from '../support/onboarding.ts';
import { type ProductServer, type StartServerOptions, startServer } from '../support/server.ts';
import { type Application, startApplication } from './application.ts';
import { launchBrowser, type Person, patienceMs } from './browser.ts';

/** A tenant with an application that its people come from. */
export interface Place {
  tenant: OnboardedTenant;
  application: Application;
}

/** The product, tenants in it, and a browser to visit them with. */
export interface Product {
  server: ProductServer;
  browser: Browser;
  at(slug: string): Place;
  /** A call to the admin API below `/api/tenants`, as the platform's operator makes it; a refusal throws. */
  manage(method: string, path: string, body?: object): Promise<ApiAnswer['body']>;
  /** Somebody with an account in the tenant; `password` is `goodPassword` when absent. */
  addPerson(
    slug: string,
    email: string,
    more?: { applicationTenant?: string; password?: string },
  ): Promise<void>;
  /** Waits for a mail to the address that has a link with the words in its path. Gives each link out once. */
  mailedLink(email: string, words: string): Promise<string>;
  close(): Promise<void>;
}

/** `localhost`, because browsers give passkeys to nobody else without TLS. */
export async function startProduct(
  slugs: readonly string[],
  options: StartServerOptions = {},
): Promise<Product> {
  const stack = new AsyncDisposableStack();
  try {
    const server = stack.adopt(await startServer({ host: 'localhost', ...options }), (it) => it.close());
    const browser = stack.adopt(await launchBrowser(), (it) => it.close());
    const places = new Map<string, Place>();
    for (const slug of slugs) {
      let tenant: OnboardedTenant | undefined;
      const application = await startApplication(async (redirectUri) => {
        tenant = await onboardTenant(server, { slug, redirectUri, email: 'ada@example.com' });
        return tenant;
      });
      stack.defer(() => application.close());
      places.set(slug, { application, tenant: tenant as OnboardedTenant });
    }
    const token = await platformToken(server);
    const givenOut = new Set<string>();

    const product: Product = {
      server,
      browser,
      at(slug) {
        const place = places.get(slug);
        if (!place) throw new Error(`there is no tenant ${slug}`);
        return place;
      },
      async manage(method, path, body) {
        const headers = method === 'PATCH' ? { 'if-match': '*' } : {};
        const answer = await callApi(server, method, `/api/tenants/${path}`, { token, body, headers });
        if (answer.status >= 300) {
          throw new Error(`${method} ${path}: ${answer.text}`);
        }
        return answer.body;
      },
      async addPerson(slug, email, { password = goodPassword, ...more } = {}) {
        await product.manage('POST', `${slug}/invitations`, { email, name: 'Grace Hopper', ...more });
        await acceptInvitation(server, await product.mailedLink(email, 'invitation'), password);
      },
      async mailedLink(email, words) {
        return vi.waitFor(
          async () => {
            const texts = (await readOutbox(server)).filter(({ to }) => to === email).map(({ text }) => text);
            const links = texts.flatMap((text) => text.match(/https?:\/\/\S+/g) ?? []);
            const link = links.find((url) => url.includes(`/${words}/`) && !givenOut.has(url));
            if (link === undefined) throw new Error(`no link ${words} was mailed to ${email}`);
            givenOut.add(link);
            return link;
          },
          { timeout: patienceMs, interval: 50 },
        );
      },
      close: () => stack.disposeAsync(),
    };
    return product;
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

export const goodPassword = 'Correct-Horse-7-Battery';

/** On the sign-in page. */
export async function givePassword(
  { page }: Person,
  { email, password = goodPassword }: { email: string; password?: string },
): Promise<void> {
  const address = page.getByLabel('E-mail address');
  await address.waitFor();
  if (await address.isEditable()) {
    await address.fill(email);
  }
  if (!(await page.getByLabel('Password').isVisible())) {
    await page.getByRole('button', { name: 'Continue', exact: true }).click();
  }
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
}

/** From the application over password and consent back to it. */
export async function signInTo(
  person: Person,
  { application }: Place,
  user: { email: string; password?: string },
  parameters: Readonly<Record<string, string>> = {},
): Promise<void> {
  await person.page.goto(application.signInUrl(parameters));
  await givePassword(person, user);
  await allow(person);
}

/** On the page that asks for consent. */
export async function allow({ page }: Person): Promise<void> {
  await page.getByRole('button', { name: 'Allow', exact: true }).click();
  await page.getByText('Signed in as').waitFor();
}

/** Nothing is wider than the screen. */
export async function expectToFit({ page }: Person): Promise<void> {
  const overflow = await page.evaluate(
    'document.documentElement.scrollWidth - document.documentElement.clientWidth',
  );
  expect(overflow, page.url()).toBe(0);
}

/** The element has the focus; reached by the Tab key alone. */
export async function tabTo({ page }: Person, name: string): Promise<void> {
  for (let presses = 0; presses < 20; presses += 1) {
    const focused = page.locator(':focus');
    const isThere =
      (await focused.count()) > 0 &&
      (await focused.evaluate(
        (element, text) =>
          [element.textContent?.trim(), element.labels?.[0]?.textContent?.trim()].includes(text),
        name,
      ));
    if (isThere) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`Tab does not lead to ${name} on ${page.url()}`);
}

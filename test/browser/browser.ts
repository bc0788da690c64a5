import axe from 'axe-core';
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from 'playwright-core';
import { expect } from 'vitest';
import { seenViews } from './seen-views.ts';

/** How long a page may take: the machine may be busy with other tests. */
export const patienceMs = 120_000;

/** Debian's Chromium, without everything that it does on the network for itself. */
export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    timeout: patienceMs,
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/** One person's browser. */
export interface Person {
  context: BrowserContext;
  page: Page;
  /** What the browser complained about since the beginning: refused by the content security policy, or thrown by a script. */
  complaints: readonly string[];
  /** Serious accessibility problems (axe-core, WCAG 2.2 A and AA) of every page of ours that was loaded since the beginning. */
  barriers: readonly string[];
}

const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** Runs in every page: looks at it when it has been loaded, and again when asked to. */
const lookScript = `${axe.source}
(() => {
  async function look() {
    const { violations } = await axe.run(document, { runOnly: ${JSON.stringify(rules)}, resultTypes: ['violations'] });
    const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
    const found = serious.map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html).join(' '));
    await reportLook({ view: document.querySelector('main').dataset.view, url: location.href, found });
  }
  let looking = Promise.resolve();
  // One at a time: axe does no two at once.
  window.lookAtPage = () => (looking = looking.then(look));
  addEventListener('load', () => {
    if (window === top && document.querySelector('main[data-view]')) void window.lookAtPage();
  });
})();`;

interface Look {
  view: string;
  url: string;
  found: string[];
}

const people: (Person & { settle(): Promise<void> })[] = [];

/** A browser of its own, with no cookies. */
export async function newPerson(browser: Browser, options: BrowserContextOptions = {}): Promise<Person> {
  const context = await browser.newContext({ locale: 'en-GB', ...options });
  context.setDefaultTimeout(patienceMs);
  const complaints: string[] = [];
  const barriers: string[] = [];
  context.on('console', (message) => {
    if (/content security policy|refused to/i.test(message.text())) {
      complaints.push(message.text());
    }
  });
  context.on('weberror', (error) => complaints.push(String(error.error())));
  await context.exposeBinding('reportLook', (_source, { view, url, found }: Look) => {
    seenViews.add(view);
    barriers.push(...found.map((what) => `${url} ${what}`));
  });
  await context.addInitScript(lookScript);
  const page = await context.newPage();
  const person = {
    context,
    page,
    complaints,
    barriers,
    /** What is still being looked at is looked at; a page that has gone on meanwhile is none. */
    async settle() {
      await Promise.all(
        context.pages().map((each) => each.evaluate('window.lookAtPage?.()').catch(() => {})),
      );
    },
  };
  people.push(person);
  return person;
}

/** Looks at the page as it is now, which it may not have been when it was loaded. */
export async function expectSoundPage({ page, complaints, barriers }: Person): Promise<void> {
  await page.evaluate('window.lookAtPage()');
  expect(barriers, page.url()).toEqual([]);
  expect(complaints, page.url()).toEqual([]);
}

/** Whatever page a test led to, nobody met a barrier and no browser complained. */
export async function expectSoundVisits(): Promise<void> {
  const visited = people.splice(0);
  await Promise.all(visited.map(({ settle }) => settle()));
  await Promise.all(visited.map(({ context }) => context.close()));
  expect(visited.flatMap(({ barriers }) => barriers)).toEqual([]);
  expect(visited.flatMap(({ complaints }) => complaints)).toEqual([]);
}

/** A passkey provider in the browser that agrees to everything. */
export async function addAuthenticator({ context, page }: Person): Promise<void> {
  const devtools = await context.newCDPSession(page);
  await devtools.send('WebAuthn.enable');
  await devtools.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
}

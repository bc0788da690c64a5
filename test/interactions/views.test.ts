import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { parse } from 'node-html-parser';
import { describe, expect, it } from 'vitest';
import { createAssets } from '../../src/web/assets.ts';
import { csrfToken, isCsrfToken } from '../../src/web/csrf.ts';
import { locales } from '../../src/web/i18n/locales.ts';
import { createTexts } from '../../src/web/i18n/texts.ts';
import type { PageLook } from '../../src/web/page-look.ts';
import { createRenderer } from '../../src/web/render.ts';
import type { ViewName } from '../../src/web/views.ts';
import { specOfView } from '../browser/spec-of-view.ts';
import { viewSamples } from './view-samples.ts';

const assets = createAssets({ directory: 'views/assets' });
const render = createRenderer({ viewsDirectory: 'views', assets });

const brand = {
  name: 'Northwind Logistics',
  stylesheet: '/northwind/branding/style-1.css',
  logo: '/northwind/branding/logo-1',
  links: { support: 'https://northwind.example/help', privacy: 'https://northwind.example/privacy' },
};
const cases = (Object.keys(viewSamples) as ViewName[]).flatMap((view) =>
  viewSamples[view].flatMap((data, index) => locales.map((locale) => [view, index, locale, data] as const)),
);

describe.each(cases)('%s (sample %i, %s)', (view, _index, locale, data) => {
  const look: PageLook = { texts: createTexts(locale), brand };
  const html = render(view, data as never, look);
  const document = parse(html);

  it('is a whole page with a language, a title, one heading and one main part', () => {
    expect(html.startsWith('<!doctype html>')).toBe(true);
    expect(document.querySelector('html')?.getAttribute('lang')).toBe(locale);
    expect(document.querySelector('html')?.getAttribute('dir')).toBe(locale === 'ar' ? 'rtl' : 'ltr');
    expect(document.querySelector('title')?.textContent.trim()).toBeTruthy();
    expect(document.querySelectorAll('h1')).toHaveLength(1);
    expect(document.querySelectorAll('main')).toHaveLength(1);
    expect(html).not.toContain('undefined');
  });

  it('labels every field and gives every form its token', () => {
    for (const field of document.querySelectorAll('input:not([type=hidden])')) {
      expect(document.querySelector(`label[for=${field.id}]`)).not.toBeNull();
    }
    for (const form of document.querySelectorAll('form')) {
      expect(form.getAttribute('method')).toBe('post');
      expect(form.querySelector('input[type=hidden]')?.getAttribute('value')).toBeTruthy();
    }
    const ids = document.querySelectorAll('[id]').map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('loads nothing from elsewhere and runs nothing', () => {
    const ownScripts =
      /<script src="\/assets\/(?:webauthn|passkey|hand-over)-[0-9a-f]{16}\.js" defer><\/script>/g;
    expect(html.replace(ownScripts, '')).not.toMatch(/<script|<style|\sstyle=|\son[a-z]+=|javascript:/i);
    for (const element of document.querySelectorAll('[src], link[href]')) {
      expect(element.getAttribute('src') ?? element.getAttribute('href')).toMatch(
        /^\/(assets|northwind\/branding)\//,
      );
    }
  });

  it('prints no value as markup', () => {
    const hostile = <T>(value: T): T =>
      JSON.parse(
        JSON.stringify(value, (_key, member) =>
          typeof member === 'string' ? `"'><i id=x>${member}` : member,
        ),
      );
    const page = render(view, hostile(data) as never, { ...look, brand: hostile(brand) });
    expect(parse(page).querySelectorAll('#x')).toHaveLength(0);
  });
});

describe('colours', () => {
  const css = readFileSync('views/assets/tenantry.css', 'utf8');
  const schemes = [...css.matchAll(/:root \{([^}]*)\}/g)].map(([, block = '']) =>
    Object.fromEntries(
      [...block.matchAll(/--([a-z-]+):\s*(#[0-9a-f]{6})/g)].map(([, name, value]) => [name, value]),
    ),
  ) as Record<string, string>[];
  const text = [
    ['ink', 'card'],
    ['soft', 'card'],
    ['soft', 'ground'],
    ['ink', 'ground'],
    ['accent', 'card'],
    ['on-accent', 'accent'],
    ['on-accent', 'accent-strong'],
    ['on-mark', 'mark'],
    ['alert', 'alert-ground'],
    ['notice', 'notice-ground'],
    ['ink', 'notice-ground'],
  ] as const;
  const parts = [
    ['field-edge', 'field'],
    ['field-edge', 'card'],
    ['ring', 'card'],
  ] as const;

  it.each(['light', 'dark'])('have the contrast that WCAG AA asks for in %s', (name) => {
    const scheme = schemes[name === 'light' ? 0 : 1] ?? {};
    for (const [front, back] of text) {
      expect(contrast(scheme[front] ?? '', scheme[back] ?? ''), `${front} on ${back}`).toBeGreaterThanOrEqual(
        4.5,
      );
    }
    for (const [front, back] of parts) {
      expect(contrast(scheme[front] ?? '', scheme[back] ?? ''), `${front} on ${back}`).toBeGreaterThanOrEqual(
        3,
      );
    }
  });
});

/** WCAG 2.2, contrast ratio. */
function contrast(one: string, other: string): number {
  const [light = 0, dark = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5]
    .map((start) => Number.parseInt(colour.slice(start, start + 2), 16) / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

describe('CSRF tokens', () => {
  it('fit one secret and one form', () => {
    const token = csrfToken('secret', 'form');
    expect(isCsrfToken('secret', 'form', token)).toBe(true);
    expect(isCsrfToken('secret', 'other', token)).toBe(false);
    expect(isCsrfToken('other', 'form', token)).toBe(false);
    for (const wrong of [undefined, '', token.slice(1), `${token}A`]) {
      expect(isCsrfToken('secret', 'form', wrong)).toBe(false);
    }
  });
});

it('knows no asset that is not there', () => {
  expect(() => assets.url('missing.css')).toThrow('missing.css');
});

it('has a sample of every view, and a browser test that looks at it', () => {
  const parts = ['account-notice', 'layout', 'passkey-form', 'problems'];
  const views = readdirSync('views').flatMap((file) => (file.endsWith('.eta') ? [file.slice(0, -4)] : []));
  expect(views.filter((view) => !parts.includes(view)).toSorted()).toEqual(
    Object.keys(viewSamples).toSorted(),
  );
  expect(Object.keys(specOfView).toSorted()).toEqual(Object.keys(viewSamples).toSorted());
  expect(Object.values(specOfView).filter((spec) => !existsSync(`test/browser/${spec}`))).toEqual([]);
});

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { brandStylesheet, colourProblems, surroundings } from '../../src/identity/brand-colours.ts';
import { brandingProblems, createBrandingStore } from '../../src/identity/branding.ts';
import { contrastRatio } from '../../src/identity/contrast.ts';
import { maxLogoBytes, readLogo } from '../../src/identity/logo.ts';
import { createTenantTable } from './identity-table.ts';

describe('colours', () => {
  it('are measured as WCAG does', () => {
    expect(contrastRatio('#ffffff', '#000000')).toBeCloseTo(21, 5);
    expect(contrastRatio('#767676', '#ffffff')).toBeCloseTo(4.54, 2);
    expect(contrastRatio('#ffffff', '#ffffff')).toBe(1);
  });

  it('that cannot be read are refused with the ratio that they have and need', () => {
    expect(colourProblems({ accent: '#777777' })).toEqual([
      { field: 'colours.accent', message: 'has the contrast 4.47 in the light scheme and needs 4.5' },
    ]);
    expect(colourProblems({ accent: '#1f5a55', accentDark: '#1f5a55' })).toEqual([
      { field: 'colours.accentDark', message: expect.stringContaining('dark scheme and needs 4.5') },
    ]);
    expect(colourProblems({ accent: '#1f5a55', accentDark: '#7cc9ba' })).toEqual([]);
  });

  it.each(['#000000', '#0000ff', '#7a0019', '#1f5a55'])('of the dark scheme are made from %s', (accent) => {
    const [, dark = ''] = brandStylesheet({ accent }).split('@media');
    const made = /--accent:(#[0-9a-f]{6})/.exec(dark)?.[1] ?? '';
    const strong = /--accent-strong:(#[0-9a-f]{6})/.exec(dark)?.[1] ?? '';
    expect(colourProblems({ accentDark: made })).toEqual([]);
    expect(colourProblems({ accentDark: strong })).toEqual([]);
  });

  it('stand on what the style sheet of the pages has', () => {
    const css = readFileSync('views/assets/tenantry.css', 'utf8');
    const [light = '', dark = ''] = [...css.matchAll(/:root \{([^}]*)\}/g)].map(([, block = '']) => block);
    expect(light).toContain(`--card: ${surroundings.light.card};`);
    expect(light).toContain(`--on-accent: ${surroundings.light.onAccent};`);
    expect(dark).toContain(`--card: ${surroundings.dark.card};`);
    expect(dark).toContain(`--on-accent: ${surroundings.dark.onAccent};`);
  });
});

it.each(['http://a.example', 'javascript:alert(1)', '//a.example', 'https://user:pw@a.example', 'x'])(
  'refuses the link %s',
  (support) => {
    expect(brandingProblems({ links: { support } })).toEqual([
      { field: 'links.support', message: 'must be an https address' },
    ]);
  },
);

describe('a logo', () => {
  const base64 = (bytes: Buffer | string) => Buffer.from(bytes as string, 'latin1').toString('base64');
  it.each([
    ['\x89PNG\r\n\x1a\nrest', 'image/png'],
    ['\xff\xd8\xff\xe0rest', 'image/jpeg'],
    ['RIFF\x10\0\0\0WEBPrest', 'image/webp'],
  ])('is what its first bytes say: %j', (start, type) => {
    expect(readLogo(base64(start)).type).toBe(type);
  });

  it.each([
    ['<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', 'PNG, JPEG or WebP'],
    ['GIF89a', 'PNG, JPEG or WebP'],
    [' \x89PNG\r\n\x1a\n', 'PNG, JPEG or WebP'],
    ['', 'PNG, JPEG or WebP'],
    [`\x89PNG\r\n\x1a\n${'x'.repeat(maxLogoBytes)}`, 'at most'],
  ])('is refused when it is something else: %#', (content, message) => {
    expect(() => readLogo(base64(content))).toThrow(
      expect.objectContaining({ fields: [{ field: 'data', message: expect.stringContaining(message) }] }),
    );
  });

  it('is not guessed from text that is no base64', () => {
    expect(() => readLogo('iVBORw0KGgo')).toThrow('The logo cannot be used.');
  });

  it('is kept byte for byte, and removed', async () => {
    const store = createBrandingStore(await createTenantTable());
    const logo = readLogo(base64('\x89PNG\r\n\x1a\n\0\xff'));
    await store.putLogo(logo);
    expect(await store.getLogo()).toEqual(logo);
    await store.removeLogo();
    expect(await store.getLogo()).toBeUndefined();
  });
});

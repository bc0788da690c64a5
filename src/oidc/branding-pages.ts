import { createHash } from 'node:crypto';
import type { Context } from 'koa';
import { brandStylesheet } from '../identity/brand-colours.ts';
import type { BrandingStore } from '../identity/branding.ts';
import { defaultLocale, type Locale } from '../web/i18n/locales.ts';
import type { Brand } from '../web/page-look.ts';
import type { PageHandler } from './tenant-pages.ts';

/** A tenant's looks, ready for its pages. */
export interface TenantBrand {
  brand: Brand;
  language: Locale;
  /** Answers the files that the brand names. */
  answerFile: PageHandler;
}

const filePath = /^\/branding\/(?:style-[0-9a-f]{16}\.css|logo-[0-9a-f]{16})$/;

/**
 * Reads the looks once; the runtime is built anew when they change. Files have a hash of their content in their name, so a browser may keep
 * them for ever. The logo is read from the table when asked for: most pages find it in the browser's cache.
 */
export async function loadTenantBrand({
  slug,
  name,
  branding,
}: {
  slug: string;
  /** Of the tenant, when it has set no other to be shown. */
  name: string;
  branding: BrandingStore;
}): Promise<TenantBrand> {
  const [{ displayName, language, colours, links }, logo] = await Promise.all([
    branding.get(),
    branding.getLogo(),
  ]);
  const css = colours && brandStylesheet(colours);
  const stylesheet = css && `/branding/style-${hashOf(css)}.css`;
  const logoPath = logo && `/branding/logo-${logo.hash}`;

  async function answerFile(context: Context, path: string): Promise<boolean> {
    if (!filePath.test(path) || (context.method !== 'GET' && context.method !== 'HEAD')) {
      return false;
    }
    if (path === stylesheet) {
      send(context, 'text/css; charset=utf-8', css ?? '');
      return true;
    }
    const present = await branding.getLogo();
    if (present === undefined || path !== `/branding/logo-${present.hash}`) {
      return false;
    }
    send(context, present.type, present.content);
    return true;
  }

  return {
    brand: {
      name: displayName ?? name,
      ...(stylesheet === undefined ? {} : { stylesheet: `/${slug}${stylesheet}` }),
      ...(logoPath === undefined ? {} : { logo: `/${slug}${logoPath}` }),
      ...(links === undefined ? {} : { links }),
    },
    language: language ?? defaultLocale,
    answerFile,
  };
}

function send(context: Context, type: string, body: string | Buffer): void {
  context.set('Content-Type', type);
  context.set('Cache-Control', 'public, max-age=31536000, immutable');
  context.body = body;
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

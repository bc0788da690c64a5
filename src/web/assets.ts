import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import type { Middleware } from 'koa';

export interface Assets {
  /** The path of an asset under its content's name: `tenantry.css` → `/assets/tenantry-1f2e3d….css`. Unknown names throw. */
  url(name: string): string;
  /** Answers GET and HEAD of exactly those paths; everything else is left to the next middleware. */
  middleware: Middleware;
}

const contentTypes: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Scripts of others that pages load, by the name that they get here. */
const libraries: Readonly<Record<string, URL>> = {
  'webauthn.js': new URL('../dist/bundle/index.umd.min.js', import.meta.resolve('@simplewebauthn/browser')),
};

/**
 * The files of one directory and the libraries, read once and served under names that hold a hash of their content. Such a name can be cached for ever, by
 * everyone: new content gets a new name.
 */
export function createAssets({ directory }: { directory: string }): Assets {
  const urls = new Map<string, string>();
  const files = new Map<string, { type: string; body: Buffer }>();
  const sources = [
    ...readdirSync(directory).map((name) => ({ name, path: join(directory, name) })),
    ...Object.entries(libraries).map(([name, path]) => ({ name, path })),
  ];
  for (const { name, path } of sources) {
    const extension = extname(name);
    const type = contentTypes[extension];
    if (type === undefined) {
      throw new Error(`${path}: no content type is known for ${extension}`);
    }
    const body = readFileSync(path);
    const hash = createHash('sha256').update(body).digest('hex').slice(0, 16);
    const url = `/assets/${name.slice(0, -extension.length)}-${hash}${extension}`;
    urls.set(name, url);
    files.set(url, { type, body });
  }

  return {
    url(name) {
      const url = urls.get(name);
      if (url === undefined) {
        throw new Error(`there is no asset ${name} in ${directory}`);
      }
      return url;
    },
    async middleware(context, next) {
      const file = files.get(context.path);
      if (!file || (context.method !== 'GET' && context.method !== 'HEAD')) {
        return next();
      }
      context.set('Content-Type', file.type);
      context.set('Cache-Control', 'public, max-age=31536000, immutable');
      context.body = file.body;
    },
  };
}

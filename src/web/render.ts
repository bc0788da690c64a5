import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Eta } from 'eta';
import type { Assets } from './assets.ts';
import type { PageLook } from './page-look.ts';
import type { ViewName, Views } from './views.ts';

/** Returns the whole HTML document of a view, in the look's language. Every value is escaped. */
export type Render = <Name extends ViewName>(view: Name, data: Views[Name], look: PageLook) => string;

/** Compiles every view at once, so that a broken one is found at start, and no request reads a file. */
export function createRenderer({
  viewsDirectory,
  assets,
}: {
  viewsDirectory: string;
  assets: Pick<Assets, 'url'>;
}): Render {
  const eta = new Eta({ autoEscape: true });
  for (const file of readdirSync(viewsDirectory)) {
    if (file.endsWith('.eta')) {
      // Eta takes names that begin with `@` from memory only.
      eta.loadTemplate(`@${file.slice(0, -'.eta'.length)}`, readFileSync(join(viewsDirectory, file), 'utf8'));
    }
  }
  const common = {
    stylesheet: assets.url('tenantry.css'),
    icon: assets.url('icon.svg'),
    passkeyScripts: [assets.url('webauthn.js'), assets.url('passkey.js')],
    handOverScript: assets.url('hand-over.js'),
    referenceStylesheet: assets.url('reference.css'),
  };
  return (view, data, { texts, brand }) => {
    const { locale, direction, t, html, time } = texts;
    return eta.render(`@${view}`, { ...common, view, locale, direction, t, html, time, brand, ...data });
  };
}

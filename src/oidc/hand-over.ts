import type { KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { HandOver, ProviderHooks } from './tenant-pages.ts';

/**
 * The provider writes pages of its own that send the browser on by a form: an authorization response by `form_post` (OAuth 2.0 Form Post Response
 * Mode), and a sign-out where nobody is signed in. They have no language and no looks, and a script in their middle; ours take their place.
 */
export function installHandOverPages(
  provider: Provider,
  { renderHandOver }: Pick<ProviderHooks, 'renderHandOver'>,
): void {
  provider.use(async (context: KoaContextWithOIDC, next: () => Promise<void>) => {
    await next();
    const form = typeof context.body === 'string' ? readHandOver(context.body) : undefined;
    if (form) {
      renderHandOver(context, form);
    }
  });
}

/** Reads the page as the pinned version of the provider writes it (`lib/response_modes/form_post.js`). */
function readHandOver(html: string): HandOver | undefined {
  const action = /<form method="post" action="([^"]*)">/.exec(html)?.[1];
  if (action === undefined || !html.includes('document.forms[0].submit()')) {
    return undefined;
  }
  const fields = html.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"\/>/g);
  return {
    action: plain(action),
    fields: [...fields].map(([, name = '', value = '']) => ({ name, value: plain(value) })),
  };
}

const characters: Readonly<Record<string, string>> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#39;': "'",
};

function plain(text: string): string {
  return text.replace(/&(?:amp|lt|gt|quot|#39);/g, (entity) => characters[entity] ?? entity);
}

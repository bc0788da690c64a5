import type { Context } from 'koa';

/**
 * What led a person to a page that stands outside of an interaction. It travels in the page's query, through forms, so every part may be
 * anything that somebody put there: none of it is an address, and none gives a right to anything.
 */
export interface WayBack {
  /** Uid of the interaction to return to; the browser must hold its cookie as well. */
  interaction?: string;
  /** Of an application tenant, id or slug. */
  organization?: string;
  /** As in the authorization request. */
  uiLocales?: string;
}

const forms = {
  interaction: /^[A-Za-z0-9_-]{1,64}$/,
  organization: /^[A-Za-z0-9_-]{1,64}$/,
  uiLocales: /^[A-Za-z0-9 -]{1,100}$/,
} as const;

const parameters = {
  interaction: 'interaction',
  organization: 'organization',
  uiLocales: 'ui_locales',
} as const;

type Part = keyof typeof forms;

const parts = Object.keys(forms) as Part[];

/** Whatever has not the right form is left out. */
export function readWayBack({ query }: Pick<Context, 'query'>): WayBack {
  return pick((part) => query[parameters[part]]);
}

/** Of what was kept with a link. */
export function wayBackOfLink(data: Readonly<Record<string, string>>): WayBack {
  return pick((part) => data[part]);
}

/** The path with the way back as its query. */
export function withWayBack(path: string, wayBack: WayBack): string {
  const query = new URLSearchParams();
  for (const part of parts) {
    const value = wayBack[part];
    if (value !== undefined) {
      query.set(parameters[part], value);
    }
  }
  return query.size === 0 ? path : `${path}?${query}`;
}

function pick(find: (part: Part) => unknown): WayBack {
  const found: WayBack = {};
  for (const part of parts) {
    const value = find(part);
    if (typeof value === 'string' && forms[part].test(value)) {
      found[part] = value;
    }
  }
  return found;
}

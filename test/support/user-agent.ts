import { type HTMLElement, parse } from 'node-html-parser';
import { CookieJar } from 'tough-cookie';

/** What the user agent arrived at: a page, or a redirect that left the server. */
export interface Arrival {
  url: URL;
  status: number;
  headers: Headers;
  body: string;
  document: HTMLElement;
}

/**
 * A browser without scripts: keeps cookies by RFC 6265 rules, follows redirects on one origin, fills in forms by their field names. A redirect
 * to another origin, or to a path that `stopAt` accepts, is not followed: it is how an authorization response reaches the client.
 */
export function createUserAgent(
  origin: string,
  {
    stopAt = (_url: URL): boolean => false,
    headers: always = {},
  }: { stopAt?: (url: URL) => boolean; headers?: Readonly<Record<string, string>> } = {},
) {
  const jar = new CookieJar();

  async function request(target: URL, init: RequestInit = {}): Promise<Arrival> {
    let url = target;
    let options = init;
    for (let hop = 0; hop < 20; hop += 1) {
      const headers = new Headers({ ...always, ...Object.fromEntries(new Headers(options.headers)) });
      const cookies = await jar.getCookieString(url.href);
      if (cookies) headers.set('cookie', cookies);
      headers.set('accept', 'text/html');
      const response = await fetch(url, { ...options, headers, redirect: 'manual' });
      for (const cookie of response.headers.getSetCookie()) {
        await jar.setCookie(cookie, url.href, { ignoreError: false });
      }
      const location = response.headers.get('location');
      if (location === null) {
        const body = await response.text();
        return { url, status: response.status, headers: response.headers, body, document: parse(body) };
      }
      await response.body?.cancel();
      url = new URL(location, url);
      if (url.origin !== origin || stopAt(url)) {
        return { url, status: response.status, headers: response.headers, body: '', document: parse('') };
      }
      options = {};
    }
    throw new Error(`too many redirects at ${url.pathname}`);
  }

  return {
    jar,
    open: (url: string | URL) => request(new URL(url, origin)),

    /**
     * Submits the page's form (the one that holds `button`, if given) with its own hidden fields, `values`, and that button. Forms that
     * wait for a script stay hidden, and nobody submits them.
     */
    submit(page: Arrival, values: Record<string, string> = {}, button?: string): Promise<Arrival> {
      const forms = page.document.querySelectorAll('form:not([hidden])');
      const form =
        button === undefined
          ? forms[0]
          : forms.find((candidate) => candidate.querySelector(`button[name="${button.split('=')[0]}"]`));
      return submitForm(page, form, values, button);
    },

    /** Submits the form whose action ends with `/<name>`, hidden or not, as a script would. */
    submitTo(page: Arrival, name: string, values: Record<string, string> = {}): Promise<Arrival> {
      return submitForm(page, page.document.querySelector(`form[action$="/${name}"]`), values);
    },
  };

  function submitForm(
    page: Arrival,
    form: HTMLElement | null | undefined,
    values: Record<string, string>,
    button?: string,
  ): Promise<Arrival> {
    if (!form)
      throw new Error(
        `no form on ${page.url.pathname} (${page.status}): ${page.document.textContent.trim().slice(0, 400)}`,
      );
    const body = new URLSearchParams();
    for (const field of form.querySelectorAll('input')) {
      const name = field.getAttribute('name');
      if (name && (field.getAttribute('type') !== 'checkbox' || field.hasAttribute('checked'))) {
        body.set(name, field.getAttribute('value') ?? '');
      }
    }
    for (const [name, value] of Object.entries(values)) body.set(name, value);
    if (button !== undefined) {
      const [name = '', value = ''] = button.split('=');
      body.set(name, value);
    }
    const action = new URL(form.getAttribute('action') || page.url.href, page.url);
    return request(action, { method: 'POST', body });
  }
}

export type UserAgent = ReturnType<typeof createUserAgent>;

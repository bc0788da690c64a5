import { isIPv4, isIPv6 } from 'node:net';
import { Secret } from '../kernel/secret.ts';

/** One row of the table of settings: how it reads, what it means, what it is when nobody sets it. */
export interface Setting<T> {
  description: string;
  /** What a value must be; completes the sentence "NAME must be …". */
  values: string;
  /** Undefined when the text is no valid value. */
  parse(text: string): T | undefined;
  /** In the form in which it would be set. */
  fallback?: string;
  /** Says what happens without a value when that is not one fixed value. */
  otherwise?: string;
  secret?: true;
}

/** `message` continues the sentence that `name` begins. */
export interface SettingsProblem {
  name: string;
  message: string;
}

type About = Pick<Setting<unknown>, 'description' | 'otherwise'>;

export function wholeNumber({
  min,
  max,
  ...about
}: About & { min: number; max: number; fallback: string }): Setting<number> {
  return {
    ...about,
    values: `a whole number from ${min} to ${max}`,
    parse(text) {
      const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
      return value >= min && value <= max ? value : undefined;
    },
  };
}

export function oneOf<const T extends string>(
  options: readonly T[],
  about: About & { fallback?: NoInfer<T> },
): Setting<T> {
  return {
    ...about,
    values: options.map((option) => `\`${option}\``).join(' or '),
    parse: (text) => options.find((option) => option === text),
  };
}

export function matching(
  pattern: RegExp,
  values: string,
  about: About & { fallback?: string },
): Setting<string> {
  return { ...about, values, parse: (text) => (pattern.test(text) ? text : undefined) };
}

/** An origin: scheme, host and port, nothing after. */
export function origin(about: About): Setting<URL> {
  return {
    ...about,
    values: 'an http or https URL without a path, such as `https://id.example.com`',
    parse(text) {
      const url = URL.parse(text);
      const bare =
        url &&
        ['http:', 'https:'].includes(url.protocol) &&
        url.hostname !== '' &&
        url.href === `${url.origin}/`;
      return bare ? url : undefined;
    },
  };
}

/** AWS itself, or a server that speaks its protocol. */
export function awsEndpoint(about: About & { fallback?: string }): Setting<URL | 'aws'> {
  const url = origin(about);
  return {
    ...url,
    values: '`aws` for AWS in `AWS_REGION`, or an http or https URL without a path',
    parse: (text) => (text === 'aws' ? text : url.parse(text)),
  };
}

export function databaseUrl(about: About): Setting<Secret> {
  return {
    ...about,
    secret: true,
    values: 'a URL such as `postgres://user:password@host:5432/database`',
    parse(text) {
      const url = URL.parse(text);
      return url && ['postgres:', 'postgresql:'].includes(url.protocol) && url.hostname !== ''
        ? new Secret(text)
        : undefined;
    },
  };
}

/** A key of exactly `size` bytes in base64 or base64url. */
export function key(size: number, about: About): Setting<Secret> {
  return {
    ...about,
    secret: true,
    values: `${size} random bytes in base64`,
    parse(text) {
      const wellFormed = /^[\w+/-]+={0,2}$/.test(text) && Buffer.from(text, 'base64').length === size;
      return wellFormed ? new Secret(text) : undefined;
    },
  };
}

/** Where mail is handed over: `smtps` for TLS from the start, `smtp` for STARTTLS. */
export function smtpUrl(about: About): Setting<Secret> {
  return {
    ...about,
    secret: true,
    values: 'a URL such as `smtps://user:password@mail.example.com:465`',
    parse(text) {
      const url = URL.parse(text);
      return url && ['smtp:', 'smtps:'].includes(url.protocol) && url.hostname !== ''
        ? new Secret(text)
        : undefined;
    },
  };
}

/** A secret that other systems are given, long enough not to be guessed. */
export function sharedSecret(minLength: number, about: About): Setting<Secret> {
  return {
    ...about,
    secret: true,
    values: `at least ${minLength} characters of a bearer token`,
    parse: (text) => (text.length >= minLength && /^[\w.~+/-]+=*$/.test(text) ? new Secret(text) : undefined),
  };
}

/** Separated by commas. */
export function hostList(about: About): Setting<readonly string[]> {
  return {
    ...about,
    values: 'hosts, each with or without a port, separated by commas',
    parse(text) {
      const hosts = text.split(',').map((host) => host.trim().toLowerCase());
      return hosts.every((host) => /^(\[[0-9a-f:]+\]|[a-z0-9.-]+)(:\d{1,5})?$/.test(host))
        ? hosts
        : undefined;
    },
  };
}

/** Hosts of the deployment's own, and ranges of addresses with their prefix. */
export function placeList(about: About): Setting<readonly string[]> {
  const hosts = hostList(about);
  return {
    ...about,
    values:
      'hosts, each with or without a port, and address ranges such as `10.1.0.0/16`, separated by commas',
    parse(text) {
      const places = text.split(',').map((place) => place.trim().toLowerCase());
      return places.every((place) =>
        place.includes('/') ? isRange(place) : hosts.parse(place) !== undefined,
      )
        ? places
        : undefined;
    },
  };
}

function isRange(text: string): boolean {
  const [network = '', prefix = ''] = text.split('/');
  const bits = isIPv4(network) ? 32 : isIPv6(network) ? 128 : 0;
  return bits > 0 && /^\d{1,3}$/.test(prefix) && Number(prefix) <= bits;
}

/** Of an administrator; the databases of a server cannot be told apart by access rules, so there is no choice of one. */
export function redisUrl(about: About): Setting<Secret> {
  return {
    ...about,
    secret: true,
    values: 'a URL such as `rediss://user:password@host:6379`, without a database number',
    parse(text) {
      const url = URL.parse(text);
      const fit =
        url &&
        ['redis:', 'rediss:'].includes(url.protocol) &&
        url.hostname !== '' &&
        ['', '/'].includes(url.pathname);
      return fit ? new Secret(text) : undefined;
    },
  };
}

/** One service of a template. */
export interface TemplatePartSetting {
  /** `backend`. */
  part: string;
  service: string;
  /** `/api/*`; absent: every path that no other part takes. */
  path?: string;
}

/** A part's name ends up in names of at most 32 characters. */
const templatePart = /^([a-z]{1,8})=([\w-]{1,255})(?::(\/[\w./*?$-]{0,126}))?$/;

export function templateParts(about: About): Setting<readonly TemplatePartSetting[]> {
  return {
    ...about,
    values:
      'parts such as `backend=my-api:/api/*,frontend=my-web`, each a name of up to 8 letters, a service, and for all but one a path',
    parse(text) {
      const parts = text.split(',').flatMap((each): TemplatePartSetting[] => {
        const [, part, service, path] = templatePart.exec(each.trim()) ?? [];
        return part && service ? [{ part, service, ...(path === undefined ? {} : { path }) }] : [];
      });
      const complete = parts.length === text.split(',').length;
      const distinct = new Set(parts.map(({ part }) => part)).size === parts.length;
      const withoutPath = parts.filter(({ path }) => path === undefined).length;
      return complete && distinct && withoutPath === 1 ? parts : undefined;
    },
  };
}

import { AppError } from '../../kernel/errors.ts';
import type { Answer } from '../answer.ts';
import { ScimError } from './scim-error.ts';

/** A resource as it is sent: attributes in RFC 7643's names. */
export type ScimResource = Record<string, unknown> & {
  schemas: string[];
  id: string;
  meta: { resourceType: string; created: string; lastModified: string; location: string; version: string };
};

export function metaOf(
  resourceType: 'User' | 'Group',
  base: string,
  {
    id,
    createdAt,
    updatedAt,
    version,
  }: { id: string; createdAt: string; updatedAt: string; version: string },
): ScimResource['meta'] {
  return {
    resourceType,
    created: createdAt,
    lastModified: updatedAt,
    location: `${base}/${resourceType}s/${id}`,
    version: `W/"${version}"`,
  };
}

export function showResource(
  resource: ScimResource,
  query: Readonly<Record<string, string>>,
  status = 200,
): Answer {
  return {
    status,
    headers: { ETag: resource.meta.version, Location: resource.meta.location },
    body: project(resource, query),
  };
}

/** `attributes` and `excludedAttributes` (RFC 7644 §3.9), by top-level attribute. */
export function project(resource: ScimResource, query: Readonly<Record<string, string>>): object {
  const wanted = namesIn(query.attributes);
  const unwanted = namesIn(query.excludedAttributes);
  return Object.fromEntries(
    Object.entries(resource).filter(([name]) => {
      const always = name === 'schemas' || name === 'id';
      const key = name.toLowerCase();
      return always || ((wanted.size === 0 || wanted.has(key)) && !unwanted.has(key));
    }),
  );
}

/** Whether the client wants to see the attribute. */
export function isShown(attribute: string, query: Readonly<Record<string, string>>): boolean {
  const wanted = namesIn(query.attributes);
  return (wanted.size === 0 || wanted.has(attribute)) && !namesIn(query.excludedAttributes).has(attribute);
}

function namesIn(list = ''): Set<string> {
  const names = list.split(',').map(
    (name) =>
      name
        .trim()
        .replace(/^urn:.*:/, '')
        .split(/[.[]/, 1)[0] ?? '',
  );
  return new Set(names.filter((name) => name !== '').map((name) => name.toLowerCase()));
}

const maxCount = 200;

/** Where a list begins, from 1, and how much of it is wanted (RFC 7644 §3.4.2.4). */
export function pageOf({ startIndex, count }: Readonly<Record<string, string>>) {
  const number = (name: string, text: string | undefined, otherwise: number) => {
    if (text === undefined) return otherwise;
    if (!/^-?[0-9]{1,9}$/.test(text)) throw new ScimError('invalidValue', `${name} must be a number.`);
    return Number(text);
  };
  return {
    startIndex: Math.max(1, number('startIndex', startIndex, 1)),
    count: Math.min(maxCount, Math.max(0, number('count', count, 100))),
  };
}

export function listAnswer(
  resources: readonly object[],
  { totalResults, startIndex }: { totalResults: number; startIndex: number },
): Answer {
  return {
    status: 200,
    body: {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'],
      totalResults,
      startIndex,
      itemsPerPage: resources.length,
      Resources: resources,
    },
  };
}

export function assertVersion(ifMatch: readonly string[] | undefined, version: string): void {
  if (ifMatch !== undefined && !ifMatch.includes(version)) {
    throw new AppError('precondition_failed', 'The resource has another version by now.');
  }
}

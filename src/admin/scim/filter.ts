import { type Filter, filter, parse } from 'scim2-parse-filter';
import { ScimError } from './scim-error.ts';

export interface ScimFilter {
  matches(resource: object): boolean;
  /** The value that the attribute must have for anything to match, when the filter says so by itself; attribute in lower case. */
  equalTo(attribute: string): string | undefined;
  /** The same for the text that it must begin with. */
  beginsWith(attribute: string): string | undefined;
}

const maxLength = 1_000;

/** RFC 7643 §2.2: these compare letter for letter, other text does not mind case. */
const exact = ['id', 'externalid'];

/** A filter of RFC 7644 §3.4.2.2; `invalidFilter` for text that is none. */
export function parseScimFilter(text: string): ScimFilter {
  const parsed = parseFolded(text);
  const conjuncts = parsed.op === 'and' ? parsed.filters : [parsed];
  const test = filter(parsed);

  function required(op: 'eq' | 'sw', attribute: string): string | undefined {
    for (const part of conjuncts) {
      if (part.op === op && 'compValue' in part && part.attrPath.toLowerCase() === attribute) {
        return typeof part.compValue === 'string' ? part.compValue : undefined;
      }
    }
    return undefined;
  }

  return {
    matches: (resource) => test(fold(resource)),
    equalTo: (attribute) => required('eq', attribute),
    beginsWith: (attribute) => required('sw', attribute),
  };
}

function parseFolded(text: string): Filter {
  if (text.length > maxLength) {
    throw new ScimError('invalidFilter', `A filter has at most ${maxLength} characters.`);
  }
  try {
    return foldFilter(parse(text));
  } catch (error) {
    if (error instanceof ScimError) {
      throw error;
    }
    throw new ScimError('invalidFilter', 'The filter cannot be read.');
  }
}

function foldFilter(part: Filter): Filter {
  switch (part.op) {
    case 'and':
    case 'or':
      return { ...part, filters: part.filters.map(foldFilter) };
    case 'not':
      return { ...part, filter: foldFilter(part.filter) };
    case '[]':
      return { ...part, attrPath: coreName(part.attrPath), valFilter: foldFilter(part.valFilter) };
    case 'pr':
      return { ...part, attrPath: coreName(part.attrPath) };
    default: {
      const attrPath = coreName(part.attrPath);
      const { compValue } = part;
      const folded =
        typeof compValue === 'string' && !exact.includes(attrPath.toLowerCase())
          ? compValue.toLowerCase()
          : compValue;
      return { ...part, attrPath, compValue: folded };
    }
  }
}

/** Attributes may be named with the URN of a core schema. */
function coreName(path: string): string {
  return path.replace(/^urn:ietf:params:scim:schemas:core:2\.0:(?:User|Group):/i, '');
}

function fold(value: unknown, name = ''): unknown {
  if (typeof value === 'string') {
    return exact.includes(name.toLowerCase()) ? value : value.toLowerCase();
  }
  if (Array.isArray(value)) {
    return value.map((item) => fold(item));
  }
  return typeof value === 'object' && value !== null
    ? Object.fromEntries(Object.entries(value).map(([key, member]) => [key, fold(member, key)]))
    : value;
}

import type { JsonSchema } from './components.ts';

/** One member of an object, as a line of a table. */
export interface MemberRow {
  /** From the outermost object: `steps[].name`. */
  name: string;
  type: string;
  /** The component that the type is. */
  component?: string;
  required: boolean;
  note: string;
}

/** The members of an object schema, those of objects inside it in their places; of what is no object, none. */
export function membersOf(schema: JsonSchema, prefix = ''): MemberRow[] {
  const { properties = {}, required = [] } = schema as {
    properties?: Record<string, JsonSchema>;
    required?: string[];
  };
  return Object.entries(properties).flatMap(([name, member]) => {
    const path = `${prefix}${name}`;
    return [
      { ...typeOf(member), name: path, required: required.includes(name), note: noteOf(member) },
      ...membersInside(member, path),
    ];
  });
}

function membersInside(schema: JsonSchema, path: string): MemberRow[] {
  const { items, anyOf } = schema as { items?: JsonSchema; anyOf?: JsonSchema[] };
  if (items !== undefined) {
    return membersInside(items, `${path}[]`);
  }
  // Of a choice only one alternative has members: the other is null.
  const inner = anyOf?.find(({ properties }) => properties !== undefined) ?? schema;
  return membersOf(inner, `${path}.`);
}

/** A type in words, and the component that it leads to. */
export function typeOf(schema: JsonSchema): { type: string; component?: string } {
  const { $ref, items, anyOf, type, format } = schema as {
    $ref?: string;
    items?: JsonSchema;
    anyOf?: JsonSchema[];
    type?: string;
    format?: string;
  };
  if ($ref !== undefined) {
    const component = $ref.split('/').at(-1) ?? '';
    return { type: component, component };
  }
  if (items !== undefined) {
    const { type: each, ...rest } = typeOf(items);
    return { ...rest, type: `list of ${each}` };
  }
  if (anyOf !== undefined) {
    const alternatives = anyOf.map(typeOf);
    const component = alternatives.find((one) => one.component !== undefined)?.component;
    return {
      type: alternatives.map((one) => one.type).join(' or '),
      ...(component === undefined ? {} : { component }),
    };
  }
  if (schema.const !== undefined || Array.isArray(schema.enum)) {
    const choices = (schema.enum as unknown[] | undefined) ?? [schema.const];
    return { type: choices.map((choice) => JSON.stringify(choice)).join(' | ') };
  }
  return { type: [type ?? 'anything', format === undefined ? '' : ` (${format})`].join('') };
}

const bounds: readonly [keyword: string, words: string][] = [
  ['minLength', 'at least {} characters'],
  ['maxLength', 'at most {} characters'],
  ['minimum', 'at least {}'],
  ['maximum', 'at most {}'],
  ['minItems', 'at least {} items'],
  ['maxItems', 'at most {} items'],
];

function noteOf(schema: JsonSchema): string {
  const notEmpty = schema.minLength === 1 || schema.minItems === 1;
  const limits = bounds
    .filter(([keyword]) => schema[keyword] !== undefined && !(notEmpty && schema[keyword] === 1))
    .map(([keyword, words]) => words.replace('{}', String(schema[keyword])));
  const description = typeof schema.description === 'string' ? [schema.description] : [];
  return [...description, ...(notEmpty ? ['not empty'] : []), ...limits].join('; ');
}

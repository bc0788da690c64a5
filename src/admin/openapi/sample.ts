import type { JsonSchema } from './components.ts';

/** A value that fits the schema, with the members that must be there and those that say what they look like. For examples. */
export function sampleOf(schema: object): unknown {
  const {
    type,
    examples,
    default: standard,
    const: only,
    enum: choices,
    anyOf,
    ...rest
  } = schema as JsonSchema;
  if (Array.isArray(examples)) {
    return examples[0];
  }
  if (standard !== undefined || only !== undefined) {
    return standard ?? only;
  }
  if (Array.isArray(choices)) {
    return choices[0];
  }
  if (Array.isArray(anyOf)) {
    return sampleOf(anyOf[0] as object);
  }
  switch (type) {
    case 'object':
      return sampleObject(rest);
    case 'array':
      return Number(rest.minItems ?? 0) > 0 ? [sampleOf(rest.items as object)] : [];
    case 'integer':
    case 'number':
      return rest.minimum ?? 1;
    case 'boolean':
      return true;
    case 'null':
      return null;
    default:
      return sampleText(rest);
  }
}

function sampleObject({ properties, required }: JsonSchema): object {
  const needed = Array.isArray(required) ? required : [];
  return Object.fromEntries(
    Object.entries((properties ?? {}) as Record<string, JsonSchema>)
      .filter(([name, schema]) => needed.includes(name) || schema.examples !== undefined)
      .map(([name, schema]) => [name, sampleOf(schema)]),
  );
}

function sampleText({ format, minLength }: JsonSchema): string {
  switch (format) {
    case 'date-time':
      return '2026-01-01T09:00:00Z';
    case 'uri':
      return 'https://example.com';
    default:
      return 'text'.padEnd(Number(minLength ?? 0), 'x');
  }
}

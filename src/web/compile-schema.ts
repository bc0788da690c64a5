import { Ajv, type ErrorObject } from 'ajv';
import addFormats from 'ajv-formats';
import type { Static, TSchema } from 'typebox';
import { AppError, type FieldError } from '../kernel/errors.ts';
import { isTimestamp } from '../kernel/timestamp.ts';

/** Returns the value when it fits; otherwise throws `AppError('validation_failed')` with every problem of every field (B9). */
export type Validate<T> = (value: unknown) => T;

/** More problems than anyone reads; a body made of nothing but wrong members would give thousands. */
const maxProblems = 100;

export interface CompileOptions<Schema extends TSchema> {
  schema: Schema;
  /** What the schema cannot say. Is given the value without the members that the schema refuses, so any of them may be missing. */
  problems?: (value: Partial<Static<Schema>>) => FieldError[];
  /** For query strings: `"20"` counts as the number 20. */
  coerce?: boolean;
}

/** Shared by all schemas: each knows the formats and the schema of schemas, which take longer to compile than most of ours. */
const strict = createAjv({ coerceTypes: false });
const coercing = createAjv({ coerceTypes: true });

/** Compiles a schema once; unknown members are refused where the schema says so, which all of ours do. */
export function compileSchema<Schema extends TSchema>(
  options: CompileOptions<Schema>,
): Validate<Static<Schema>> {
  const fits = (options.coerce ? coercing : strict).compile<Static<Schema>>(options.schema);
  const problems = options.problems ?? (() => []);

  return (value) => {
    if (fits(value)) {
      refuse(problems(value as Partial<Static<Schema>>));
      return value;
    }
    const found = dropAlternatives(fits.errors ?? []).map(toFieldError);
    const rest = structuredClone(value) as Partial<Static<Schema>>;
    for (const { field } of found) {
      remove(rest, field.split('.'));
    }
    refuse([
      ...found,
      ...problems(rest).filter((problem) => !found.some((other) => overlaps(other, problem))),
    ]);
    throw new Error('a value that does not fit has no problem');
  };
}

function createAjv({ coerceTypes }: { coerceTypes: boolean }): Ajv {
  const ajv = new Ajv({ allErrors: true, verbose: true, coerceTypes });
  addFormats.default(ajv);
  return ajv.addFormat('date-time', isTimestamp);
}

function refuse(problems: readonly FieldError[]): void {
  if (problems.length > 0) {
    throw new AppError('validation_failed', 'Some fields are not valid.', {
      fields: problems.slice(0, maxProblems),
    });
  }
}

/** Of a choice, one problem tells it all; those of its single alternatives would only confuse. */
function dropAlternatives(errors: readonly ErrorObject[]): ErrorObject[] {
  return errors.filter(({ schemaPath }) => !schemaPath.includes('/anyOf/'));
}

function toFieldError(error: ErrorObject): FieldError {
  const parents = error.instancePath.split('/').slice(1).map(unescapePointer);
  const { missingProperty, additionalProperty } = error.params as Record<string, string | undefined>;
  const own = missingProperty ?? additionalProperty;
  return {
    field: [...parents, ...(own === undefined ? [] : [own])].join('.'),
    message: messageOf(error),
  };
}

function messageOf({ keyword, message, params, parentSchema }: ErrorObject): string {
  switch (keyword) {
    case 'required':
      return 'is required';
    case 'additionalProperties':
      return 'is not a known field';
    case 'enum':
      return `must be one of: ${(params.allowedValues as unknown[]).join(', ')}`;
    case 'anyOf':
      return `must be one of: ${alternatives(parentSchema).join(', ')}`;
    case 'format':
      return params.format === 'date-time'
        ? 'must be a date and time (RFC 3339)'
        : (message ?? 'is not valid');
    case 'pattern':
      return `must be ${parentSchema?.description ?? 'of the right form'}`;
    default:
      return message ?? 'is not valid';
  }
}

function alternatives(schema: ErrorObject['parentSchema']): unknown[] {
  return ((schema?.anyOf ?? []) as { const?: unknown; type?: unknown }[]).map(
    (alternative) => alternative.const ?? alternative.type,
  );
}

function unescapePointer(segment: string): string {
  return segment.replaceAll('~1', '/').replaceAll('~0', '~');
}

/** Removes the member at `path`; of an array the whole array goes, because the places of its items have meaning. */
function remove(root: unknown, path: readonly string[]): void {
  let target = root;
  for (const [index, name] of path.entries()) {
    if (typeof target !== 'object' || target === null) {
      return;
    }
    const members = target as Record<string, unknown>;
    if (index === path.length - 1 || Array.isArray(members[name])) {
      delete members[name];
      return;
    }
    target = members[name];
  }
}

function overlaps(a: FieldError, b: FieldError): boolean {
  return a.field === b.field || a.field.startsWith(`${b.field}.`) || b.field.startsWith(`${a.field}.`);
}

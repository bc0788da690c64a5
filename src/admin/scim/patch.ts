import { type ScimPatchOperation, scimPatch } from 'scim-patch';
import type { JsonBody } from '../../web/body.ts';
import type { ScimResource } from './resource.ts';
import { ScimError } from './scim-error.ts';
import { isObject } from './user-resource.ts';

export interface PatchOperation {
  op: 'add' | 'remove' | 'replace';
  path?: string;
  value?: unknown;
}

const maxOperations = 200;

/** The operations of a PATCH request (RFC 7644 §3.5.2). Their names may be in any case: some clients capitalise them. */
export function readOperations(body: JsonBody): PatchOperation[] {
  const operations: unknown = body.Operations;
  if (!Array.isArray(operations) || operations.length === 0 || operations.length > maxOperations) {
    throw new ScimError('invalidSyntax', `Operations must be a list of 1 to ${maxOperations}.`);
  }
  return operations.map((operation: unknown) => {
    const { op, path, value } = isObject(operation) ? operation : {};
    const name = typeof op === 'string' ? op.toLowerCase() : '';
    if (name !== 'add' && name !== 'remove' && name !== 'replace') {
      throw new ScimError('invalidSyntax', 'op must be add, remove or replace.');
    }
    if (path !== undefined && (typeof path !== 'string' || path.length > 500)) {
      throw new ScimError('invalidPath', 'path must be text of at most 500 characters.');
    }
    if (name === 'remove' && path === undefined) {
      throw new ScimError('noTarget', 'remove needs a path.');
    }
    assertHarmless([path ?? '', ...namesIn(value)]);
    return { op: name, ...(path === undefined ? {} : { path }), value };
  });
}

/** The resource after the operations. */
export function patchResource(resource: ScimResource, operations: readonly PatchOperation[]): ScimResource {
  try {
    const copy = structuredClone(resource) as unknown as Parameters<typeof scimPatch>[0];
    return scimPatch(copy, operations as ScimPatchOperation[], { treatMissingAsAdd: true }) as never;
  } catch (error) {
    throw new ScimError(
      'invalidPath',
      error instanceof Error ? error.message.slice(0, 300) : 'The operation cannot be done.',
    );
  }
}

/** Paths are walked by name; none may leave the resource by way of a prototype. */
function assertHarmless(paths: readonly string[]): void {
  if (paths.some((path) => /__proto__|constructor|prototype/i.test(path))) {
    throw new ScimError('invalidPath', 'There is no such attribute.');
  }
}

function namesIn(value: unknown): string[] {
  if (Array.isArray(value)) {
    return value.flatMap(namesIn);
  }
  return isObject(value) ? Object.entries(value).flatMap(([name, member]) => [name, ...namesIn(member)]) : [];
}

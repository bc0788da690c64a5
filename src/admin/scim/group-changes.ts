import { readDisplayName, readExternalId, readMembers } from './group-resource.ts';
import type { PatchOperation } from './patch.ts';
import { ScimError } from './scim-error.ts';
import { isObject } from './user-resource.ts';

/** What a request wants of a group. Members are named one by one, so that a change of one never reads or writes the others. */
export interface GroupChanges {
  displayName?: string;
  /** `null` takes it away. */
  externalId?: string | null;
  add: Set<string>;
  remove: Set<string>;
  /** Present: exactly these, beside `add` and `remove`. */
  exactly?: Set<string>;
}

const memberPath = /^members\[\s*value\s+eq\s+"([^"\\]{1,100})"\s*\]$/i;

/** RFC 7644 §3.5.2, of groups. */
export function readGroupChanges(operations: readonly PatchOperation[]): GroupChanges {
  const changes: GroupChanges = { add: new Set(), remove: new Set() };
  for (const { op, path, value } of operations) {
    if (path !== undefined) {
      applyAt(changes, op, path.replace(/^urn:ietf:params:scim:schemas:core:2\.0:Group:/i, ''), value);
    } else if (isObject(value)) {
      for (const [name, member] of Object.entries(value)) {
        if (!['id', 'schemas', 'meta'].includes(name)) applyAt(changes, op, name, member);
      }
    } else {
      throw new ScimError('invalidValue', 'An operation without a path needs an object as its value.');
    }
  }
  return changes;
}

function applyAt(changes: GroupChanges, op: PatchOperation['op'], path: string, value: unknown): void {
  const [, member] = memberPath.exec(path) ?? [];
  if (member !== undefined) {
    if (op !== 'remove') throw new ScimError('invalidPath', 'A single member can be removed only.');
    leave(changes, member);
    return;
  }
  switch (path.toLowerCase()) {
    case 'displayname':
      if (op === 'remove') throw new ScimError('invalidValue', 'displayName is required.');
      changes.displayName = readDisplayName(value);
      return;
    case 'externalid':
      changes.externalId = op === 'remove' ? null : (readExternalId(value) ?? null);
      return;
    case 'members':
      changeMembers(changes, op, value);
      return;
    default:
      throw new ScimError('invalidPath', `There is no attribute ${path.slice(0, 100)} to change.`);
  }
}

function changeMembers(changes: GroupChanges, op: PatchOperation['op'], value: unknown): void {
  const ids = readMembers(value);
  if (op === 'add') {
    for (const id of ids) join(changes, id);
  } else if (op === 'remove' && value !== undefined && value !== null) {
    for (const id of ids) leave(changes, id);
  } else {
    changes.exactly = new Set(op === 'remove' ? [] : ids);
    changes.add.clear();
    changes.remove.clear();
  }
}

function join({ add, remove, exactly }: GroupChanges, id: string): void {
  remove.delete(id);
  if (exactly) exactly.add(id);
  else add.add(id);
}

function leave({ add, remove, exactly }: GroupChanges, id: string): void {
  add.delete(id);
  if (exactly) exactly.delete(id);
  else remove.add(id);
}

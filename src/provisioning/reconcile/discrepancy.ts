import type { Slug, TenantId } from '../../kernel/ids.ts';

/** `orphan`: exists, and no living tenant has it. `missing`: recorded, and does not exist. `drift`: exists otherwise than recorded. */
export type DiscrepancyKind = 'orphan' | 'missing' | 'drift';

/** `possible`: a repair would try it. `refused`: it was not safe to. Absent: only a person can decide what to do. */
export type RepairState = 'possible' | 'done' | 'failed' | 'refused';

/** One way in which what is recorded and what exists differ. Shown to operators: never secret. */
export interface Discrepancy {
  kind: DiscrepancyKind;
  /** The step that makes such things; `directory` and `run` for the records themselves. */
  what: string;
  /** Of the resource, or of the tenant when it is missing. */
  name: string;
  problem: string;
  tenantId: TenantId;
  /** Absent when only the id is known. */
  slug?: Slug;
  repair?: RepairState;
}

/** What could not be looked at; it says nothing about what is there. */
export interface Unchecked {
  what: string;
  slug?: Slug;
  reason: string;
}

/** The same discrepancy in two reports has the same key. */
export function keyOf({ kind, what, name, tenantId, problem }: Discrepancy): string {
  return [kind, what, name, tenantId, kind === 'orphan' ? '' : problem].join('\n');
}

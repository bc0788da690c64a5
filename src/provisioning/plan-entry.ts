import type { ProvisionedTenant, Step } from './step.ts';

/** What decides which steps a tenant's plan has. */
export type Asked = Pick<ProvisionedTenant, 'kind' | 'request'>;

export interface PlanEntry {
  name: string;
  /** Absent: a gate (see `gates.ts`). */
  step?: Step;
  /** Absent: part of every plan. */
  wanted?: (tenant: Asked) => boolean;
}

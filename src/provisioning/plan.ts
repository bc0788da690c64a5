import type { Statements } from '../audit/statements.ts';
import type { KeyStore } from '../cloud/keys/port.ts';
import type { Mailer } from '../cloud/mail/port.ts';
import type { Tables } from '../cloud/tables/port.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Slug } from '../kernel/ids.ts';
import type { Random } from '../kernel/random.ts';
import type { SigningAlgorithm } from '../kernel/tenant.ts';
import type { Queryable } from '../platform/postgres.ts';
import type { Directory } from '../tenancy/directory.ts';
import type { Infrastructure } from './infrastructure.ts';
import { infrastructureEntries } from './infrastructure-entries.ts';
import type { Asked, PlanEntry } from './plan-entry.ts';
import type { Step } from './step.ts';
import { activate } from './steps/activate.ts';
import { defaults } from './steps/defaults.ts';
import { firstClient, wantsFirstClient } from './steps/first-client.ts';
import { initialAdmin } from './steps/initial-admin.ts';
import { preconditions } from './steps/preconditions.ts';
import { receipt } from './steps/receipt.ts';
import { reserveDirectory } from './steps/reserve-directory.ts';
import { signingKeys } from './steps/signing-keys.ts';
import { tenantTable } from './steps/tenant-table.ts';

export interface PlanDependencies {
  postgres: Queryable;
  directory: Directory;
  tables: Tables;
  tablePrefix: string;
  keyStore: KeyStore;
  mailer: Mailer;
  statements: Pick<Statements, 'sign'>;
  infrastructure: Infrastructure;
  publicUrl: URL;
  signingAlgorithm: SigningAlgorithm;
  clock: Clock;
  random: Random;
  onStatusChanged: (slug: Slug) => void;
}

export interface Plan {
  steps: ReadonlyMap<string, Step>;
  /** The names of the tenant's steps and gates, in order. A step that was not asked for is not among them. */
  namesFor(tenant: Asked): string[];
}

/**
 * The ordered table of steps. Nobody gets access before the validation: it stands before the invitation and the activation. The compliance
 * review looks at the evidence of all that, and a tenant that fails it is blocked (C3, C4). The platform tenant has no gates: the people who
 * would decide are made in it.
 */
export function createPlan(dependencies: PlanDependencies): Plan {
  const isGoverned = ({ kind }: Asked) => kind === 'tenant';
  const entries: readonly PlanEntry[] = [
    { name: 'preconditions', step: preconditions(dependencies), wanted: isGoverned },
    { name: 'reserve-directory', step: reserveDirectory(dependencies) },
    { name: 'signing-keys', step: signingKeys(dependencies) },
    { name: 'tenant-table', step: tenantTable(dependencies) },
    ...infrastructureEntries(dependencies),
    { name: 'defaults', step: defaults(dependencies) },
    { name: 'first-client', step: firstClient(dependencies), wanted: wantsFirstClient },
    { name: 'validation', wanted: isGoverned },
    {
      name: 'initial-admin',
      step: initialAdmin(dependencies),
      wanted: ({ request }) => request.admin !== undefined,
    },
    { name: 'activate', step: activate(dependencies) },
    { name: 'compliance', wanted: isGoverned },
    { name: 'receipt', step: receipt(dependencies) },
  ];

  return {
    steps: new Map(entries.flatMap(({ name, step }) => (step ? [[name, step] as const] : []))),
    namesFor: (tenant) => entries.filter(({ wanted }) => wanted?.(tenant) ?? true).map(({ name }) => name),
  };
}

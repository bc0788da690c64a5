import type { ProvisioningState } from '../kernel/tenant.ts';
import type { Inspect } from './checks/finding.ts';

export type GateMode = 'manual' | 'automatic';

/** A point of the plan at which a person decides, or, where the deployment says so, what the checks find (E5). */
export interface Gate {
  name: 'validation' | 'compliance';
  mode: GateMode;
  awaitingState: ProvisioningState;
  inspect: Inspect;
}

/** Names of the steps of a run that are decisions. */
export const gateNames: ReadonlySet<string> = new Set<Gate['name']>(['validation', 'compliance']);

/**
 * Gates are steps of the run record: `intended` while they wait, `done` once they are passed, which the database allows only together with a
 * decision. Whoever decides (`decide-gate.ts`) writes both and sends the provisioning job, which then goes on behind the gate.
 */
export function createGates(
  modes: Record<Gate['name'], GateMode>,
  inspections: Record<Gate['name'], Inspect>,
): ReadonlyMap<string, Gate> {
  const gates: Gate[] = [
    {
      name: 'validation',
      mode: modes.validation,
      awaitingState: 'awaiting-validation',
      inspect: inspections.validation,
    },
    {
      name: 'compliance',
      mode: modes.compliance,
      awaitingState: 'awaiting-compliance',
      inspect: inspections.compliance,
    },
  ];
  return new Map(gates.map((gate) => [gate.name, gate]));
}

import type { TenantKeys } from '../../cloud/keys/port.ts';
import type { Table } from '../../cloud/tables/port.ts';
import type { ActivityLog } from '../../identity/activity-log.ts';
import type { Safeguards } from '../../identity/safeguards.ts';
import { createTenantFactors, type TenantFactors } from '../../identity/tenant-factors.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Random } from '../../kernel/random.ts';
import type { ReadClientIp } from '../../web/client-ip.ts';
import type { Render } from '../../web/render.ts';
import { createFactorGuard, type FactorGuard } from './factor-guard.ts';
import { createFactorsOfPending } from './pending-factors.ts';
import type { SignInFlow, SignInStep } from './sign-in-flow.ts';
import { createEnrolFactorStep } from './sign-in-steps/enrol-factor.ts';
import { createRecoveryCodesStep } from './sign-in-steps/recovery-codes.ts';
import { createSecondFactorStep } from './sign-in-steps/second-factor.ts';

type MakeStep = (flow: SignInFlow) => SignInStep;

/** A tenant's second factors and the steps of a sign-in that they come up in. */
export interface FactorSteps extends TenantFactors {
  guard: FactorGuard;
  /** Goes before everything that changes the account. */
  secondFactor: MakeStep;
  enrolFactor: MakeStep;
  recoveryCodesStep: MakeStep;
}

export function openFactorSteps({
  tenantName,
  issuer,
  table,
  sealer,
  clock,
  random,
  limits,
  alerts,
  activity,
  devices,
  readClientIp,
  render,
}: Pick<Safeguards, 'limits' | 'alerts' | 'devices'> & {
  /** As its users know it. */
  tenantName: string;
  issuer: string;
  table: Table;
  sealer: Pick<TenantKeys, 'seal' | 'unseal'>;
  clock: Clock;
  random: Random;
  activity: Pick<ActivityLog, 'note'>;
  readClientIp: ReadClientIp;
  render: Render;
}): FactorSteps {
  const guard = createFactorGuard({ limits, alerts, activity, devices, readClientIp });
  const tenantFactors = createTenantFactors({
    table,
    clock,
    random,
    sealer,
    publicUrl: new URL(issuer),
    tenantName,
  });
  const factorsOf = createFactorsOfPending(tenantFactors.factors);
  const parts = { ...tenantFactors, factorsOf, guard, render };
  return {
    ...tenantFactors,
    guard,
    secondFactor: createSecondFactorStep(parts),
    enrolFactor: createEnrolFactorStep(parts),
    recoveryCodesStep: createRecoveryCodesStep(parts),
  };
}

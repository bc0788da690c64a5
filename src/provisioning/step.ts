import type { ListOwned } from '../cloud/resource-owner.ts';
import type { SecurityPolicyInput } from '../identity/security-policy.ts';
import type { RunId, Slug, TenantId } from '../kernel/ids.ts';
import type { KeyMode } from '../kernel/tenant.ts';

/** What was asked for, as provisioning reads it from `tenants.request`. */
export interface TenantRequest {
  features?: Readonly<Record<string, unknown>>;
  securityPolicy?: SecurityPolicyInput;
  redirectUris?: readonly string[];
  clientType?: 'web' | 'spa' | 'native';
  /** Absent: the deployment's. */
  keyMode?: KeyMode;
  /** The initial admin (B7); without one nobody is invited. */
  admin?: { name: string; email: string };
}

/** The tenant that a run provisions. `tableName` is fixed by the tenant's id, so undo finds the table whatever was recorded. */
export interface ProvisionedTenant {
  id: TenantId;
  slug: Slug;
  name: string;
  kind: 'platform' | 'tenant';
  tableName: string;
  /** Who asked for it, as the audit log names them. */
  createdBy: string;
  request: TenantRequest;
}

/** `deprovision`: takes an active tenant down again, for good, by the undo of the steps that built it. */
export type RunKind = 'provision' | 'deprovision';

export interface StepContext {
  runId: RunId;
  kind: RunKind;
  tenant: ProvisionedTenant;
  /** Of the worker that does the step: whoever takes the tenant's runs later has a greater one. */
  fence: number;
  /** Rejects when another worker has the run by now. Before whatever cannot be taken back. */
  stillHeld(): Promise<void>;
  /** Aborts when the process shuts down or another worker took the run over. */
  signal: AbortSignal;
}

/** Kept in the run record and shown to operators, so never secret. */
export type StepOutput = Readonly<Record<string, string | number | boolean | readonly string[]>>;

/** A way in which what a step made is not as it was made. */
export interface Deviation {
  kind: 'missing' | 'drift';
  /** In words for an operator; never secret. */
  problem: string;
  /** Acting again restores it. Never true where that would put something empty in the place of what held data. */
  restorable: boolean;
}

/**
 * One step of a plan. Every method may be called again after a crash at any point, by another process too.
 * After an error that `isPermanent` the run is undone; any other one is tried again first.
 */
export interface Step {
  readonly name: string;
  /** Members of the output that name something which no other tenant may have; validation compares them. */
  readonly exclusive?: readonly string[];
  /** The output when an earlier try has already done the work. */
  check(context: StepContext): Promise<StepOutput | undefined>;
  act(context: StepContext): Promise<StepOutput>;
  /** Throws unless the result can be used. */
  confirm(context: StepContext, output: StepOutput): Promise<void>;
  /**
   * Where today's settings make such things: members of the output, as an act would record them now. What was recorded otherwise is somewhere else,
   * and nobody looks for it here. Absent where no setting decides it.
   */
  place?(context: StepContext): StepOutput;
  /**
   * Looks at what the step made long ago, changes nothing and waits for nothing. Rejects when it cannot look now. Absent where nothing is
   * left to be looked at.
   */
  inspect?(context: StepContext): Promise<Deviation[]>;
  /** Everything of this deployment that such steps have made and that still exists, whoever for. Absent where a step makes nothing outside. */
  readonly list?: ListOwned;
  /**
   * Removes everything the step may have made: where the output says that it was made; without an output it looks for itself. `outOfReach` when
   * the deployment's settings do not lead there any more.
   */
  undo(context: StepContext, output: StepOutput | undefined): Promise<void>;
}

export function driftOf(problems: readonly string[]): Deviation[] {
  return problems.map((problem) => ({ kind: 'drift', problem, restorable: true }));
}

/** Gone with what it held: only a person can decide what to put in its place. */
export function lost(problem: string): Deviation {
  return { kind: 'missing', problem, restorable: false };
}

/** A step whose confirmation found a result that no further try can repair. */
export class UnusableResult extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'UnusableResult';
  }
}

/** `resource`: named as an operator would look for it. */
export function outOfReach(resource: string): UnusableResult {
  return new UnusableResult(
    `Out of this deployment's reach, whose settings lead elsewhere by now: ${resource}.`,
  );
}

/** What was recorded about where something is, and stands otherwise today; `undefined` when nothing does. Records may lack what came later. */
export function movedFrom(recorded: StepOutput | undefined, place: StepOutput): string | undefined {
  const moved = Object.entries(place).filter(
    ([name, value]) =>
      recorded?.[name] !== undefined && JSON.stringify(recorded[name]) !== JSON.stringify(value),
  );
  return moved.length === 0
    ? undefined
    : moved
        .map(([name, value]) => `${name} ${recorded?.[name]} is recorded, today's settings lead to ${value}`)
        .join('; ');
}

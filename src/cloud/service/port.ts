/**
 * The service port (D4): a tenant's own copies of the template's services. A template has parts (`backend`, `frontend`); each tenant gets one
 * running service per part, equal to the template's but for its environment, its secrets and its target group.
 */
import type { Secret } from '../../kernel/secret.ts';
import type { ListOwned, ResourceOwner } from '../resource-owner.ts';

/** One service of the template, as a balancer must know it. */
export interface TemplatePart {
  /** `backend`, `frontend`. */
  part: string;
  /** The balancer's target group of the template's own service; the tenant's is made like it. */
  targetGroup: string;
}

/** `undefined`: the tenant has none; a value that the template has under this name is the template's own and is left out. */
export interface Deployment {
  environment: Readonly<Record<string, string | undefined>>;
  /** Never part of what the platform shows of a service. */
  secrets: Readonly<Record<string, Secret | undefined>>;
  /** Target group by part. */
  targetGroups: Readonly<Record<string, string>>;
}

export interface PartState {
  part: string;
  service: string;
  desired: number;
  running: number;
  /** `failed`: the platform gave the deployment up. */
  state: 'deploying' | 'steady' | 'failed';
}

export interface Services {
  /** Which cluster it is: the same in two processes whose settings lead to the same one. */
  readonly at: string;
  /** Names of the tenant's services, made or not. */
  namesOf(owner: ResourceOwner): string[];
  /** Throws `AppError('invalid_request')` when a template service is missing or unfit, naming it. */
  templateParts(): Promise<TemplatePart[]>;
  /** Idempotent; does not wait. */
  deploy(owner: ResourceOwner, deployment: Deployment): Promise<void>;
  /** The tenant's services as they are; a part that does not exist is absent. */
  describe(owner: ResourceOwner): Promise<PartState[]>;
  /** Resolves when every part is steady; otherwise says what is not when time is up or the platform has given a deployment up. */
  untilSteady(owner: ResourceOwner, signal: AbortSignal): Promise<string[]>;
  /** Idempotent; returns when nothing runs any more. `made`: names of services that were made, where they may be others than `namesOf`. */
  remove(owner: ResourceOwner, signal: AbortSignal, made?: readonly string[]): Promise<void>;
  /** Services and task definitions, also those of a tenant that has only some of them. */
  list: ListOwned;
  /** How many services the cluster has. */
  used(): Promise<number>;
}

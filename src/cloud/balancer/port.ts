/**
 * The balancer port (D5): brings requests for a tenant's host to the tenant's services. One target group per part of the template; rules by host,
 * and by path where a part takes only some of the host's paths.
 */
import type { ListOwned, ResourceOwner } from '../resource-owner.ts';

export interface RouteInput {
  part: string;
  host: string;
  /** `/api/*`; absent: whatever no other part takes. */
  path?: string;
  /** The target group whose protocol, port, network and health check the new one gets. */
  like: string;
}

/** Where DNS must point, and where requests arrive. */
export interface BalancerAddress {
  dnsName: string;
  /** Of the balancer's own name, for alias records. */
  hostedZoneId: string;
  protocol: 'http' | 'https';
  port: number;
  dualStack: boolean;
}

export interface PartHealth {
  part: string;
  healthy: number;
  targets: number;
}

export interface Balancer {
  /** Which listener it is: the same in two processes whose settings lead to the same one. */
  readonly at: string;
  /** `AppError('invalid_request')` when the listener is missing or unfit. */
  address(): Promise<BalancerAddress>;
  /**
   * Idempotent. Returns the target group by part. A rule of the tenant's own that leads elsewhere is replaced; `AppError('invalid_request')` when
   * a rule of somebody else takes the host already.
   */
  create(owner: ResourceOwner, routes: readonly RouteInput[]): Promise<Record<string, string>>;
  /** Target groups by part, those that exist. */
  find(owner: ResourceOwner, parts: readonly string[]): Promise<Record<string, string>>;
  /** What of the routes is not as `create` leaves it, in words for an operator; empty when nothing is. */
  inspect(owner: ResourceOwner, routes: readonly RouteInput[]): Promise<string[]>;
  /** Target groups and rules. */
  list: ListOwned;
  health(owner: ResourceOwner, parts: readonly string[]): Promise<PartHealth[]>;
  /** Resolves when every part has a target and all its targets are healthy; otherwise says what is not when time is up. */
  untilHealthy(owner: ResourceOwner, parts: readonly string[], signal: AbortSignal): Promise<string[]>;
  /** Idempotent: rules first, then target groups. */
  remove(owner: ResourceOwner, parts: readonly string[]): Promise<void>;
  usedTargetGroups(): Promise<number>;
  /** Of the listener. */
  usedRules(): Promise<number>;
}

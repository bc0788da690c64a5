/** The DNS port (D6): a tenant's host as an alias of the balancer. A record that is not the tenant's is never changed. */
import type { ListOwned, ResourceOwner } from '../resource-owner.ts';

export interface AliasTarget {
  dnsName: string;
  hostedZoneId: string;
  /** Also an AAAA record. */
  dualStack: boolean;
}

export interface Dns {
  /** Which zone it is: the same in two processes whose settings lead to the same one. */
  readonly at: string;
  /** Idempotent. Returns the id of the change to wait for. `AppError('invalid_request')` when the name is somebody else's. */
  create(owner: ResourceOwner, host: string, target: AliasTarget): Promise<string>;
  /** Resolves `true` when every name server has the change, `false` when time is up. */
  untilInSync(changeId: string, signal: AbortSignal): Promise<boolean>;
  /** True when the host is this tenant's and points to the target. */
  pointsTo(owner: ResourceOwner, host: string, target: AliasTarget): Promise<boolean>;
  /** Idempotent; leaves what is not the tenant's. */
  remove(owner: ResourceOwner, host: string): Promise<void>;
  /** Hosts of `known` tenants: a record names its tenant by a digest only. */
  list: ListOwned;
  /** What keeps records below this domain from being made; empty when nothing does. */
  problems(domain: string): Promise<string[]>;
  /** How many records the zone has. */
  used(): Promise<number>;
}

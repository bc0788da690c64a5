/**
 * The objects port (B6): a place for a tenant's files, with nobody else's in it: a bucket, a prefix of a shared bucket, or a folder. What
 * the tenant's services put there is theirs; this port makes the place, looks at its protections, and removes it with everything in it.
 */
import type { ListOwned, ResourceOwner } from '../resource-owner.ts';

export interface ObjectSpace {
  kind: 'bucket' | 'prefix' | 'folder';
  /** `s3://bucket/`, `s3://bucket/prefix/`, or an absolute path. Not secret. */
  location: string;
}

export interface ObjectStorage {
  /** Which storage it is: the same in two processes whose settings lead to the same one. */
  readonly at: string;
  /** Where the tenant's space is, or would be made. */
  spaceOf(owner: ResourceOwner): ObjectSpace;
  /** Whether `remove` gets at a space that was made under other settings. */
  reaches(owner: ResourceOwner, made: ObjectSpace): Promise<boolean>;
  /** The tenant's space once it is complete. */
  find(owner: ResourceOwner): Promise<ObjectSpace | undefined>;
  /** Idempotent; completes what an interrupted call began. */
  create(owner: ResourceOwner): Promise<ObjectSpace>;
  /** Writes, reads and removes an object and looks at every protection. What is wrong, in words for an operator; empty when nothing is. */
  inspect(owner: ResourceOwner): Promise<string[]>;
  /** Idempotent; also removes a space that is not complete. `made`: the space that was made, where it may be another than `spaceOf`. */
  remove(owner: ResourceOwner, made?: ObjectSpace): Promise<void>;
  /** Spaces, also such as are not complete. */
  list: ListOwned;
  /** What keeps spaces from being made; empty when nothing does. `AppError('temporarily_unavailable')` when it cannot be told. */
  problems(): Promise<string[]>;
  /** How many of what the account limits are in use: buckets; 0 where spaces are not limited. */
  used(): Promise<number>;
}

/**
 * The tables port: DynamoDB as Tenantry uses it. One table per tenant plus the directory and the local key store, all of the same shape:
 * string keys `pk` and `sk`, one sparse global index `gsi1` on `gsi1pk`/`gsi1sk` (all attributes projected), and `expiresAt` (epoch
 * seconds) as the TTL attribute. TTL is clean-up only: readers check `expiresAt` themselves.
 *
 * Reads by key are always strongly consistent; the index never is, so nothing security-relevant may hang on an index read alone.
 * Errors of the store surface as `AppError('temporarily_unavailable')` when a retry may help; a lost condition as `ConditionFailed`.
 */
export type AttributeValue = string | number | boolean;

export interface ItemKey {
  pk: string;
  sk: string;
}

/** Flat items only. Anything structured is stored as a JSON string in one attribute. `undefined` attributes are not stored. */
export type Item = ItemKey & {
  gsi1pk?: string;
  gsi1sk?: string;
  /** Epoch seconds. */
  expiresAt?: number;
} & { [attribute: string]: AttributeValue | undefined };

/** All clauses must hold. `exists` speaks of the whole item; an attribute that is absent or no number is not `below` anything. */
export type Condition = readonly (
  | { exists: boolean }
  | { attribute: string; absent: true }
  | { attribute: string; equals: AttributeValue }
  | { attribute: string; below: number }
)[];

export interface ItemChange {
  set?: Readonly<Record<string, AttributeValue>>;
  /**
   * Atomic increments; an absent attribute counts as 0. Without a condition, an increment whose reply is lost may be made twice: right for
   * counters that limit, wrong for anything that must add up.
   */
  add?: Readonly<Record<string, number>>;
  remove?: readonly string[];
}

export interface Query {
  index?: 'gsi1';
  pk: string;
  skPrefix?: string;
  /** Only what sorts before it; not together with `skPrefix`. */
  skBelow?: string;
  /** Page size; default 100. */
  limit?: number;
  /** Opaque, from the previous page. A cursor that does not parse is an `AppError('invalid_request')`. */
  cursor?: string;
  order?: 'ascending' | 'descending';
}

export interface Page {
  items: Item[];
  /** Present when there may be more. */
  cursor?: string;
}

/** A handle on one table. It cannot address another. Opening one makes no call. */
export interface Table {
  readonly name: string;
  get(key: ItemKey): Promise<Item | undefined>;
  put(item: Item, condition?: Condition): Promise<void>;
  /** Without a condition an absent item is created, as DynamoDB does. Returns the item after the change. */
  update(key: ItemKey, change: ItemChange, condition?: Condition): Promise<Item>;
  delete(key: ItemKey, condition?: Condition): Promise<void>;
  query(query: Query): Promise<Page>;
  /** Everything in the table, in no order; strongly consistent, and as expensive as the table is large. Not for answering users. */
  scan(): AsyncIterable<Item>;
  /** Unconditional; any number of writes; unprocessed ones are retried. Not atomic. */
  batchWrite(writes: readonly ({ put: Item } | { delete: ItemKey })[]): Promise<void>;
}

export class ConditionFailed extends Error {
  constructor(table: string) {
    super(`condition failed in table ${table}`);
    this.name = 'ConditionFailed';
  }
}

/** What the store behind the port can do; settings of the adapter, so that nobody asks "am I embedded?". */
export interface TableCapabilities {
  timeToLive: boolean;
  pointInTimeRecovery: boolean;
  deletionProtection: boolean;
  tags: boolean;
}

export interface TableDescription {
  name: string;
  status: 'creating' | 'active' | 'deleting';
  /** ARN of the KMS key that encrypts the table. Absent: the store's own key, or the store does not say. */
  encryptionKey?: string;
}

export interface Tables {
  readonly capabilities: TableCapabilities;
  /** Idempotent; returns once the table is active and protected as the store can. `tags` are applied to a new table where the store has tags. */
  create(name: string, tags?: Readonly<Record<string, string>>): Promise<void>;
  describe(name: string): Promise<TableDescription | undefined>;
  /** What the store can do and the table lacks of it, in words for an operator; empty when nothing. `create` brings it back. */
  inspect(name: string): Promise<string[]>;
  /** Idempotent; returns once the table is gone. */
  delete(name: string): Promise<void>;
  /** Names that begin with `prefix`. */
  list(prefix: string): Promise<string[]>;
  open(name: string): Table;
}

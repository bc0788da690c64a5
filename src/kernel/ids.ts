declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

/** Immutable identity of a tenant, never reused: `ten_` and 128 random bits. */
export type TenantId = Branded<'TenantId'>;
export function isTenantId(text: string): text is TenantId {
  return /^ten_[A-Za-z0-9_-]{22}$/.test(text);
}

/** Tenant identifier: first path segment and DNS label (E6). Made only by `parseSlug`. */
export type Slug = Branded<'Slug'>;
/** A registration order's id and, at once, the capability to read it (A4): `ord_` and 192 random bits. */
export type OrderId = Branded<'OrderId'>;
/** Subject identifier of an account, unique in its tenant: `acc_` and 128 random bits. */
export type AccountId = Branded<'AccountId'>;

/** Whether it could be mistaken for an account's: no client may be called so, or its token would be that of a person (RFC 9700 §4.15). */
export function resemblesAccountId(text: string): boolean {
  return /^acc_/i.test(text);
}
/** One provisioning run of a tenant. */
export type RunId = Branded<'RunId'>;

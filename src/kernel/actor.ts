/** Who did something. Written into history and audit; `email` is present for people. */
export interface Actor {
  kind: 'operator' | 'tenant-admin' | 'client' | 'api-key' | 'requester' | 'system';
  /** Account id, client id, the id of an API key, or for `system` the component's name. */
  id: string;
  email?: string;
}

/** The short form shown in histories: the e-mail address where there is one. */
export function actorName(actor: Actor): string {
  return actor.email ?? `${actor.kind}:${actor.id}`;
}

/** Separation of duties compares people, whatever the spelling of their address (C1). */
export function samePerson(a: string | undefined, b: string | undefined): boolean {
  return a !== undefined && b !== undefined && mailboxOf(a) === mailboxOf(b);
}

/** As `mailbox_of` in the database: letter case, spaces and what stands behind a `+` (RFC 5233) make no other mailbox. */
function mailboxOf(email: string): string {
  return email
    .trim()
    .toLowerCase()
    .replace(/^([^@+]+)\+[^@]*@/, '$1@');
}

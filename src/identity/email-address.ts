/**
 * The form under which an address identifies an account: trimmed and in lower case. `undefined` for text that is no address we take.
 * ASCII only: look-alike letters would let two different people seem to be one.
 */
export function normalizeEmail(text: string): string | undefined {
  const email = text.trim().toLowerCase();
  return email.length <= 254 && addressPattern.test(email) ? email : undefined;
}

/** A dot-atom local part (RFC 5321 §4.1.2) and a host name of at least two labels. */
const addressPattern =
  /^(?=.{1,64}@)[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])$/;

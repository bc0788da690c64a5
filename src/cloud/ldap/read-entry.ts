import type { Entry } from 'ldapts';
import { UpstreamFailure } from '../upstream-failure.ts';
import type { LdapPerson, LdapSource } from './port.ts';

/** Attributes whose values are bytes, not text, as directories spell them. */
export const binaryAttributes: readonly string[] = ['objectGUID', 'GUID', 'objectSid'];

/** All values in text, binary ones in hexadecimal. Attribute names are compared without case (RFC 4512 §2.5). */
export function valuesOf(entry: Entry, attribute: string): string[] {
  const name = Object.keys(entry).find((key) => key.toLowerCase() === attribute.toLowerCase());
  const value = name === undefined ? [] : entry[name];
  const values: readonly (string | Buffer)[] = Array.isArray(value) ? value : [value ?? ''];
  return values
    .map((each) => (typeof each === 'string' ? each : each.toString('hex')))
    .filter((text) => text !== '');
}

/** What is known of a person, without groups that are found by a search. */
export function readPerson(entry: Entry, source: LdapSource): LdapPerson {
  const ids = valuesOf(entry, source.idAttribute);
  const [id] = ids;
  if (id === undefined || ids.length > 1) {
    throw new UpstreamFailure(
      'misconfigured',
      `The directory must give everybody one value of ${source.idAttribute}.`,
    );
  }
  return {
    id,
    email: valuesOf(entry, source.emailAttribute)[0],
    name: valuesOf(entry, source.nameAttribute)[0],
    groups: source.groupsAttribute === undefined ? [] : valuesOf(entry, source.groupsAttribute),
  };
}

/** A flag that cannot be read counts as set. */
export function isDisabled(entry: Entry, { disabledFlag }: Pick<LdapSource, 'disabledFlag'>): boolean {
  if (disabledFlag === undefined) {
    return false;
  }
  const [text] = valuesOf(entry, disabledFlag.attribute);
  return text !== undefined && (!/^-?\d{1,10}$/.test(text) || (Number(text) & disabledFlag.mask) !== 0);
}

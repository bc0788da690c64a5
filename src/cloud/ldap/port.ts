/**
 * The port to LDAP directories of others (D10): asks one whether a password is somebody's, and what it knows of them. Failures are
 * `UpstreamFailure`; a wrong password is none.
 */
import type { Secret } from '../../kernel/secret.ts';

export interface LdapSource {
  /** `ldaps://host[:port]` or `ldap://host[:port]`. */
  url: string;
  /** For `ldap:` only: TLS before anything else is said. Without it the directory must be on this machine, and a setting must allow it. */
  startTls: boolean;
  /** PEM; in place of the system's certificate authorities. */
  certificateAuthority: string | undefined;
  /** Who searches; absent: nobody in particular. */
  reader: { name: string; password: Secret } | undefined;
  /** Where people are. */
  baseDn: string;
  /** Object class of people; absent: every entry may be one. */
  personClass: string | undefined;
  /** What people sign in with: an entry fits when one of these attributes is what was typed. */
  loginAttributes: readonly string[];
  /** The attribute that never changes: `entryUUID`, in Active Directory `objectGUID`. */
  idAttribute: string;
  emailAttribute: string;
  nameAttribute: string;
  /** Attribute of a person that lists their groups, such as `memberOf`. */
  groupsAttribute: string | undefined;
  /** Groups that list their members. */
  groupSearch: { baseDn: string; memberAttribute: string; nameAttribute: string } | undefined;
  /** A number of which one of these bits means that the account is disabled: in Active Directory `userAccountControl` and 2. */
  disabledFlag: { attribute: string; mask: number } | undefined;
}

export interface LdapPerson {
  /** In text: binary ids in hexadecimal. */
  id: string;
  email: string | undefined;
  name: string | undefined;
  /** As the directory names them: distinguished names from `groupsAttribute`, names from `groupSearch`. */
  groups: readonly string[];
}

export interface LdapDirectory {
  /**
   * `undefined` when there is no such person, more than one, the password is wrong or empty, or the account is disabled: after about the same
   * time in all these cases.
   */
  authenticate(login: string, password: string): Promise<LdapPerson | undefined>;
  /** Resolves when the directory answers, the reader may sign in, and the base exists. */
  probe(): Promise<void>;
}

/** Makes no connection; each question has one of its own. */
export type ConnectLdap = (source: LdapSource) => LdapDirectory;

import type { ConnectLdap, LdapDirectory } from '../cloud/ldap/port.ts';
import type { ConnectOpenid, OpenidProvider } from '../cloud/openid/port.ts';
import { UpstreamFailure } from '../cloud/upstream-failure.ts';
import { habitsOf } from './provider-habits.ts';
import type { SignInSource } from './sign-in-source.ts';
import type { SignInSources } from './sign-in-sources.ts';

/** The systems behind a tenant's sign-in sources. Failures are `UpstreamFailure`. */
export interface UpstreamConnections {
  openid(source: SignInSource): Promise<OpenidProvider>;
  ldap(source: SignInSource): Promise<LdapDirectory>;
  /** Resolves when the system answers as a source needs it. */
  probe(source: SignInSource): Promise<void>;
}

export interface ConnectUpstreams {
  connectOpenid: ConnectOpenid;
  connectLdap: ConnectLdap;
}

/** What was read from a provider is kept for as long as its source does not change. */
export function createUpstreamConnections({
  sources,
  connectOpenid,
  connectLdap,
}: ConnectUpstreams & { sources: Pick<SignInSources, 'readSecret'> }): UpstreamConnections {
  const known = new Map<string, { version: string; provider: OpenidProvider }>();

  async function openid(source: SignInSource): Promise<OpenidProvider> {
    const present = known.get(source.id);
    if (present?.version === source.version) {
      return present.provider;
    }
    const { openid: settings } = source;
    if (settings === undefined) {
      throw wrongKind;
    }
    const { clientAuthentication = 'client_secret_basic' } = settings;
    const provider = connectOpenid({
      issuer: settings.issuer,
      clientId: settings.clientId,
      clientSecret: await sources.readSecret(source.id),
      clientAuthentication,
      scopes: settings.scopes ?? ['openid', 'email', 'profile'],
      readUserinfo: settings.readUserinfo ?? false,
      prompts: habitsOf(settings).prompts,
      certificateAuthority: settings.certificateAuthority,
    });
    known.set(source.id, { version: source.version, provider });
    return provider;
  }

  async function ldap(source: SignInSource): Promise<LdapDirectory> {
    const { ldap: settings } = source;
    if (settings === undefined) {
      throw wrongKind;
    }
    const password = settings.readerDn === undefined ? undefined : await sources.readSecret(source.id);
    return connectLdap({
      url: settings.url,
      startTls: settings.url.startsWith('ldap:') && (settings.startTls ?? true),
      certificateAuthority: settings.certificateAuthority,
      reader:
        settings.readerDn === undefined || password === undefined
          ? undefined
          : { name: settings.readerDn, password },
      baseDn: settings.baseDn,
      personClass: settings.personClass,
      loginAttributes: settings.loginAttributes ?? ['mail'],
      idAttribute: settings.idAttribute ?? 'entryUUID',
      emailAttribute: settings.emailAttribute ?? 'mail',
      nameAttribute: settings.nameAttribute ?? 'cn',
      groupsAttribute: settings.groupsAttribute,
      groupSearch: settings.groupSearch,
      disabledFlag: settings.disabledFlag,
    });
  }

  return {
    openid,
    ldap,
    async probe(source) {
      await (source.kind === 'openid' ? await openid(source) : await ldap(source)).probe();
    },
  };
}

const wrongKind = new UpstreamFailure('misconfigured', 'The sign-in source is of another kind.');

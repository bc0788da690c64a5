import type { Context } from 'koa';
import type { Configuration, KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { ApiResources } from '../clients/api-resources.ts';
import type { Clients } from '../clients/clients.ts';
import type { TenantKeys } from '../cloud/keys/port.ts';
import type { Table } from '../cloud/tables/port.ts';
import type { ActivityLog } from '../identity/activity-log.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Random } from '../kernel/random.ts';
import type { TenantRecord } from '../kernel/tenant.ts';
import type { Log } from '../platform/log.ts';
import type { TenantMeter } from '../tenancy/usage-meter.ts';
import type { ResourceServers } from './resource-servers.ts';
import type { AccountSessions } from './sessions/account-sessions.ts';
import type { SessionOrigin } from './sessions/session-records.ts';
import type { SessionRules, SessionRulesOf } from './sessions/session-rules.ts';

/** Everything that the pages of one tenant are made from; all of it belongs to this tenant alone. */
export interface TenantPagesDependencies {
  record: TenantRecord;
  /** `<origin>/<slug>`. */
  issuer: string;
  /** The admin API's resource indicator, `<origin>/api`. */
  adminApiResource: string;
  table: Table;
  clients: Clients;
  resources: ApiResources;
  resourceServers: Pick<ResourceServers, 'isByRole'>;
  /** Seals small secrets of this tenant. */
  sealer: Pick<TenantKeys, 'seal' | 'unseal'>;
  /** The first signs, all verify. */
  cookieKeys: readonly string[];
  activity: ActivityLog;
  /** Told when the tenant comes near a limit. */
  meter?: Pick<TenantMeter, 'near'>;
  clock: Clock;
  random: Random;
  log: Log;
}

/** A form that takes the browser further. */
export interface HandOver {
  action: string;
  fields: readonly { name: string; value: string }[];
}

/** The parts of the provider's configuration that deal with people: who they are, what they agreed to, what they see. */
export interface ProviderHooks {
  findAccount: NonNullable<Configuration['findAccount']>;
  /** What the roles of the request's person give, groups included; `undefined` when it is about nobody, or nobody yet. */
  roleScopesOf(context: KoaContextWithOIDC): Promise<readonly string[] | undefined>;
  /** What access tokens say of their person beyond the subject, in JWTs and at introspection (E2). */
  extraTokenClaims: NonNullable<Configuration['extraTokenClaims']>;
  /** Finds or makes the grant; filters admin API scopes by role and rejects the rest. */
  loadExistingGrant: NonNullable<Configuration['loadExistingGrant']>;
  renderError: NonNullable<Configuration['renderError']>;
  /** Sends the browser on by a form. */
  renderHandOver(context: KoaContextWithOIDC, form: HandOver): void;
  /** For people who come to an address at which there is nothing. */
  renderNotFound(context: Context): void;
  /** Its `url` begins with `/<slug>/interaction/`. */
  interactions: NonNullable<Configuration['interactions']>;
  /** Authorization parameters of our own, each with what reads it. */
  extraParams: Exclude<NonNullable<Configuration['extraParams']>, readonly string[]>;
  /** Claims by scope. Every key here becomes a scope of the tenant; `openid` and `offline_access` exist anyway. */
  claims: NonNullable<Configuration['claims']>;
  logoutSource: NonNullable<RpInitiatedLogout['logoutSource']>;
  postLogoutSuccessSource: NonNullable<RpInitiatedLogout['postLogoutSuccessSource']>;
  /** The pages of the device flow. */
  devicePages: DevicePages;
  /** From the tenant's security policy. */
  sessionRules: SessionRules;
  /** From the policy that holds for whose session it is. */
  sessionRulesOf: SessionRulesOf;
  /** What the person will recognise the session by that this request begins. */
  describeOrigin(context: KoaContextWithOIDC, accountId: string): Promise<SessionOrigin>;
  /** Whether the policy lets this request of its account, if it has one, come from where it comes from (B4). */
  admitsNetwork(context: KoaContextWithOIDC): Promise<boolean>;
}

type DeviceFlow = NonNullable<NonNullable<Configuration['features']>['deviceFlow']>;

export type DevicePages = Required<
  Pick<DeviceFlow, 'userCodeInputSource' | 'userCodeConfirmSource' | 'successSource'>
>;

type RpInitiatedLogout = NonNullable<NonNullable<Configuration['features']>['rpInitiatedLogout']>;

/** Answers a page of the tenant. `path` is the path after `/<slug>`, without the query. False: not a page, nothing was written. */
export type PageHandler = (context: Context, path: string) => Promise<boolean>;

export interface TenantPages {
  hooks: ProviderHooks;
  /** Called once, when the provider that was built with `hooks` stands. */
  connect(provider: Provider, sessions: AccountSessions): PageHandler;
}

/** Makes the sign-in, consent, invitation and logout pages of one tenant; injected into the runtime factory. */
export type TenantPagesFactory = (tenant: TenantPagesDependencies) => TenantPages | Promise<TenantPages>;

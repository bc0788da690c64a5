import type { Provider } from 'oidc-provider';
import type { ApiResources } from '../../clients/api-resources.ts';
import type { Clients } from '../../clients/clients.ts';
import type { RemoveCredentials } from '../../identity/account-credentials.ts';
import type { AccountLinks } from '../../identity/account-links.ts';
import type { ActivityLog } from '../../identity/activity-log.ts';
import type { PolicyOf } from '../../identity/application-rules.ts';
import type { Factors } from '../../identity/factors.ts';
import type { MailDispatch } from '../../identity/mail-dispatch.ts';
import type { People } from '../../identity/people.ts';
import type { Safeguards } from '../../identity/safeguards.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Random } from '../../kernel/random.ts';
import type { TenantRecord } from '../../kernel/tenant.ts';
import type { ReadClientIp } from '../../web/client-ip.ts';
import type { LookFor } from '../../web/page-look.ts';
import type { Render } from '../../web/render.ts';
import type { FactorGuard } from '../interactions/factor-guard.ts';
import type { LinkedSources } from '../interactions/federation/linked-sources.ts';
import type { AccountSessions } from '../sessions/account-sessions.ts';
import type { AccountGrants } from './account-grants.ts';
import type { SendVerification } from './address-verification.ts';

/** What the pages of the account area are made from. */
export interface AccountParts extends Omit<Safeguards, 'devices'> {
  record: Pick<TenantRecord, 'slug' | 'kind'>;
  /** `<origin>/<slug>`. */
  issuer: string;
  provider: Provider;
  people: People;
  accountLinks: AccountLinks;
  sendVerification: SendVerification;
  clients: Pick<Clients, 'get'>;
  resources: Pick<ApiResources, 'get'>;
  sessions: Pick<AccountSessions, 'list' | 'end' | 'endOthers' | 'endAll'>;
  grants: AccountGrants;
  factors: Pick<Factors, 'of'>;
  linkedSources: LinkedSources;
  policyOf: PolicyOf;
  guard: Pick<FactorGuard, 'attempt'>;
  removeCredentials: RemoveCredentials;
  activity: ActivityLog;
  clock: Clock;
  random: Random;
  dispatch: Pick<MailDispatch, 'run'>;
  readClientIp: ReadClientIp;
  render: Render;
  lookFor: LookFor;
}

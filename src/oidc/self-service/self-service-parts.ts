import type { AccountLinks } from '../../identity/account-links.ts';
import type { Accounts } from '../../identity/accounts.ts';
import type { ActivityLog } from '../../identity/activity-log.ts';
import type { PolicyOf } from '../../identity/application-rules.ts';
import type { ApplicationTenants } from '../../identity/application-tenants.ts';
import type { Links } from '../../identity/links.ts';
import type { MailDispatch } from '../../identity/mail-dispatch.ts';
import type { Safeguards } from '../../identity/safeguards.ts';
import type { TenantRecord } from '../../kernel/tenant.ts';
import type { ReadClientIp } from '../../web/client-ip.ts';
import type { LookFor } from '../../web/page-look.ts';
import type { Render } from '../../web/render.ts';
import type { DeviceWatch } from '../interactions/device-watch.ts';
import type { JustProved } from '../interactions/just-proved.ts';
import type { FormGuard } from './form-guard.ts';

/** What the pages are made from. */
export interface SelfServiceDependencies extends Pick<Safeguards, 'limits' | 'mailer' | 'alerts'> {
  record: Pick<TenantRecord, 'slug'>;
  /** `<origin>/<slug>`. */
  issuer: string;
  accounts: Accounts;
  applicationTenants: Pick<ApplicationTenants, 'find' | 'findByDomain'>;
  links: Links;
  accountLinks: AccountLinks;
  policyOf: PolicyOf;
  deviceWatch: Pick<DeviceWatch, 'proved'>;
  activity: Pick<ActivityLog, 'note'>;
  justProved: Pick<JustProved, 'note'>;
  formGuard: FormGuard;
  dispatch: Pick<MailDispatch, 'run'>;
  /** Ends every session of the account, wherever it is, and everything that applications were given. */
  endAccess: (accountId: string) => Promise<void>;
  readClientIp: ReadClientIp;
  render: Render;
  lookFor: LookFor;
}

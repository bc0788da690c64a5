import type { Mail } from '../cloud/mail/port.ts';
import type { PostMail } from '../outbox/mail-channel.ts';
import type { Log } from '../platform/log.ts';
import type { Queryable } from '../platform/postgres.ts';
import type { Announce, StepFailure } from './run-audit.ts';
import type { ProvisionedTenant } from './step.ts';

type NamedTenant = Pick<ProvisionedTenant, 'id' | 'slug' | 'name'>;

/**
 * Mails about runs that failed (B8, B15), each written in the transaction that records the failure: told once, and never of what did not
 * happen. A mail that cannot be sealed is logged: the failure is recorded whatever the key store does, and the order's page says the same.
 */
export interface Notices {
  undone(tenant: NamedTenant, failure: StepFailure): Announce;
  needsOperator(tenant: NamedTenant, failure: StepFailure): Announce;
  /** The tenant is active; only what comes afterwards failed. */
  stopped(tenant: NamedTenant, failure: StepFailure): Announce;
  /** The run's job will not come again. */
  abandoned(tenant: NamedTenant, failure: StepFailure): Announce;
}

export function createNotices({
  postMail,
  oauthTeamEmail,
  log,
}: {
  postMail: PostMail;
  oauthTeamEmail: string;
  log: Log;
}): Notices {
  async function post(transaction: Queryable, mail: Mail): Promise<void> {
    try {
      await postMail(transaction, 'provisioning-failed', mail);
    } catch (error) {
      log.error({ err: error, subject: mail.subject }, 'a notice about provisioning could not be written');
    }
  }

  function tellTeam(
    { id, slug, name }: NamedTenant,
    { step, error }: StepFailure,
    outlook: string,
  ): Announce {
    const mail: Mail = {
      to: oauthTeamEmail,
      subject: `Provisioning of tenant ${slug} needs an operator`,
      text: [
        `Provisioning of the tenant "${name}" (${slug}, ${id}) stopped.`,
        '',
        `Step: ${step}`,
        `Reason: ${error}`,
        '',
        outlook,
        '',
      ].join('\n'),
    };
    return (transaction) => post(transaction, mail);
  }

  return {
    undone: (tenant, failure) => async (transaction) => {
      const text = [
        `The tenant "${tenant.name}" (${tenant.slug}) could not be set up.`,
        '',
        `Step: ${failure.step}`,
        `Reason: ${failure.error}`,
        '',
        'Everything that had been created was removed again. The request can be submitted anew.',
        '',
      ].join('\n');
      const subject = `Tenant ${tenant.slug} could not be set up`;
      const { rows } = await transaction.query<{ email: string }>(
        `select requester_email as email from orders where tenant_id = $1 and requester_email <> ''`,
        [tenant.id],
      );
      for (const to of new Set([...rows.map(({ email }) => email), oauthTeamEmail])) {
        await post(transaction, { to, subject, text });
      }
    },

    stopped: (tenant, failure) =>
      tellTeam(
        tenant,
        failure,
        'The tenant is active and stays so. When the reason is gone, let the run go on: POST provisioning/retry.',
      ),

    abandoned: (tenant, failure) =>
      tellTeam(
        tenant,
        failure,
        'What had been created stays until somebody has looked at it: POST provisioning/retry or provisioning/rollback.',
      ),

    needsOperator: (tenant, failure) =>
      tellTeam(
        tenant,
        failure,
        'What had been created could not be removed completely. The slug stays held until somebody has looked at it.',
      ),
  };
}

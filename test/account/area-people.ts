import { password, type ServedTenant, type TenantServer } from '../interactions/tenant-server.ts';
import type { Arrival, UserAgent } from '../support/user-agent.ts';

/** People of a server's first tenant, and browsers in its account area. */
export function createAreaPeople(serverOf: () => TenantServer) {
  async function person(
    email: string,
    {
      at = serverOf().tenant,
      applicationTenantId = 'default',
      name = 'Ada',
    }: { at?: ServedTenant; applicationTenantId?: string; name?: string } = {},
  ) {
    const account = await at.accounts.create({
      email,
      name,
      roles: [],
      applicationTenantId,
      emailVerified: true,
    });
    await at.accounts.setPassword(account.id, password);
    return account;
  }

  /** Opens a page of the area, signing in on the way when asked to. */
  async function openArea(agent: UserAgent, path: string, email: string): Promise<Arrival> {
    const page = await agent.open(`/acme/account${path}`);
    return page.url.pathname.includes('/interaction/') ? agent.submit(page, { email, password }) : page;
  }

  async function enter(email: string, path = '') {
    const agent = serverOf().userAgent();
    return { agent, page: await openArea(agent, path, email) };
  }

  return { person, openArea, enter };
}

/** Without the forms that stand before the one whose action ends so. */
export function formOf(page: Arrival, action: string): Arrival {
  for (const form of page.document.querySelectorAll('form')) {
    if (!form.getAttribute('action')?.endsWith(action)) form.remove();
  }
  return page;
}

import type { Configuration } from 'oidc-provider';
import type { Outbound } from '../cloud/http/outbound.ts';

/**
 * How the provider reaches addresses that clients name, such as `jwks_uri`: through the guard that keeps requests out of our own network. No
 * header of the answer counts but its type: how long a client's keys are kept is for the provider to say, not for whoever serves them.
 */
export function createProviderFetch({
  request,
}: Pick<Outbound, 'request'>): NonNullable<Configuration['fetch']> {
  return async (input, init = {}) => {
    const { method = 'GET', headers, body, signal } = init;
    const { 'user-agent': _, ...sent } = Object.fromEntries(new Headers(headers));
    const answer = await request({
      url: input instanceof Request ? input.url : String(input),
      method: method === 'POST' ? 'POST' : 'GET',
      headers: sent,
      ...(body instanceof URLSearchParams || typeof body === 'string' ? { body: String(body) } : {}),
      ...(signal ? { signal } : {}),
    });
    // These statuses may carry no body.
    const text = [204, 205, 304].includes(answer.status) ? null : answer.body;
    return new Response(text, { status: answer.status, headers: { 'content-type': 'application/json' } });
  };
}

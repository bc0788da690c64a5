import type { JSONWebKeySet } from 'jose';
import { AppError } from '../../kernel/errors.ts';
import type { TenantRecord } from '../../kernel/tenant.ts';
import type { RehearseTenant } from '../../tenancy/rehearse-tenant.ts';
import { type Finding, finding } from './finding.ts';

export interface Published {
  /** Empty when the tenant answers with none. */
  jwks: JSONWebKeySet;
  endpoints: Finding;
}

/**
 * Asks the tenant's own endpoints, before it is active, for its discovery document (OpenID Connect Discovery 1.0, 4) and its JWK Set:
 * both must answer, and every address in the former must be the tenant's own.
 */
export async function readPublished(
  rehearse: RehearseTenant,
  record: TenantRecord,
  issuer: string,
): Promise<Published> {
  const rehearsal = rehearse(record);
  try {
    const read = async (path: string) => {
      const { status, body } = await rehearsal.get(`/${record.slug}${path}`);
      if (status === 503) {
        throw new AppError('temporarily_unavailable', 'The tenant cannot be brought to life at the moment.');
      }
      return status === 200 ? parseObject(body) : undefined;
    };
    const discovery = await read('/.well-known/openid-configuration');
    const jwks = await read('/jwks');
    const problems = [
      ...(discovery === undefined ? ['the discovery document is not served'] : foreign(discovery, issuer)),
      ...(jwks === undefined ? ['the JWK Set is not served'] : []),
    ];
    return {
      jwks: { keys: Array.isArray(jwks?.keys) ? jwks.keys : [] },
      endpoints: finding('endpoints', problems, 'discovery document and JWK Set are served'),
    };
  } finally {
    await rehearsal.close();
  }
}

function foreign(discovery: Record<string, unknown>, issuer: string): string[] {
  const addresses = Object.entries(discovery).filter(
    ([name]) => name === 'jwks_uri' || name.endsWith('_endpoint'),
  );
  return [
    ...(discovery.issuer === issuer ? [] : ['the discovery document names another issuer']),
    ...addresses
      .filter(([, address]) => !String(address).startsWith(`${issuer}/`))
      .map(([name]) => `${name} is not below the issuer`),
  ];
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

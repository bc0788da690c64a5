import type { BenchRequest } from './load.ts';

/** A client with its Basic credentials. */
export interface BenchClient {
  clientId: string;
  clientSecret: string;
}

/** One issuer to send requests to. */
export interface BenchTenant {
  /** Path of the issuer; empty when it is the root. */
  path: string;
  machine: BenchClient;
  web: BenchClient;
  /** One per sign-in; each rotates on its own. */
  refreshTokens: string[];
}

/** The API resource whose access tokens are JWTs, and its scope. */
export const jwtResource = 'https://orders.example/';
export const jwtScope = 'orders:read';

export const flowNames = [
  'discovery',
  'JWKS',
  'client credentials, opaque',
  'client credentials, JWT',
  'refresh token',
] as const;

export type FlowName = (typeof flowNames)[number];

/** The requests of each flow, spread evenly over all tenants. */
export function createFlows(
  tenants: readonly BenchTenant[],
  concurrency: number,
): Record<FlowName, (worker: number) => BenchRequest> {
  let turn = 0;
  const nextTenant = () => pick(tenants, turn++);
  const get = (path: string) => (): BenchRequest => ({
    method: 'GET',
    path: nextTenant().path + path,
    headers: { accept: 'application/json' },
  });
  const grant = (form: Record<string, string>) => () => {
    const { path, machine } = nextTenant();
    return tokenRequest(path, machine, { grant_type: 'client_credentials', ...form });
  };
  const refresh = createRefreshing(tenants, concurrency);
  return {
    discovery: get('/.well-known/openid-configuration'),
    JWKS: get('/jwks'),
    'client credentials, opaque': grant({}),
    'client credentials, JWT': grant({ resource: jwtResource, scope: jwtScope }),
    'refresh token': refresh,
  };
}

/** A rotated token must not be sent twice: each worker has tokens of its own and goes around them. */
function createRefreshing(tenants: readonly BenchTenant[], concurrency: number) {
  const families = tenants.flatMap((tenant) =>
    tenant.refreshTokens.map((token) => ({ path: tenant.path, client: tenant.web, token })),
  );
  if (families.length < concurrency) {
    throw new Error('there are fewer refresh tokens than workers');
  }
  const turns = new Array<number>(concurrency).fill(0);
  return (worker: number): BenchRequest => {
    const own = Math.ceil((families.length - worker) / concurrency);
    const turn = turns[worker] ?? 0;
    turns[worker] = turn + 1;
    const family = pick(families, worker + (turn % own) * concurrency);
    return {
      ...tokenRequest(family.path, family.client, {
        grant_type: 'refresh_token',
        refresh_token: family.token,
      }),
      answered(body) {
        const { refresh_token: successor } = JSON.parse(body) as { refresh_token?: string };
        if (successor === undefined || successor === family.token) {
          throw new Error('the refresh token was not rotated');
        }
        family.token = successor;
      },
    };
  };
}

function tokenRequest(
  path: string,
  { clientId, clientSecret }: BenchClient,
  form: Record<string, string>,
): BenchRequest {
  const body = new URLSearchParams(form).toString();
  return {
    method: 'POST',
    path: `${path}/token`,
    headers: {
      accept: 'application/json',
      authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`,
      'content-type': 'application/x-www-form-urlencoded',
      'content-length': String(Buffer.byteLength(body)),
    },
    body,
  };
}

function pick<T>(list: readonly T[], turn: number): T {
  return list[turn % list.length] as T;
}

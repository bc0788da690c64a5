import { type Static, Type } from 'typebox';
import { type Condition, ConditionFailed, type Item, type Table } from '../cloud/tables/port.ts';
import { AppError, type FieldError } from '../kernel/errors.ts';
import { clientIdPattern } from './client-input.ts';
import { scopePattern } from './client-settings.ts';

const maxIndicatorLength = 512;

export const maxAccessTokenTtlSeconds = 86_400;

/** An API of the tenant that takes access tokens (E1): a resource server in the words of RFC 8707. */
export const apiResourceSchema = Type.Object(
  {
    indicator: Type.String({
      minLength: 1,
      maxLength: maxIndicatorLength,
      description: 'Absolute URI that clients ask for and tokens carry as audience',
    }),
    name: Type.String({ minLength: 1, maxLength: 100 }),
    scopes: Type.Array(Type.String({ pattern: scopePattern }), { maxItems: 100, uniqueItems: true }),
    accessTokenFormat: Type.Enum(['jwt', 'opaque']),
    accessTokenTtlSeconds: Type.Integer({ minimum: 60, maximum: maxAccessTokenTtlSeconds }),
    signingAlgorithm: Type.Optional(
      Type.Enum(['ES256', 'RS256', 'PS256'], {
        description:
          'Of JWT access tokens, one that the tenant has a key of; by default that of the client’s ID tokens',
      }),
    ),
    introspectionClientIds: Type.Optional(
      Type.Array(Type.String({ pattern: clientIdPattern }), {
        maxItems: 20,
        uniqueItems: true,
        description:
          'Confidential clients of the API itself, which may introspect tokens that are meant for it',
      }),
    ),
    scopesByRole: Type.Optional(
      Type.Boolean({
        description: 'People get only those of its scopes that their roles give; default false',
      }),
    ),
  },
  { additionalProperties: false },
);

export type ApiResource = Static<typeof apiResourceSchema>;

/** What the schema cannot say: the indicator is an absolute URI without fragment (RFC 8707 §2). */
export function validateApiResource({ indicator, ...resource }: Partial<ApiResource>): FieldError[] {
  const url = indicator !== undefined && /^[\x21-\x7e]+$/.test(indicator) ? URL.parse(indicator) : null;
  return [
    ...(indicator === undefined || (url !== null && !indicator.includes('#'))
      ? []
      : [{ field: 'indicator', message: 'must be an absolute URI without fragment' }]),
    ...(resource.accessTokenFormat === 'opaque' && resource.signingAlgorithm !== undefined
      ? [{ field: 'signingAlgorithm', message: 'is for JWT access tokens; opaque ones are not signed' }]
      : []),
  ];
}

export interface ApiResources {
  get(indicator: string): Promise<ApiResource | undefined>;
  /** All of them. */
  list(): Promise<ApiResource[]>;
  /** Ordered by indicator. */
  page(page: { limit: number; cursor?: string }): Promise<{ resources: ApiResource[]; cursor?: string }>;
  /** `AppError('conflict')` when the indicator is taken. */
  create(resource: ApiResource): Promise<void>;
  /** Creates or replaces. */
  put(resource: ApiResource): Promise<void>;
  /**
   * Replaces everything but the indicator. `change` runs again when somebody else wrote in between, and may refuse by throwing.
   * `AppError('not_found')` for an unknown one.
   */
  change(indicator: string, change: (resource: ApiResource) => ApiResource): Promise<ApiResource>;
  /** `check` may refuse by throwing. `AppError('not_found')` for an unknown one. */
  remove(indicator: string, check: (resource: ApiResource) => void): Promise<void>;
}

const changeAttempts = 5;

/** The API resources of one tenant, one item each under `Resource`. */
export function createApiResources({ table }: { table: Table }): ApiResources {
  async function read(indicator: string): Promise<Item | undefined> {
    // Indicators come from requests: one longer than any that can be registered is not worth a read, nor a valid key.
    const isPossible = indicator !== '' && Buffer.byteLength(indicator) <= maxIndicatorLength;
    return isPossible ? table.get({ pk: 'Resource', sk: indicator }) : undefined;
  }

  /** Until nobody else writes between the look and the write. */
  async function onStored<Result>(indicator: string, act: (item: Item) => Promise<Result>): Promise<Result> {
    for (let attempt = 1; attempt <= changeAttempts; attempt += 1) {
      const item = await read(indicator);
      if (item === undefined) {
        throw new AppError('not_found', 'There is no such resource.');
      }
      try {
        return await act(item);
      } catch (error) {
        if (!(error instanceof ConditionFailed)) throw error;
      }
    }
    throw new AppError('conflict', 'The resource is being changed by somebody else. Try again.');
  }

  return {
    async get(indicator) {
      const item = await read(indicator);
      return item && fromItem(item);
    },

    async list() {
      const resources: ApiResource[] = [];
      let cursor: string | undefined;
      do {
        const page = await table.query({ pk: 'Resource', ...(cursor === undefined ? {} : { cursor }) });
        resources.push(...page.items.map(fromItem));
        cursor = page.cursor;
      } while (cursor !== undefined);
      return resources;
    },

    async page({ limit, cursor }) {
      const page = await table.query({
        pk: 'Resource',
        limit,
        ...(cursor === undefined ? {} : { cursor }),
      });
      return {
        resources: page.items.map(fromItem),
        ...(page.cursor === undefined ? {} : { cursor: page.cursor }),
      };
    },

    async create(resource) {
      try {
        await table.put(toItem(resource), [{ exists: false }]);
      } catch (error) {
        throw error instanceof ConditionFailed ? indicatorTaken() : error;
      }
    },

    put: (resource) => table.put(toItem(resource)),

    change: (indicator, change) =>
      onStored(indicator, async (item) => {
        const next = { ...change(fromItem(item)), indicator };
        await table.put(toItem(next), unchangedSince(item));
        return next;
      }),

    remove: (indicator, check) =>
      onStored(indicator, async (item) => {
        check(fromItem(item));
        await table.delete({ pk: 'Resource', sk: indicator }, unchangedSince(item));
      }),
  };
}

export function indicatorTaken(): AppError {
  return new AppError('conflict', 'There is a resource with this indicator.', {
    fields: [{ field: 'indicator', message: 'is taken' }],
  });
}

/** Everything that can change stands in one attribute, so it tells whether something did. */
function unchangedSince({ document }: Item): Condition {
  return typeof document === 'string'
    ? [{ attribute: 'document', equals: document }]
    : [{ exists: true }, { attribute: 'document', absent: true }];
}

function toItem({ indicator, introspectionClientIds = [], ...resource }: ApiResource): Item {
  return {
    pk: 'Resource',
    sk: indicator,
    document: JSON.stringify({ ...resource, introspectionClientIds }),
  };
}

function fromItem(item: Item): ApiResource {
  if (typeof item.document === 'string') {
    return { indicator: item.sk, ...(JSON.parse(item.document) as Omit<ApiResource, 'indicator'>) };
  }
  // Written by an earlier version, one attribute per field.
  return {
    indicator: item.sk,
    name: String(item.name),
    scopes: JSON.parse(String(item.scopes)),
    accessTokenFormat: item.accessTokenFormat as ApiResource['accessTokenFormat'],
    accessTokenTtlSeconds: Number(item.accessTokenTtlSeconds),
    introspectionClientIds: JSON.parse(String(item.introspectionClientIds)),
  };
}

import { type Static, Type } from 'typebox';
import type { Table } from '../cloud/tables/port.ts';
import { succeeds } from '../cloud/tables/unless-refused.ts';
import type { Clock } from '../kernel/clock.ts';
import { epochSeconds } from '../kernel/clock.ts';
import { AppError } from '../kernel/errors.ts';

/** How much of what a tenant may have (B14). What is absent has no limit. */
export const quotasSchema = Type.Object(
  {
    users: Type.Optional(Type.Integer({ minimum: 0, maximum: 100_000_000 })),
    clients: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000_000 })),
    requestsPerSecond: Type.Optional(
      Type.Number({ minimum: 1, maximum: 1_000_000, description: 'In each process that serves' }),
    ),
    tokensPerSecond: Type.Optional(
      Type.Number({ minimum: 1, maximum: 1_000_000, description: 'Token requests, in each process' }),
    ),
  },
  { additionalProperties: false },
);

export type Quotas = Static<typeof quotasSchema>;
export type CountQuota = 'users' | 'clients';
export type RateQuota = 'requestsPerSecond' | 'tokensPerSecond';

/** From which part of a limit on its tenant is told. */
export const warningShare = 0.8;

export interface QuotaStore {
  get(): Promise<Quotas>;
  /** `change` runs again when somebody else wrote in between. `AppError('conflict')` when others keep writing. */
  change(change: (quotas: Quotas) => Quotas): Promise<Quotas>;
  /** True once per UTC day and quota: whoever gets it tells of it. */
  claimWarning(quota: CountQuota | RateQuota): Promise<boolean>;
}

const key = { pk: 'Quota', sk: 'limits' };
const changeAttempts = 5;

export function createQuotaStore({ table, clock }: { table: Table; clock: Clock }): QuotaStore {
  const read = async () => (await table.get(key))?.document as string | undefined;
  const parse = (document: string | undefined) =>
    document === undefined ? {} : (JSON.parse(document) as Quotas);

  return {
    get: async () => parse(await read()),

    async change(change) {
      for (let attempt = 1; attempt <= changeAttempts; attempt += 1) {
        const document = await read();
        const next = change(parse(document));
        const unchanged =
          document === undefined ? { exists: false } : { attribute: 'document', equals: document };
        if (await succeeds(table.put({ ...key, document: JSON.stringify(next) }, [unchanged]))) {
          return next;
        }
      }
      throw new AppError('conflict', 'The quotas are being changed by somebody else. Try again.');
    },

    claimWarning: (quota) =>
      succeeds(
        table.put(
          {
            pk: 'Quota',
            sk: `warned#${quota}#${new Date(clock.now()).toISOString().slice(0, 10)}`,
            expiresAt: epochSeconds(clock) + 3 * 86_400,
          },
          [{ exists: false }],
        ),
      ),
  };
}

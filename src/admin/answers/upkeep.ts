import { Type } from 'typebox';
import { inline, instant, shape } from '../answer-schema.ts';
import { actorSchema } from './people.ts';

const kind = Type.Enum(['orphan', 'missing', 'drift']);
const count = Type.Integer({ minimum: 0 });

export const reconciliationStartedSchema = shape('ReconciliationStarted', {
  id: Type.String(),
  state: Type.Literal('queued'),
  repair: Type.Boolean(),
});

export const reconciliationSchema = shape('Reconciliation', {
  id: Type.String(),
  state: Type.Enum(['queued', 'running', 'done', 'failed']),
  requestedBy: actorSchema,
  repair: Type.Boolean(),
  tenants: count,
  found: inline({ orphan: count, missing: count, drift: count }),
  discrepancies: Type.Array(
    shape('Discrepancy', {
      kind,
      what: Type.String(),
      name: Type.String(),
      problem: Type.String(),
      tenantId: Type.String(),
      slug: Type.Optional(Type.String()),
      repair: Type.Optional(Type.String()),
      since: instant,
    }),
  ),
  unchecked: Type.Array(
    inline({ what: Type.String(), slug: Type.Optional(Type.String()), reason: Type.String() }),
  ),
  error: Type.Optional(Type.String()),
  requestedAt: instant,
  finishedAt: Type.Optional(instant),
});

export const healthSchema = shape('TenantHealth', {
  status: Type.Enum(['healthy', 'unhealthy']),
  since: instant,
  checkedAt: instant,
  checks: Type.Array(
    inline({ name: Type.String(), passed: Type.Boolean(), detail: Type.Optional(Type.String()) }),
  ),
});

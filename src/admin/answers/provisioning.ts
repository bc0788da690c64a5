import { Type } from 'typebox';
import { inline, instant, shape } from '../answer-schema.ts';

export const provisioningStateSchema = Type.Enum([
  'queued',
  'running',
  'awaiting-validation',
  'awaiting-compliance',
  'active',
  'failed',
  'rolled-back',
  'blocked',
  'deprovisioning',
  'deprovisioned',
]);

const stepSchema = shape('ProvisioningStep', {
  name: Type.String(),
  status: Type.Enum(['pending', 'intended', 'done', 'undoing', 'undone', 'undo-failed']),
  attempts: Type.Integer({ minimum: 0 }),
  error: Type.Optional(Type.String()),
  startedAt: Type.Optional(instant),
  finishedAt: Type.Optional(instant),
});

const progressFields = {
  state: provisioningStateSchema,
  runId: Type.Optional(Type.String({ description: 'Absent while the run waits in the queue' })),
  steps: Type.Array(stepSchema),
  failedStep: Type.Optional(Type.String()),
  error: Type.Optional(Type.String()),
};

/** How far the building of a tenant has come. */
export const progressSchema = shape('Provisioning', progressFields);

/** The same, and what came of it. */
export const tenantProgressSchema = inline({
  ...progressFields,
  status: Type.String(),
  firstClientId: Type.Optional(Type.String()),
  url: Type.Optional(Type.String({ description: "Where the tenant's own services answer" })),
});

/** One entry of a registration's history. */
export const historyEntrySchema = shape('HistoryEntry', {
  at: instant,
  what: Type.String(),
  by: Type.String(),
  why: Type.Optional(Type.String()),
});

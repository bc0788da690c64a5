import { Type } from 'typebox';
import { inline, instant, page, shape } from '../answer-schema.ts';
import { actorSchema } from './people.ts';

const auditEventSchema = shape('AuditEvent', {
  id: Type.String(),
  at: instant,
  event: Type.String({ examples: ['tenant.registration.approved'] }),
  severity: Type.Enum(['info', 'notice', 'high']),
  tenantId: Type.Union([Type.String(), Type.Null()]),
  actor: actorSchema,
  details: Type.Record(Type.String(), Type.Unknown()),
  previousHash: Type.String(),
  hash: Type.String(),
});

export const auditPageSchema = page('AuditPage', 'events', auditEventSchema);

/** `ChainReport`. */
export const chainReportSchema = shape('ChainReport', {
  chain: Type.String(),
  intact: Type.Boolean(),
  events: Type.Integer({ minimum: 0 }),
  head: Type.Optional(Type.String()),
  problem: Type.Optional(
    inline({
      kind: Type.Enum(['edited', 'removed', 'reordered', 'cut-off', 'rewritten', 'forged-checkpoint']),
      position: Type.Integer({ minimum: 1 }),
      event: Type.Optional(Type.String()),
      message: Type.String(),
    }),
  ),
  checkpoint: Type.Optional(
    inline({
      events: Type.Integer({ minimum: 0 }),
      head: Type.String(),
      at: instant,
      jws: Type.String(),
    }),
  ),
});

/** `AuditReport`. */
const auditReportSchema = shape('AuditReport', {
  intact: Type.Boolean(),
  chains: Type.Integer({ minimum: 0 }),
  events: Type.Integer({ minimum: 0 }),
  unsigned: Type.Integer({ minimum: 0 }),
  broken: Type.Array(chainReportSchema),
});

/** Of the whole log, or of the one chain that was asked for. */
export const verificationSchema = Type.Union([auditReportSchema, chainReportSchema]);

/** One line of `exportAudit`; what else is in it depends on the type. */
export const auditLineSchema = Type.Object(
  { type: Type.Enum(['header', 'checkpoint', 'event', 'end']) },
  { title: 'AuditLine', additionalProperties: true },
);

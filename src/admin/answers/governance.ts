import { Type } from 'typebox';
import { inline, instant, shape } from '../answer-schema.ts';

const findingSchema = shape('Finding', {
  name: Type.String(),
  passed: Type.Boolean(),
  detail: Type.String(),
});

const decisionSchema = shape('Decision', {
  gate: Type.String(),
  decision: Type.Enum(['approve', 'reject', 'pass', 'fail']),
  by: Type.String(),
  email: Type.Optional(Type.String()),
  words: Type.Optional(Type.String({ description: 'The comment, or the findings' })),
  checks: Type.Array(findingSchema),
  runId: Type.Optional(Type.String()),
  at: instant,
});

export const decisionsSchema = shape('Decisions', {
  decisions: Type.Array(decisionSchema),
  waits: Type.Optional(inline({ gate: Type.String(), since: instant, checks: Type.Array(Type.Unknown()) })),
});

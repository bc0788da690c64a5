import { Type } from 'typebox';
import { quotasSchema } from '../../tenancy/quotas.ts';
import { inline, shape } from '../answer-schema.ts';

const count = Type.Integer({ minimum: 0 });

export const usageSchema = shape('Usage', {
  granularity: Type.Enum(['day', 'month']),
  from: Type.String(),
  to: Type.String(),
  usage: Type.Array(
    inline({ period: Type.String(), requests: count, signIns: count, tokens: count, activeUsers: count }),
  ),
});

export const quotasViewSchema = shape('Quotas', quotasSchema.properties);

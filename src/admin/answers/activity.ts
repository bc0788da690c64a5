import { Type } from 'typebox';
import { activityKinds } from '../../identity/activity.ts';
import { instant, page, shape } from '../answer-schema.ts';

/** `Activity`. */
export const activitySchema = shape('Activity', {
  id: Type.String(),
  at: instant,
  kind: Type.Enum([...activityKinds]),
  applicationTenantId: Type.String({ description: 'Where it belongs; what is nobody’s is `default`’s' }),
  userId: Type.Optional(Type.String({ description: 'Absent when it is about nobody who is known' })),
  clientId: Type.Optional(Type.String()),
  methods: Type.Optional(
    Type.Array(Type.String(), { description: 'Of a sign-in: authentication methods (RFC 8176)' }),
  ),
  factor: Type.Optional(
    Type.String({ description: '`totp`, `passkey`, `recovery-codes`, or the name of a sign-in source' }),
  ),
  reason: Type.Optional(
    Type.Enum(['password', 'totp', 'recovery-code', 'passkey', 'source', 'network'], {
      description: 'Why a sign-in failed: what was wrong',
    }),
  ),
  address: Type.Optional(Type.String({ description: 'Client address, or the network that it is in' })),
  device: Type.Optional(Type.String({ examples: ['Firefox on Windows'] })),
});

export const activityPageSchema = page('ActivityPage', 'activities', activitySchema);

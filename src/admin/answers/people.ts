import { Type } from 'typebox';
import { instant, shape } from '../answer-schema.ts';

/** Who did something. */
export const actorSchema = shape('Actor', {
  kind: Type.Enum(['operator', 'tenant-admin', 'client', 'api-key', 'requester', 'system']),
  id: Type.String({ description: 'Account id, client id, or the name of a part of the server' }),
  email: Type.Optional(Type.String({ description: 'Of a person' })),
});

/** What somebody did to a tenant, and why. */
export const noteSchema = shape('Note', { at: instant, by: Type.String(), reason: Type.String() });

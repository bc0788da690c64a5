import { Type } from 'typebox';
import { inline, instant, shape } from '../answer-schema.ts';
import { actorSchema } from './people.ts';

const keyState = Type.Enum(['pending', 'active', 'retiring', 'retired', 'destroyed']);

const life = {
  state: keyState,
  createdAt: instant,
  publishedAt: Type.Optional(instant),
  activatedAt: Type.Optional(instant),
  retiringAt: Type.Optional(instant),
  retiredAt: Type.Optional(instant),
  destroyedAt: Type.Optional(instant),
  revocation: Type.Optional(inline({ at: instant, by: actorSchema, reason: Type.String() })),
  next: Type.Optional(inline({ state: keyState, at: instant })),
};

/** `keysView`. */
export const keysSchema = shape('Keys', {
  keys: Type.Array(
    shape('SigningKey', { kid: Type.String(), alg: Type.Enum(['ES256', 'RS256', 'PS256']), ...life }),
  ),
  cookieKeys: Type.Array(shape('CookieKey', { id: Type.String(), ...life })),
});

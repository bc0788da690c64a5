import { Type } from 'typebox';
import { signInSourceSchema } from '../../identity/sign-in-source.ts';
import { inline, instant, page, shape, webAddress } from '../answer-schema.ts';

export const signInSourceViewSchema = shape('SignInSource', {
  ...signInSourceSchema.properties,
  id: Type.String({ examples: ['src_Zm9vYmFyYmF6cXV4MTIzNA'] }),
  hasSecret: Type.Boolean(),
  callbackUrl: Type.Optional(
    Type.String({ ...webAddress, description: 'What an OpenID provider has to know as redirect URI' }),
  ),
  createdAt: instant,
  updatedAt: instant,
});

export const signInSourcePageSchema = page('SignInSourcePage', 'signInSources', signInSourceViewSchema);

export const signInSourceTestSchema = inline({
  works: Type.Boolean(),
  reason: Type.Optional(Type.Enum(['denied', 'unavailable', 'misconfigured', 'untrusted'])),
  explanation: Type.Optional(Type.String()),
});

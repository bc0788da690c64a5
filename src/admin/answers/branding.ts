import { Type } from 'typebox';
import { brandingSchema } from '../../identity/branding.ts';
import { inline, shape, webAddress } from '../answer-schema.ts';

export const brandingViewSchema = shape('Branding', {
  ...brandingSchema.properties,
  logo: Type.Optional(inline({ url: webAddress, type: Type.String(), bytes: Type.Integer({ minimum: 1 }) })),
});

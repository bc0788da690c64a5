import { Type } from 'typebox';
import { apiResourceSchema } from '../../clients/api-resources.ts';
import { page, shape } from '../answer-schema.ts';

export const resourceSchema = shape('ApiResource', apiResourceSchema.properties);

export const resourcePageSchema = page('ApiResourcePage', 'resources', resourceSchema);

export const removedResourceSchema = shape('RemovedApiResource', {
  indicator: Type.String(),
  removed: Type.Literal(true),
});

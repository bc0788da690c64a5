import { type PathParameter, pathParameters } from '../path-parameters.ts';
import type { Route } from '../route.ts';
import type { Components, JsonSchema } from './components.ts';

export interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header';
  required: boolean;
  description?: string;
  schema: JsonSchema;
}

/** Every parameter of a route. */
export function parametersOf(route: Route, components: Components): Parameter[] {
  return [...inPath(route), ...inQuery(route, components), ...inHeaders(route)];
}

function inPath({ path }: Route): Parameter[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => {
    const { description, example, form } = pathParameters[name] ?? noParameter;
    return {
      name,
      in: 'path',
      required: true,
      description,
      schema: { type: 'string', minLength: 1, pattern: form.source, examples: [example] },
    };
  });
}

const noParameter: PathParameter = { description: '', example: '', form: /^$/ };

function inQuery({ takes }: Route, components: Components): Parameter[] {
  if (!('query' in takes)) {
    return [];
  }
  const { properties = {}, required = [] } = components.refer(takes.query) as {
    properties?: Record<string, JsonSchema>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    ...(typeof description === 'string' ? { description } : {}),
    schema,
  }));
}

const idempotencyKey: Parameter = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description: 'The same request with the same key within 24 hours gets the first answer',
  schema: { type: 'string', pattern: '^[!-~]{1,255}$' },
};

function inHeaders({ takes, uploads }: Route): Parameter[] {
  if ('query' in takes) {
    return uploads === undefined ? [] : [idempotencyKey];
  }
  const isChange = 'document' in takes;
  return [
    idempotencyKey,
    {
      name: 'If-Match',
      in: 'header',
      required: isChange,
      description: 'The ETag of what the caller has seen, or *',
      schema: { type: 'string', examples: ['*'] },
    },
  ];
}

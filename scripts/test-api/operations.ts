/** An operation of the API's document. */
export interface Operation {
  id: string;
  method: string;
  path: string;
}

/** Of a document of OpenAPI 3.1, as far as it matters here. */
interface ApiDocument {
  paths: Record<string, Record<string, { operationId?: string }>>;
}

export async function readOperations(origin: string, signal: AbortSignal): Promise<Operation[]> {
  const response = await fetch(`${origin}/api/openapi.json`, { signal });
  const { paths } = (await response.json()) as ApiDocument;
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, { operationId }]) =>
      operationId === undefined ? [] : [{ id: operationId, method: method.toUpperCase(), path }],
    ),
  );
}

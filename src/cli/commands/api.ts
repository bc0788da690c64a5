import { Command, InvalidArgumentError } from 'commander';
import type { OperationName, RequestOf } from '../api-client.ts';
import { Failure } from '../failure.ts';
import { type OperationPlace, operations } from '../generated/api.ts';
import { saveStream } from '../save-stream.ts';
import type { Tools } from '../tools.ts';

interface CallOptions {
  set: Record<string, string>;
  body?: string;
  ifMatch?: string;
}

/** `api`: every operation of the API by its name, for whatever has no command of its own. */
export function apiCommand(tools: Tools): Command {
  return new Command('api')
    .description('call any operation of the API; without one, list them')
    .argument('[operation]', 'its name')
    .option('--set <name=value>', 'a parameter of the path or the query; may be repeated', parsePair, {})
    .option('--body <file>', 'the body as JSON (- for the input)')
    .option('--if-match <etag>', 'the version to change')
    .action(async (name: string | undefined, { set, body, ifMatch }: CallOptions) => {
      if (name === undefined) {
        const rows = Object.entries(operations as Record<string, OperationPlace>);
        const listed = rows.map(([operation, { method, path }]) => ({ operation, method, path }));
        tools.list({ operations: listed }, listed, [
          ['operation', ({ operation }) => operation],
          ['method', ({ method }) => method],
          ['path', ({ path }) => path],
        ]);
        return;
      }
      const place = (operations as Record<string, OperationPlace>)[name];
      if (place === undefined) {
        throw new Failure('usage', `There is no operation ${name}. \`tenantry api\` lists them.`);
      }
      const request = {
        ...sort(place, set),
        ...(body !== undefined
          ? { body: await tools.readJson(body) }
          : place.method === 'GET'
            ? {}
            : { body: {} }),
        ...(ifMatch === undefined ? {} : { ifMatch }),
      } as RequestOf<OperationName>;
      const api = await tools.api();
      if (place.answers === 'application/json') {
        tools.show((await api.call(name as OperationName, request)) as object);
      } else {
        await saveStream(tools.terminal, await api.stream(name as OperationName, request), undefined);
      }
    });
}

/** The parameters by where they belong. */
function sort({ path, query }: OperationPlace, set: Record<string, string>) {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
  const missing = inPath.filter((name) => set[name] === undefined);
  const unknown = Object.keys(set).filter((name) => !inPath.includes(name) && !query.includes(name));
  if (missing.length + unknown.length > 0) {
    throw new Failure(
      'usage',
      [
        ...missing.map((name) => `Give ${name}: --set ${name}=….`),
        ...unknown.map((name) => `There is no parameter ${name}.`),
      ].join('\n'),
    );
  }
  const pick = (names: readonly string[]) =>
    Object.fromEntries(Object.entries(set).filter(([name]) => names.includes(name)));
  return { path: pick(inPath), query: pick(query) };
}

function parsePair(text: string, before: Record<string, string>): Record<string, string> {
  const [, name, value] = /^(\w+)=(.*)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined) {
    throw new InvalidArgumentError('It must look like name=value.');
  }
  return { ...before, [name]: value };
}

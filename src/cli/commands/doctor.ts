import { Command } from 'commander';
import manifest from '../../../package.json' with { type: 'json' };
import { reach } from '../api-client.ts';
import { explain, Failure, ProblemFailure } from '../failure.ts';
import { discoverIssuer } from '../issuer.ts';
import type { Tools } from '../tools.ts';

interface Check {
  name: string;
  /** What was found; throws a `Failure` about what is wrong. */
  run(server: URL): Promise<string>;
}

interface Finding {
  check: string;
  passed: boolean;
  detail: string;
}

/** Tokens are valid for seconds around the present moment, so clocks must not differ by more. */
const toleratedSkewSeconds = 5;
const oldestNode = 24;

/** `doctor`: whether this command and the server can work together. */
export function doctorCommand(tools: Tools): Command {
  const { terminal } = tools;
  const get = (server: URL, path: string) =>
    reach(terminal.fetch, new URL(path, server), { redirect: 'manual' });

  const checks: Check[] = [
    {
      name: 'node',
      async run() {
        const { node } = process.versions;
        return Number(node.split('.')[0]) >= oldestNode ? node : fail(`${node} is older than ${oldestNode}`);
      },
    },
    {
      name: 'server',
      async run(server) {
        const startedAt = terminal.now();
        const { status } = await get(server, '/healthz');
        return status === 200
          ? `${server.origin} answers within ${terminal.now() - startedAt} ms`
          : fail(`${server.origin} answers ${status}`);
      },
    },
    {
      name: 'readiness',
      async run(server) {
        const { status } = await get(server, '/readyz');
        return status === 200 ? 'ready' : fail(`not ready: it answers ${status}`);
      },
    },
    {
      name: 'clock',
      async run(server) {
        const { headers } = await get(server, '/healthz');
        const theirs = Date.parse(headers.get('date') ?? '');
        // Their clock is told in whole seconds.
        const seconds = Math.round((terminal.now() - theirs - 500) / 1000);
        return Math.abs(seconds) <= toleratedSkewSeconds
          ? `differs by ${Math.abs(seconds)} s`
          : fail(`this clock is ${Math.abs(seconds)} s ${seconds > 0 ? 'ahead of' : 'behind'} the server's`);
      },
    },
    {
      name: 'discovery',
      async run(server) {
        const stored = await tools.credentials.get(server.origin);
        const { issuer, jwks_uri: uri } = await discoverIssuer(
          terminal,
          server,
          stored?.tenant ?? 'platform',
        );
        const jwks = (await (await reach(terminal.fetch, new URL(uri))).json()) as { keys?: unknown[] };
        const count = jwks.keys?.length ?? 0;
        return count > 0 ? `${issuer} with ${count} keys` : fail(`${uri} has no keys`);
      },
    },
    { name: 'token', run: checkToken },
    {
      name: 'versions',
      async run(server) {
        const response = await get(server, '/api/openapi.json');
        const { info } = (await response.json()) as { info?: { version?: string } };
        return info?.version === manifest.version
          ? manifest.version
          : fail(`this is ${manifest.version}, the server is ${info?.version ?? 'something else'}`);
      },
    },
  ];

  async function checkToken(server: URL): Promise<string> {
    const stored = await tools.credentials.get(server.origin);
    const slug = terminal.env.TENANTRY_TENANT ?? stored?.tenant ?? 'platform';
    try {
      await (await tools.api()).call('listClients', { path: { slug }, query: { limit: 1 } });
    } catch (error) {
      // A token that may not do this is good all the same.
      if (!(error instanceof ProblemFailure) || ![403, 404, 409].includes(error.problem.status)) {
        throw error;
      }
    }
    return terminal.env.TENANTRY_TOKEN === undefined ? `of the sign-in at ${slug}` : 'TENANTRY_TOKEN';
  }

  async function examine(server: URL, { name, run }: Check): Promise<Finding> {
    try {
      return { check: name, passed: true, detail: await run(server) };
    } catch (error) {
      return { check: name, passed: false, detail: explain(error).text.trim().replaceAll('\n', ' ') };
    }
  }

  return new Command('doctor')
    .description('check whether this command and the server can work together')
    .action(async () => {
      const server = await tools.server();
      const findings: Finding[] = [];
      for (const check of checks) {
        findings.push(await examine(server, check));
      }
      tools.list({ findings }, findings, [
        ['check', ({ check }) => check],
        ['', ({ passed }) => (passed ? 'ok' : 'PROBLEM')],
        ['found', ({ detail }) => detail],
      ]);
      if (findings.some(({ passed }) => !passed)) {
        throw new Failure('failed', 'Something is wrong.');
      }
    });
}

function fail(message: string): never {
  throw new Failure('failed', message);
}

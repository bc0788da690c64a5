import Koa, { type Context, type Middleware } from 'koa';
import type { Clock } from './kernel/clock.ts';
import { AppError } from './kernel/errors.ts';
import type { Random } from './kernel/random.ts';
import type { Log } from './platform/log.ts';
import { logAccess, nameRoute, type OnAnswered } from './web/access-log.ts';
import type { ReadClientIp } from './web/client-ip.ts';
import { checkHost } from './web/host-header.ts';
import { answerErrors, type ErrorPage } from './web/problem.ts';
import { assignRequestId } from './web/request-id.ts';
import { setSecurityHeaders } from './web/security-headers.ts';

export interface ProbedOptions {
  publicUrl: URL;
  log: Log;
  clock: Clock;
  random: Random;
  readClientIp: ReadClientIp;
  /** Whether everything that requests need can be reached; a rejection counts as no. */
  ready: () => Promise<boolean>;
  pages: { error: ErrorPage };
  onAnswered?: OnAnswered;
}

export interface HostOptions extends ProbedOptions {
  /** Everything under `/api`; absent in a process that only serves tenants. */
  adminApp?: Middleware;
  tenantHost: Middleware;
  assets: Middleware;
  pages: { home: (context: Context) => string; error: ErrorPage };
}

/**
 * The one Koa application, in the order in which a request meets it: request id, access log, errors, security headers, health, host check,
 * landing page, assets, admin API, tenants, 404. Health comes before the host check because probes address a server by its IP.
 */
export function createHost(options: HostOptions): Koa {
  const { publicUrl, adminApp, tenantHost, assets, pages } = options;
  const app = createProbed(options);
  app.use(checkHost({ publicUrl }));
  app.use(answerHome(pages.home));
  app.use(onPathsUnder('/assets', assets));
  app.use(onPathsUnder('/api', adminApp ?? answerNotFound));
  app.use(tenantHost);
  app.use(answerNotFound);
  return app;
}

/** Of a process that takes jobs and no requests: it answers those who ask for its health, and nobody else. */
export function createWorkerHost(options: ProbedOptions): Koa {
  return createProbed(options).use(answerNotFound);
}

function createProbed({
  publicUrl,
  log,
  clock,
  random,
  readClientIp,
  ready,
  pages,
  onAnswered,
}: ProbedOptions): Koa {
  const app = new Koa();
  // What reaches Koa's own handler went wrong after the answer had begun, mostly because the client left.
  app.on('error', (error: unknown) => log.info({ error }, 'answer was not finished'));
  app.use(assignRequestId({ random }));
  app.use(logAccess({ log, clock, readClientIp, ...(onAnswered === undefined ? {} : { onAnswered }) }));
  app.use(answerErrors({ log, errorPage: pages.error }));
  app.use(setSecurityHeaders({ publicUrl }));
  app.use(answerHealth({ ready, log }));
  return app;
}

function answerHealth({ ready, log }: Pick<ProbedOptions, 'ready' | 'log'>): Middleware {
  return async (context, next) => {
    const path = pathOf(context);
    if (path !== '/healthz' && path !== '/readyz') {
      return next();
    }
    assertReadOnly(context);
    nameRoute(context, path);
    const isWell =
      path === '/healthz' ||
      (await ready().catch((error) => {
        log.warn({ error }, 'not ready');
        return false;
      }));
    context.status = isWell ? 200 : 503;
    context.body = { status: isWell ? 'ok' : 'unavailable' };
  };
}

function answerHome(home: (context: Context) => string): Middleware {
  return async (context, next) => {
    if (pathOf(context) !== '/') {
      return next();
    }
    assertReadOnly(context);
    nameRoute(context, '/');
    context.type = 'html';
    context.body = home(context as Context);
  };
}

function onPathsUnder(prefix: string, middleware: Middleware): Middleware {
  return (context, next) => {
    const path = pathOf(context);
    if (path !== prefix && !path.startsWith(`${prefix}/`)) {
      return next();
    }
    nameRoute(context, `${prefix}/*`);
    return middleware(context, next);
  };
}

/** What everything that is not there looks like, whatever the reason (E3). */
async function answerNotFound(): Promise<void> {
  throw new AppError('not_found', 'There is nothing at this address.');
}

function assertReadOnly(context: Context): void {
  if (context.method !== 'GET' && context.method !== 'HEAD') {
    throw new AppError('method_not_allowed', 'Only GET and HEAD are supported here.', {
      headers: { Allow: 'GET, HEAD' },
    });
  }
}

/** The raw path, neither decoded nor normalised. */
function pathOf(context: Context): string {
  return (context.req.url ?? '').split('?', 1)[0] ?? '';
}

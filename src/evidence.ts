/** Composes the signed evidence (C7): statements by the platform's key, checkpoints of the audit chains, and the round that keeps both up. */
import { type Checkpoints, createCheckpoints } from './audit/checkpoints.ts';
import { createStatements, type Statements } from './audit/statements.ts';
import { verifyAllChains } from './audit/verify-all.ts';
import type { KeyStore } from './cloud/keys/port.ts';
import type { Tables } from './cloud/tables/port.ts';
import type { Clock } from './kernel/clock.ts';
import { AppError } from './kernel/errors.ts';
import { platformSlug } from './kernel/slug.ts';
import type { Log } from './platform/log.ts';
import type { Postgres } from './platform/postgres.ts';
import { type Repetition, repeat } from './platform/repeat.ts';
import type { Directory } from './tenancy/directory.ts';

export interface Evidence {
  statements: Statements;
  checkpoints: Checkpoints;
  /** Signs the heads of audit chains every minute, and verifies all chains from their beginning at the start and once a day. */
  start(): void;
  stop(): Promise<void>;
}

/** What is younger than this can be cut off a chain without a trace. */
const checkpointMs = 60_000;
const verifyMs = 24 * 60 * 60_000;

export function createEvidence(deps: {
  postgres: Postgres;
  directory: Pick<Directory, 'get'>;
  tables: Pick<Tables, 'open'>;
  keyStore: KeyStore;
  publicUrl: URL;
  clock: Clock;
  log: Log;
  onVerified: (report: { broken: number }) => void;
}): Evidence {
  const { postgres, directory, tables, clock, log, onVerified } = deps;
  const findPlatform = () => directory.get(platformSlug);
  const statements = createStatements({ ...deps, findPlatform });
  const checkpoints = createCheckpoints({
    db: postgres,
    statements,
    async openTable() {
      const platform = await findPlatform();
      if (platform === undefined) {
        throw new AppError('temporarily_unavailable', 'The platform tenant is not set up yet.');
      }
      return tables.open(platform.tableName);
    },
    clock,
    log,
  });
  let round: Repetition | undefined;
  let verifyAfterMs = 0;
  let broken = new Set<string>();

  async function work(signal: AbortSignal): Promise<void> {
    if (clock.now() >= verifyAfterMs) {
      const report = await verifyAllChains(postgres, checkpoints, signal);
      broken = new Set(report.broken.map(({ chain }) => chain));
      for (const { chain, problem } of report.broken) {
        log.error({ chain, problem }, 'an audit chain does not verify');
      }
      verifyAfterMs = clock.now() + verifyMs;
    }
    for (const chain of (await checkpoints.advance(signal)).broken) {
      broken.add(chain);
    }
    onVerified({ broken: broken.size });
  }

  return {
    statements,
    checkpoints,
    start() {
      round ??= repeat(work, { what: 'signing the audit log', everyMs: checkpointMs, log });
    },
    async stop() {
      await round?.stop();
      round = undefined;
    },
  };
}

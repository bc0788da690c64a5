import { join } from 'node:path';
import type { Settings } from './platform/settings.ts';

/** Tells a person what is being prepared and, at the end, where everything is. */
export interface Progress {
  step<T>(what: string, work: () => Promise<T>): Promise<T>;
}

/** Prints one line when a step begins and one with its duration when it is done. */
export function createProgress(print: (line: string) => void = (line) => console.log(line)): Progress {
  return {
    async step(what, work) {
      print(`  … ${what}`);
      const startedAt = performance.now();
      const result = await work();
      print(`  ✓ ${what} (${((performance.now() - startedAt) / 1000).toFixed(2)} s)`);
      return result;
    },
  };
}

/** For logs that machines read: no lines for people. */
export const silentProgress: Progress = { step: (_what, work) => work() };

export function printBanner(settings: Settings, elapsedMs: number): void {
  const { origin } = settings.publicUrl;
  const rows = [
    ['Server', origin],
    ['Operators’ issuer', `${origin}/platform`],
    ['Discovery', `${origin}/platform/.well-known/openid-configuration`],
    ['Admin API', `${origin}/api`],
    ['Register a tenant', `POST ${origin}/api/registrations`],
    ['First credentials', join(settings.dataDir, 'bootstrap.json')],
    ...(settings.mail.kind === 'outbox' ? [['Mail is written to', join(settings.dataDir, 'outbox')]] : []),
    ...(settings.metrics
      ? [['Metrics', `http://${settings.metrics.host}:${settings.metrics.port}/metrics`]]
      : []),
  ];
  const lines = rows.map(([name = '', value]) => `  ${name.padEnd(20)}${value}`);
  console.log(`\nTenantry is ready after ${(elapsedMs / 1000).toFixed(1)} s\n\n${lines.join('\n')}\n`);
}

/** Why the server does not start, for the person who started it. */
export function printFailure(lines: readonly string[]): void {
  console.error(`\nTenantry does not start:\n${lines.map((line) => `  ${line}`).join('\n')}\n`);
}

import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** Everything outside the process that a command touches. */
export interface Terminal {
  env: Readonly<Record<string, string | undefined>>;
  out(text: string): void;
  err(text: string): void;
  fetch: typeof fetch;
  /** Milliseconds since the epoch. */
  now(): number;
  sleep(ms: number): Promise<void>;
  /** Aborts when so much time is over. */
  timeLimit(ms: number): AbortSignal;
  /** Of the user: `$XDG_CONFIG_HOME/tenantry`. */
  configDirectory: string;
}

export function systemTerminal(): Terminal {
  const { XDG_CONFIG_HOME: configHome } = process.env;
  // The Base Directory Specification has relative paths ignored.
  const base = configHome?.startsWith('/') ? configHome : join(homedir(), '.config');
  return {
    env: process.env,
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    fetch,
    now: Date.now,
    sleep: (ms) => delay(ms),
    timeLimit: (ms) => AbortSignal.timeout(ms),
    configDirectory: join(base, 'tenantry'),
  };
}

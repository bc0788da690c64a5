import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { AnswerOfServer, QuestionToServer, Usage } from './measured-server.ts';

/** A server in a process of its own. */
export interface ServerProcess<Facts> {
  facts: Facts;
  usage(): Promise<Usage>;
}

export interface StartServerOptions {
  /** Ends the process when disposed. */
  stack: AsyncDisposableStack;
  /** In place of our own environment. */
  env?: Record<string, string>;
  nodeOptions?: readonly string[];
}

/** Starts `script` of this folder and waits until it is ready. Its log goes nowhere, its errors to ours. */
export async function startServer<Facts>(
  script: string,
  { stack, env = {}, nodeOptions = [] }: StartServerOptions,
): Promise<ServerProcess<Facts>> {
  const child = fork(join(import.meta.dirname, script), {
    env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', ...env },
    execArgv: [...nodeOptions],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  stack.defer(() => stopServer(child));
  const answer = await nextAnswer<Facts>(child);
  if (!('ready' in answer)) {
    throw new Error(`${script} answered before it was ready`);
  }
  return {
    facts: answer.ready,
    async usage() {
      const answered = nextAnswer<Facts>(child);
      ask(child, 'usage');
      const reply = await answered;
      if (!('usage' in reply)) {
        throw new Error(`${script} did not tell its usage`);
      }
      return reply.usage;
    },
  };
}

/** By force when it takes longer than 15 seconds. */
async function stopServer(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) {
    return;
  }
  const exited = once(child, 'exit');
  ask(child, 'stop');
  const inTime = new AbortController();
  delay(15_000, undefined, { signal: inTime.signal }).then(
    () => child.kill('SIGKILL'),
    () => {},
  );
  await exited;
  inTime.abort();
}

function ask(child: ChildProcess, question: QuestionToServer): void {
  child.send(question);
}

async function nextAnswer<Facts>(child: ChildProcess): Promise<AnswerOfServer<Facts>> {
  const waiting = new AbortController();
  const { signal } = waiting;
  try {
    return await Promise.race([
      once(child, 'message', { signal }).then(([answer]) => answer as AnswerOfServer<Facts>),
      once(child, 'exit', { signal }).then(([code]) => {
        throw new Error(`a measured server ended with code ${code}`);
      }),
    ]);
  } finally {
    waiting.abort();
  }
}

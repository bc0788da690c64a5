import type { Log } from '../platform/log.ts';
import { repeat } from '../platform/repeat.ts';
import type { MailQueue } from './mail-queue.ts';

/** What a process does about mails without anybody's waiting for it. One for all tenants. */
export interface MailDispatch {
  /** Runs the work in the background; its failure is logged. */
  run(work: () => Promise<unknown>): void;
  /** Mail may be waiting in this queue: the process attempts it when it is due, until none is left. */
  lookAgain(queue: MailQueue): void;
  /** One round over the queues that were named. */
  deliverDue(): Promise<void>;
  /** Begins to look every few seconds, until `stop`. */
  start(): void;
  /** Resolves when everything under way has ended. What waits stays written down. */
  stop(): Promise<void>;
}

const everyMs = 5_000;

export function createMailDispatch({ log }: { log: Log }): MailDispatch {
  const underWay = new Set<Promise<void>>();
  const waiting = new Set<MailQueue>();
  let repetition: ReturnType<typeof repeat> | undefined;

  async function attempt(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      log.error({ err: error }, 'a mail could not be handled');
    }
  }

  async function deliverDue(): Promise<void> {
    for (const queue of [...waiting]) {
      // Taken out first: what fails meanwhile puts it in again.
      waiting.delete(queue);
      await attempt(async () => {
        let isWaiting = true;
        try {
          isWaiting = await queue.deliverDue();
        } finally {
          if (isWaiting) waiting.add(queue);
        }
      });
    }
  }

  return {
    run(work) {
      const running = attempt(work).finally(() => underWay.delete(running));
      underWay.add(running);
    },
    lookAgain: (queue) => void waiting.add(queue),
    deliverDue,
    start() {
      repetition ??= repeat(deliverDue, { what: 'sending mails of tenants', everyMs, log });
    },
    async stop() {
      await repetition?.stop();
      repetition = undefined;
      // What is under way may begin something more.
      while (underWay.size > 0) await Promise.all(underWay);
    },
  };
}

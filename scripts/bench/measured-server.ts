/** The child's side of a measured server: announces where it is, tells what its work has cost, and ends when its parent says so or is gone. */

/** What a server has used since it started. */
export interface Usage {
  /** CPU of the thread that answers requests, in microseconds. */
  eventLoopMicros: number;
  /** CPU of the whole process, in microseconds: with garbage collection, and with the embedded store's thread where there is one. */
  processMicros: number;
  /** Calls to the tables' store by operation, and by table when it is not a tenant's: `BatchWriteItem of 2`, `GetItem (directory)`. */
  storeCalls: Record<string, number>;
}

export type QuestionToServer = 'usage' | 'stop';

export type AnswerOfServer<Facts> = { ready: Facts } | { usage: Usage };

/** To be called first of all, so that an interrupted start ends in order, too. The result announces that the server is ready. */
export function serveParent<Facts>({
  storeCalls,
  stop,
}: {
  storeCalls: Record<string, number>;
  stop: () => Promise<void>;
}): (facts: Facts) => void {
  const send = (answer: AnswerOfServer<Facts>) => process.send?.(answer);
  const end = () => {
    stop().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  process.on('message', (question: QuestionToServer) => {
    if (question === 'stop') {
      end();
      return;
    }
    const eventLoop = process.threadCpuUsage();
    const all = process.cpuUsage();
    send({
      usage: {
        eventLoopMicros: eventLoop.user + eventLoop.system,
        processMicros: all.user + all.system,
        storeCalls: { ...storeCalls },
      },
    });
  });
  process.once('disconnect', end);
  // The terminal sends it to the whole group: the parent hears it too, and says what to do.
  process.on('SIGINT', () => {});
  return (facts) => send({ ready: facts });
}

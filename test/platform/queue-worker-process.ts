/** A worker process that takes one job, says so, and never finishes it. */
import { Secret } from '../../src/kernel/secret.ts';
import { createLog } from '../../src/platform/log.ts';
import { startQueue } from '../../src/platform/queue.ts';

const queue = await startQueue({
  connectionString: new Secret(process.env.TEST_DATABASE_URL ?? ''),
  log: createLog({ level: 'silent' }),
});

async function hang(payload: object): Promise<void> {
  process.send?.(payload);
  await new Promise(() => {});
}

await queue.work({
  'registration-intake': { run: hang, dead: async () => {} },
  'tenant-provisioning': { run: hang, dead: async () => {} },
});

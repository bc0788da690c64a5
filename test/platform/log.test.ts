import { expect, test } from 'vitest';
import { AppError } from '../../src/kernel/errors.ts';
import { Secret } from '../../src/kernel/secret.ts';
import { createLog } from '../../src/platform/log.ts';

function logged(write: (log: ReturnType<typeof createLog>) => void): string {
  const lines: string[] = [];
  write(createLog({ level: 'info' }, { write: (line) => lines.push(line) }));
  return lines.join('');
}

test('secrets are redacted by name and by type', () => {
  const text = logged((log) =>
    log.info(
      {
        password: 'hunter2',
        request: { authorization: 'Bearer hunter2', client_secret: 'hunter2' },
        exchange: { headers: { cookie: 'sid=hunter2', 'set-cookie': ['sid=hunter2'] } },
        key: new Secret('hunter2'),
      },
      'checked',
    ),
  );
  expect(text).toContain('"msg":"checked"');
  expect(text).not.toContain('hunter2');
});

test('an error is logged with its detail and causes, without what drivers attach', () => {
  const cause = Object.assign(new Error('duplicate key'), {
    code: '23505',
    detail: 'Key (email)=(a@b.c) already exists.',
  });
  const error = new AppError('conflict', 'Taken.', { detail: 'slug acme', cause });
  const line = JSON.parse(logged((log) => log.error({ err: error }, 'failed')));
  expect(line).toMatchObject({
    level: 'error',
    err: {
      type: 'AppError',
      message: 'Taken.',
      errorCode: 'conflict',
      detail: 'slug acme',
      cause: { message: 'duplicate key', errorCode: '23505' },
    },
  });
  expect(JSON.stringify(line)).not.toContain('a@b.c');
});

#!/usr/bin/env node
// The command `tenantry`: runs main.ts under Node 24, whatever Node the caller has. npm installs one with the product.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const installed = join(here, '../../node_modules/.bin/node');
const isNewEnough = Number(process.versions.node.split('.')[0]) >= 24;
const program = existsSync(installed) ? installed : isNewEnough ? process.execPath : undefined;

if (program === undefined) {
  process.stderr.write('tenantry needs Node 24, or the one that `npm ci` installs.\n');
  process.exitCode = 1;
} else {
  const { status, signal, error } = spawnSync(program, [join(here, 'main.ts'), ...process.argv.slice(2)], {
    stdio: 'inherit',
  });
  if (error !== undefined) {
    process.stderr.write(`${error.message}\n`);
  }
  // As shells tell of a program that a signal ended.
  process.exitCode = status ?? (signal === 'SIGINT' ? 130 : 1);
}

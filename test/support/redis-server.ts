import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { findFreePort } from '../../src/embedded/free-port.ts';
import { Secret } from '../../src/kernel/secret.ts';

export interface RedisServer {
  /** With the administrator's credentials. */
  url: Secret;
  /** Starts the same server again, as after a power cut. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * A real redis-server on the loopback interface, with a directory, a port and a password of its own, and with an ACL file as production needs
 * one. `undefined` when the program is not installed.
 */
export async function startRedisServer(): Promise<RedisServer | undefined> {
  const directory = await mkdtemp(join(tmpdir(), 'tenantry-redis-'));
  const port = await findFreePort();
  const password = randomBytes(16).toString('hex');
  const aclFile = join(directory, 'users.acl');
  await writeFile(aclFile, `user default off\nuser operator on >${password} ~* &* +@all\n`);

  let child: ChildProcess | undefined;
  async function start(): Promise<boolean> {
    const flags = {
      bind: '127.0.0.1',
      port: String(port),
      dir: directory,
      aclfile: aclFile,
      save: '',
      'protected-mode': 'yes',
    };
    const server = spawn(
      'redis-server',
      Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]),
      { stdio: 'ignore' },
    );
    child = server;
    const ended = new Promise<'ended'>((resolve) => {
      server.once('exit', () => resolve('ended'));
      server.once('error', () => resolve('ended'));
    });
    return (await Promise.race([ended, answers(port)])) === 'answers';
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) {
      return;
    }
    const exited = new Promise((resolve) => child?.once('exit', resolve));
    child.kill(signal);
    await exited;
  }

  async function stop(): Promise<void> {
    await end('SIGKILL');
    await rm(directory, { recursive: true, force: true });
  }

  if (!(await start())) {
    await stop();
    return undefined;
  }
  return {
    url: new Secret(`redis://operator:${password}@127.0.0.1:${port}`),
    async restart() {
      await end('SIGKILL');
      await start();
    },
    stop,
  };
}

async function answers(port: number): Promise<'answers' | 'silent'> {
  const { connect } = await import('node:net');
  for (let attempt = 1; attempt <= 200; attempt += 1) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => resolve(false));
    });
    if (open) {
      return 'answers';
    }
    await delay(25);
  }
  return 'silent';
}

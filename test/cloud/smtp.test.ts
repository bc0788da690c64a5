import { once } from 'node:events';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Mail } from '../../src/cloud/mail/port.ts';
import { createSmtpMailer } from '../../src/cloud/mail/smtp.ts';
import { Secret } from '../../src/kernel/secret.ts';
import { mailConformance } from '../conformance/mail.ts';
import { parseMail } from '../support/parse-mail.ts';

const from = 'Tenantry <no-reply@platform.example>';

/** A real SMTP server on loopback that keeps what it is given. */
async function startSmtp(options: SMTPServerOptions = {}) {
  const raw: string[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    async onData(stream, _session, callback) {
      const chunks: Buffer[] = [];
      for await (const chunk of stream) chunks.push(chunk as Buffer);
      raw.push(Buffer.concat(chunks).toString());
      callback();
    },
    ...options,
  });
  const listening = server.listen(0, '127.0.0.1');
  await once(listening, 'listening');
  const address = listening.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return { server, port, raw };
}

async function connect(options: SMTPServerOptions = {}, user = '') {
  const smtp = await startSmtp(options);
  const mailer = createSmtpMailer({ url: new Secret(`smtp://${user}127.0.0.1:${smtp.port}`), from });
  onTestFinished(async () => {
    mailer.close();
    await new Promise<void>((resolve) => smtp.server.close(resolve));
  });
  return { ...smtp, mailer };
}

mailConformance('smtp', async () => {
  const { mailer, raw } = await connect();
  return { mailer, received: async (): Promise<Mail[]> => raw.map(parseMail) };
});

const mail: Mail = { to: 'ada@example.com', subject: 'Hello', text: 'Hello.' };

describe('smtp', () => {
  it('names the sender and signs in with the name and password of the URL', async () => {
    const seen: unknown[] = [];
    const { mailer, raw } = await connect(
      {
        authOptional: false,
        allowInsecureAuth: true,
        onAuth({ username, password }, _session, callback) {
          seen.push(username, password);
          callback(null, { user: username });
        },
      },
      'mailer:s%40cret@',
    );
    await mailer.send(mail);
    expect(seen).toEqual(['mailer', 's@cret']);
    expect(raw[0]).toContain('From: Tenantry <no-reply@platform.example>');
  });

  it.each<[what: string, code: string, options: SMTPServerOptions]>([
    [
      'an address that the server does not know is final',
      'server_error',
      {
        onRcptTo(_address, _session, callback) {
          callback(Object.assign(new Error('no such user'), { responseCode: 550 }));
        },
      },
    ],
    [
      'greylisting is not',
      'temporarily_unavailable',
      {
        onRcptTo(_address, _session, callback) {
          callback(Object.assign(new Error('try again later'), { responseCode: 451 }));
        },
      },
    ],
    [
      'a mail that the server refuses after its content is final',
      'server_error',
      {
        onData(stream, _session, callback) {
          stream.resume();
          stream.on('end', () => callback(Object.assign(new Error('spam'), { responseCode: 554 })));
        },
      },
    ],
  ])('%s', async (_what, code, options) => {
    const { mailer } = await connect(options);
    await expect(mailer.send(mail)).rejects.toMatchObject({ name: 'AppError', code });
  });

  it('wrong credentials can be put right, so the mail waits', async () => {
    const { mailer } = await connect(
      {
        authOptional: false,
        allowInsecureAuth: true,
        onAuth(_auth, _session, callback) {
          callback(new Error('invalid'));
        },
      },
      'mailer:wrong@',
    );
    await expect(mailer.send(mail)).rejects.toMatchObject({ code: 'temporarily_unavailable' });
  });

  it('a server that is not there may come back', async () => {
    const { port, server } = await startSmtp();
    await new Promise<void>((resolve) => server.close(resolve));
    const mailer = createSmtpMailer({ url: new Secret(`smtp://127.0.0.1:${port}`), from });
    await expect(mailer.send(mail)).rejects.toMatchObject({ code: 'temporarily_unavailable' });
  });

  it('tells no secret and no content when it fails', async () => {
    const { mailer } = await connect(
      {
        onRcptTo(_address, _session, callback) {
          callback(Object.assign(new Error('no ada@example.com here'), { responseCode: 550 }));
        },
      },
      'mailer:hunter2@',
    );
    const error = await mailer.send({ ...mail, text: 'https://id.example.com/link' }).catch((each) => each);
    expect(`${error.message} ${error.detail}`).not.toMatch(/hunter2|ada@|link/);
  });
});

import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createOutboundGuard } from '../../src/cloud/http/outbound-guard.ts';
import { createLdapConnector } from '../../src/cloud/ldap/ldapts.ts';
import type { LdapSource } from '../../src/cloud/ldap/port.ts';
import { Secret } from '../../src/kernel/secret.ts';
import { createCertificate } from '../support/certificates.ts';
import { baseDn, directoryPassword, readerDn, readerPassword, type Slapd, startSlapd } from './slapd.ts';

let slapd: Slapd;
beforeAll(async () => {
  slapd = await startSlapd();
});
afterAll(() => slapd?.stop());

const guard = createOutboundGuard({ allowedHosts: ['127.0.0.1'] });
const connect = createLdapConnector({ guard, plainLoopback: true, refusalStepMs: 5 });

function sourceWith(changes: Partial<LdapSource> = {}): LdapSource {
  return {
    url: slapd.tlsUrl,
    startTls: false,
    certificateAuthority: slapd.authority,
    reader: { name: readerDn, password: new Secret(readerPassword) },
    baseDn: `ou=people,${baseDn}`,
    personClass: 'inetOrgPerson',
    loginAttributes: ['uid', 'mail'],
    idAttribute: 'entryUUID',
    emailAttribute: 'mail',
    nameAttribute: 'cn',
    groupsAttribute: undefined,
    groupSearch: undefined,
    disabledFlag: undefined,
    ...changes,
  };
}
const directory = (changes: Partial<LdapSource> = {}) => connect(sourceWith(changes));

describe('a password in a directory', () => {
  it.each([
    ['LDAPS', () => ({})],
    ['StartTLS', () => ({ url: slapd.plainUrl, startTls: true })],
    ['plain text on this machine, when a setting allows it', () => ({ url: slapd.plainUrl })],
  ])('is proved over %s', async (_, changes) => {
    const person = await directory(changes()).authenticate('ada', directoryPassword);
    expect(person).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      email: 'ada@corp.example',
      name: 'Ada Lovelace',
      groups: [],
    });
  });

  it('is proved for any of the login attributes, whatever the case', async () => {
    const byName = await directory().authenticate('ada', directoryPassword);
    const byAddress = await directory().authenticate(' ADA@Corp.example ', directoryPassword);
    expect(byAddress).toEqual(byName);
  });

  it.each([
    ['a wrong one', 'ada', 'Directory 2!'],
    ['an empty one', 'ada', ''],
    ['one that is too long', 'ada', 'x'.repeat(2_000)],
    ['somebody unknown', 'eve', directoryPassword],
    ['nobody', '', directoryPassword],
    ['a name that is too long', 'x'.repeat(300), directoryPassword],
    ['a wildcard', '*', directoryPassword],
    ['part of a name', 'ad*', directoryPassword],
    ['a filter that ends early', 'ada)(uid=*', directoryPassword],
    ['a filter that matches everybody', '*)(objectClass=*))(|(uid=*', directoryPassword],
    ['an escape', '\\61da', directoryPassword],
    ['a NUL', 'ada\0', directoryPassword],
    ['two people at once', 'twins@corp.example', directoryPassword],
    ['an entry that is no person', 'reader', readerPassword],
  ])('is refused: %s', async (_, login, password) => {
    expect(await directory().authenticate(login, password)).toBeUndefined();
  });

  it('is proved for a name that looks like a filter', async () => {
    expect((await directory().authenticate('star*(x)', directoryPassword))?.name).toBe('Star Name');
  });

  it('is refused for an account that its flag disables, and only then', async () => {
    const flagged = directory({ disabledFlag: { attribute: 'useraccountcontrol', mask: 2 } });
    expect(await flagged.authenticate('gone', directoryPassword)).toBeUndefined();
    expect((await flagged.authenticate('win', directoryPassword))?.name).toBe('Win Dows');
    expect((await flagged.authenticate('ada', directoryPassword))?.name).toBe('Ada Lovelace');
    expect((await directory().authenticate('gone', directoryPassword))?.name).toBe('Gone Girl');
  });

  it('comes with groups, of the person or found by a search', async () => {
    const engineers = `cn=engineers,ou=groups,${baseDn}`;
    const listed = directory({ groupsAttribute: 'memberOf' });
    const searched = directory({
      groupSearch: { baseDn: `ou=groups,${baseDn}`, memberAttribute: 'member', nameAttribute: 'cn' },
    });
    await slapd.modify(`dn: ${engineers}
changetype: modify
add: member
member: uid=bob,ou=people,${baseDn}
`);
    expect((await listed.authenticate('bob', directoryPassword))?.groups).toEqual([engineers]);
    expect((await searched.authenticate('bob', directoryPassword))?.groups).toEqual(['engineers']);
    expect((await searched.authenticate('nomail', directoryPassword))?.groups).toEqual([]);
  });

  it('gives a binary id in hexadecimal, however its attribute is spelled', async () => {
    const person = await directory({ idAttribute: 'OBJECTGUID' }).authenticate('win', directoryPassword);
    expect(person?.id).toBe('00010203fefdfcffe011121314151617');
  });

  it('is of no use without the id attribute', async () => {
    await expect(
      directory({ idAttribute: 'objectGUID' }).authenticate('ada', directoryPassword),
    ).rejects.toMatchObject({ kind: 'misconfigured', message: expect.stringContaining('objectGUID') });
  });
});

describe('a directory', () => {
  it('is tested: reader and bases', async () => {
    await expect(directory().probe()).resolves.toBeUndefined();
    await expect(
      directory({ reader: { name: readerDn, password: new Secret('wrong') } }).probe(),
    ).rejects.toMatchObject({ kind: 'misconfigured', message: expect.stringMatching(/reader/) });
    await expect(directory({ baseDn: 'ou=nowhere,dc=corp,dc=example' }).probe()).rejects.toMatchObject({
      kind: 'misconfigured',
    });
  });

  it('never says the password of the reader or of a person', async () => {
    const failure = await directory({ reader: { name: readerDn, password: new Secret('pa55-reader') } })
      .authenticate('ada', 'pa55-person')
      .catch((error: unknown) => error);
    const text = JSON.stringify(failure, Object.getOwnPropertyNames(failure)) + String(failure);
    expect(text).toContain('reader');
    expect(text).not.toContain('pa55');
  });

  it.each([
    ['without TLS', () => ({ url: slapd.plainUrl }), 'must be reached by TLS'],
    [
      'by a certificate of somebody else',
      () => ({ certificateAuthority: undefined }),
      'certificate is not one to trust',
    ],
    [
      'by a certificate of somebody else, with StartTLS',
      () => ({ url: slapd.plainUrl, startTls: true, certificateAuthority: undefined }),
      'certificate is not one to trust',
    ],
    [
      'under another name than its certificate has',
      () => ({ url: slapd.tlsUrl.replace('127.0.0.1', 'localhost') }),
      'certificate is not one to trust',
    ],
  ])('is not spoken to %s', async (_, changes, message) => {
    const strict = createLdapConnector({
      guard: createOutboundGuard({ allowedHosts: ['127.0.0.1', 'localhost'] }),
      plainLoopback: false,
    });
    await expect(strict(sourceWith(changes())).authenticate('ada', directoryPassword)).rejects.toMatchObject({
      kind: 'misconfigured',
      message: expect.stringContaining(message),
    });
  });

  it('with a certificate of another authority is refused although the source has one', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tenantry-ca-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const { authority } = await createCertificate(folder, ['IP:127.0.0.1']);
    await expect(directory({ certificateAuthority: authority }).probe()).rejects.toMatchObject({
      kind: 'misconfigured',
    });
  });

  it('inside the network is refused unless the deployment names it or its range', async () => {
    const bare = createLdapConnector({
      guard: createOutboundGuard({ allowedHosts: [] }),
      plainLoopback: true,
    });
    for (const url of [slapd.tlsUrl, 'ldaps://169.254.169.254', 'ldaps://[::1]', 'ldaps://dc.corp.local']) {
      await expect(bare(sourceWith({ url })).probe()).rejects.toMatchObject({
        kind: 'misconfigured',
        message: expect.stringContaining('public internet'),
      });
    }
    const rebound = createLdapConnector({
      guard: createOutboundGuard({
        allowedHosts: [],
        resolve: async () => [{ address: '127.0.0.1', family: 4 }],
      }),
      plainLoopback: true,
    });
    const url = slapd.tlsUrl.replace('127.0.0.1', 'ldap.corp.example');
    await expect(rebound(sourceWith({ url })).probe()).rejects.toMatchObject({
      message: expect.stringContaining('not public'),
    });
    const ranged = createLdapConnector({
      guard: createOutboundGuard({
        allowedHosts: [],
        allowedRanges: ['127.0.0.0/8'],
        resolve: async () => [{ address: '127.0.0.1', family: 4 }],
      }),
      plainLoopback: false,
    });
    await expect(ranged(sourceWith({ url })).probe()).resolves.toBeUndefined();
  });
});

describe('a server that is no good directory', () => {
  async function serve(onConnection: (socket: Socket) => void): Promise<string> {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      onConnection(socket);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const sockets = new Set<Socket>();
    server.on('connection', (socket) => sockets.add(socket));
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    return `ldap://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  const impatient = createLdapConnector({ guard, plainLoopback: true, timeoutMs: 200, refusalStepMs: 5 });

  it('that never answers is given up', async () => {
    const url = await serve(() => {});
    await expect(impatient(sourceWith({ url })).probe()).rejects.toMatchObject({ kind: 'unavailable' });
    await expect(impatient(sourceWith({ url, startTls: true })).probe()).rejects.toMatchObject({
      kind: expect.stringMatching(/unavailable/),
    });
  });

  it('that hangs up, or cannot be reached, is unavailable', async () => {
    const url = await serve((socket) => socket.destroy());
    await expect(directory({ url }).probe()).rejects.toMatchObject({ kind: 'unavailable' });
    await expect(directory({ url: 'ldap://127.0.0.1:1' }).probe()).rejects.toMatchObject({
      kind: 'unavailable',
    });
  });

  it('that sends without end is cut off', async () => {
    let sent = 0;
    const url = await serve((socket) => {
      // The header of a message of two gigabytes.
      socket.write(Buffer.from([0x30, 0x84, 0x7f, 0xff, 0xff, 0xff]));
      const write = (): void => {
        while (!socket.destroyed && socket.write(Buffer.alloc(64 * 1024))) sent += 64 * 1024;
        socket.once('drain', write);
      };
      write();
    });
    await expect(directory({ url }).probe()).rejects.toMatchObject({
      kind: expect.stringMatching(/unavailable|untrusted/),
    });
    expect(sent).toBeLessThan(64 * 1024 * 1024);
  });

  it('that declines StartTLS, or was made to by somebody in between, gets no password', async () => {
    let received = Buffer.alloc(0);
    const url = await serve((socket) => {
      socket.on('data', (data) => {
        received = Buffer.concat([received, data]);
        // extendedResp, message id 2, protocolError
        socket.write(
          Buffer.from([0x30, 0x0c, 0x02, 0x01, 0x02, 0x78, 0x07, 0x0a, 0x01, 0x02, 0x04, 0, 0x04, 0]),
        );
      });
    });
    await expect(
      directory({ url, startTls: true }).authenticate('ada', directoryPassword),
    ).rejects.toMatchObject({ kind: 'misconfigured', message: expect.stringContaining('StartTLS') });
    expect(received.toString()).not.toContain(readerPassword);
  });
});

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Client } from 'ldapts';
import { findFreePort } from '../../src/embedded/free-port.ts';
import { createCertificate } from '../support/certificates.ts';

const run = promisify(execFile);

export const baseDn = 'dc=corp,dc=example';
export const readerDn = `cn=reader,${baseDn}`;
export const readerPassword = 'reads-people';

/** Everybody's. */
export const directoryPassword = 'Directory 1!';

export interface Slapd {
  plainUrl: string;
  tlsUrl: string;
  authority: string;
  /** Changes entries, as LDIF for ldapmodify. */
  modify(ldif: string): Promise<void>;
  stop(): Promise<void>;
}

/** A real OpenLDAP server on the loopback interface with ports, a database and a certificate of its own. */
export async function startSlapd(): Promise<Slapd> {
  const directory = await mkdtemp(join(tmpdir(), 'tenantry-slapd-'));
  const [plainPort, tlsPort] = [await findFreePort(), await findFreePort()];
  const certificate = await createCertificate(directory, ['IP:127.0.0.1', 'DNS:ldap.corp.example']);
  await mkdir(join(directory, 'db'));
  const adminDn = `cn=admin,${baseDn}`;
  const configuration = join(directory, 'slapd.conf');
  await writeFile(
    configuration,
    `
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
pidfile ${directory}/slapd.pid
attributetype ( 1.2.840.113556.1.4.8 NAME 'userAccountControl'
  EQUALITY integerMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.2 NAME 'objectGUID'
  EQUALITY octetStringMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 SINGLE-VALUE )
objectclass ( 1.3.6.1.4.1.4203.666.11.1 NAME 'windowsPerson' SUP top AUXILIARY
  MAY ( userAccountControl $ objectGUID ) )
TLSCertificateFile ${certificate.certificateFile}
TLSCertificateKeyFile ${certificate.keyFile}
database mdb
maxsize 16777216
suffix "${baseDn}"
rootdn "${adminDn}"
rootpw admin
directory ${directory}/db
overlay memberof
access to attrs=userPassword by anonymous auth by * none
access to dn.subtree="ou=groups,${baseDn}" by dn.exact="${readerDn}" read by * none
access to * by dn.exact="${readerDn}" read by self read by * none
`,
  );
  const ldif = join(directory, 'people.ldif');
  await writeFile(ldif, people);
  await run('/usr/sbin/slapadd', ['-f', configuration, '-l', ldif]);

  const plainUrl = `ldap://127.0.0.1:${plainPort}`;
  const tlsUrl = `ldaps://127.0.0.1:${tlsPort}`;
  const child = spawn('/usr/sbin/slapd', ['-d', '0', '-f', configuration, '-h', `${plainUrl}/ ${tlsUrl}/`], {
    stdio: 'ignore',
  });
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
  });
  await untilItAnswers(plainUrl, child);

  return {
    plainUrl,
    tlsUrl,
    authority: certificate.authority,
    async modify(text) {
      const file = join(directory, 'change.ldif');
      await writeFile(file, text);
      await run('ldapmodify', ['-x', '-H', plainUrl, '-D', adminDn, '-w', 'admin', '-f', file]);
    },
    async stop() {
      child.kill('SIGKILL');
      await exited;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** A machine that is busy takes its time. */
async function untilItAnswers(url: string, child: ChildProcess): Promise<void> {
  const until = performance.now() + 90_000;
  for (;;) {
    const client = new Client({ url, connectTimeout: 10_000 });
    try {
      await client.bind(readerDn, readerPassword);
      return;
    } catch (error) {
      if (child.exitCode !== null || performance.now() > until) {
        child.kill('SIGKILL');
        throw new Error('slapd does not answer (Debian package slapd)', { cause: error });
      }
      await delay(25);
    } finally {
      await client.unbind().catch(() => {});
    }
  }
}

interface Person {
  uid: string;
  name: string;
  mail?: string;
  more?: string;
}

function personEntry({ uid, name, mail, more = '' }: Person): string {
  return `dn: uid=${uid},ou=people,${baseDn}
objectClass: inetOrgPerson
uid: ${uid}
cn: ${name}
sn: ${name.split(' ').at(-1)}
${mail === undefined ? '' : `mail: ${mail}\n`}${more}userPassword: ${directoryPassword}
`;
}

const people = [
  `dn: ${baseDn}
objectClass: dcObject
objectClass: organization
dc: corp
o: Corp
`,
  `dn: ou=people,${baseDn}
objectClass: organizationalUnit
ou: people
`,
  `dn: ou=groups,${baseDn}
objectClass: organizationalUnit
ou: groups
`,
  `dn: ${readerDn}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: reader
userPassword: ${readerPassword}
`,
  personEntry({ uid: 'ada', name: 'Ada Lovelace', mail: 'ada@corp.example' }),
  personEntry({ uid: 'bob', name: 'Bob Builder', mail: 'bob@corp.example' }),
  personEntry({ uid: 'nomail', name: 'Nora Nomail' }),
  // Two people who share an address.
  personEntry({ uid: 'twin1', name: 'Twin One', mail: 'twins@corp.example' }),
  personEntry({ uid: 'twin2', name: 'Twin Two', mail: 'twins@corp.example' }),
  personEntry({ uid: 'star*(x)', name: 'Star Name', mail: 'star@corp.example' }),
  personEntry({
    uid: 'gone',
    name: 'Gone Girl',
    mail: 'gone@corp.example',
    more: 'objectClass: windowsPerson\nuserAccountControl: 514\n',
  }),
  personEntry({
    uid: 'win',
    name: 'Win Dows',
    mail: 'win@corp.example',
    more: 'objectClass: windowsPerson\nuserAccountControl: 512\nobjectGUID:: AAECA/79/P/gERITFBUWFw==\n',
  }),
  `dn: cn=engineers,ou=groups,${baseDn}
objectClass: groupOfNames
cn: engineers
member: uid=ada,ou=people,${baseDn}
member: uid=win,ou=people,${baseDn}
`,
].join('\n');

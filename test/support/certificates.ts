import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Certificate {
  /** PEM of the authority that signed it. */
  authority: string;
  keyFile: string;
  certificateFile: string;
}

/** A certificate for `names` (`DNS:…`, `IP:…`) by an authority of its own, written to `directory`. */
export async function createCertificate(
  directory: string,
  names: readonly string[],
  prefix = 'server',
): Promise<Certificate> {
  const file = (name: string) => join(directory, `${prefix}-${name}`);
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  await run('openssl', [
    ...['req', '-x509', ...newKey, '-subj', '/CN=Test authority', '-days', '2'],
    ...['-keyout', file('ca.key'), '-out', file('ca.pem')],
  ]);
  await run('openssl', [
    ...['req', ...newKey, '-subj', '/CN=Test server'],
    ...['-keyout', file('key.pem'), '-out', file('request.pem')],
  ]);
  await writeFile(file('extensions'), `subjectAltName=${names.join(',')}\n`);
  await run('openssl', [
    ...['x509', '-req', '-in', file('request.pem'), '-days', '2', '-CAcreateserial'],
    ...['-CA', file('ca.pem'), '-CAkey', file('ca.key'), '-extfile', file('extensions')],
    ...['-out', file('cert.pem')],
  ]);
  return {
    authority: await readFile(file('ca.pem'), 'utf8'),
    keyFile: file('key.pem'),
    certificateFile: file('cert.pem'),
  };
}

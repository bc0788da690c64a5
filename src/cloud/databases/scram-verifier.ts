import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import type { Random } from '../../kernel/random.ts';

const iterations = 4096;

/**
 * What PostgreSQL stores for a password (RFC 5802, RFC 7677). Sent in place of the password, it keeps that out of the server's statement log.
 * The password must be ASCII: nothing is normalised.
 */
export function scramVerifier(password: string, random: Random): string {
  const salt = random.bytes(16);
  const salted = pbkdf2Sync(password, salt, iterations, 32, 'sha256');
  const hmac = (text: string) => createHmac('sha256', salted).update(text).digest();
  const storedKey = createHash('sha256').update(hmac('Client Key')).digest('base64');
  const serverKey = hmac('Server Key').toString('base64');
  return `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${storedKey}:${serverKey}`;
}

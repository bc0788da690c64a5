import { createHash } from 'node:crypto';
import { AppError } from '../kernel/errors.ts';

export interface Logo {
  type: 'image/png' | 'image/jpeg' | 'image/webp';
  /** Names the content: of its SHA-256, 16 hexadecimal digits. */
  hash: string;
  content: Buffer;
}

/** A body of the admin API may have 64 KiB, and base64 makes three bytes four. */
export const maxLogoBytes = 40 * 1024;

/**
 * Reads a picture from base64. What it is follows from its first bytes, never from what the sender says; SVG is refused because it can
 * hold script. `AppError('validation_failed')` says what is wrong.
 */
export function readLogo(base64: string): Logo {
  const content = Buffer.from(base64, 'base64');
  if (content.toString('base64') !== base64) {
    throw refused('must be base64 with padding');
  }
  if (content.length > maxLogoBytes) {
    throw refused(`must have at most ${maxLogoBytes} bytes, and has ${content.length}`);
  }
  const type = typeOf(content);
  if (type === undefined) {
    throw refused('must be a PNG, JPEG or WebP picture');
  }
  return { type, hash: createHash('sha256').update(content).digest('hex').slice(0, 16), content };
}

function typeOf(content: Buffer): Logo['type'] | undefined {
  const start = content.toString('latin1', 0, 12);
  if (start.startsWith('\x89PNG\r\n\x1a\n')) {
    return 'image/png';
  }
  if (start.startsWith('\xff\xd8\xff')) {
    return 'image/jpeg';
  }
  return start.startsWith('RIFF') && start.endsWith('WEBP') ? 'image/webp' : undefined;
}

function refused(message: string): AppError {
  return new AppError('validation_failed', 'The logo cannot be used.', {
    fields: [{ field: 'data', message }],
  });
}

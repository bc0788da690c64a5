import { AppError } from '../../kernel/errors.ts';
import type { Mail } from './port.ts';

/** One address, nothing around it: no display name, no list, no quoting. */
const bareAddress = /^[^\s<>()[\]\\,;:"@\p{Cc}]{1,64}@[^\s<>()[\]\\,;:"@\p{Cc}]{1,255}$/u;
const controlCharacter = /[\p{Cc}\u2028\u2029]/u;

/**
 * Every implementation calls this first: a line break in an address or a subject would write headers of its own (RFC 5322 §2.2).
 * Throws `AppError('invalid_request')`, never with the text that it refuses.
 */
export function checkMail({ to, subject }: Mail): void {
  if (!bareAddress.test(to)) {
    throw new AppError('invalid_request', 'The mail cannot be sent.', {
      detail: 'the recipient is not a bare address',
    });
  }
  if (controlCharacter.test(subject)) {
    throw new AppError('invalid_request', 'The mail cannot be sent.', {
      detail: 'the subject has control characters',
    });
  }
}

import { AppError } from '../kernel/errors.ts';
import type { AccountName } from './account-names.ts';
import { normalizeEmail } from './email-address.ts';

/** The normalised address; `AppError('validation_failed')` for text that is none. */
export function validEmail(text: string): string {
  const email = normalizeEmail(text);
  if (email === undefined) {
    throw new AppError('validation_failed', 'The e-mail address is not valid.', {
      fields: [{ field: 'email', message: 'must be an e-mail address' }],
    });
  }
  return email;
}

export function taken(attribute: AccountName['attribute']): AppError {
  const what = attribute === 'email' ? 'e-mail address' : 'external id';
  return new AppError('conflict', `An account with this ${what} exists.`, {
    fields: [{ field: attribute, message: 'is taken' }],
  });
}

export function noSuchAccount(): AppError {
  return new AppError('not_found', 'There is no such account.');
}

export function changedMeanwhile(): AppError {
  return new AppError('precondition_failed', 'The account was changed by somebody else. Read it again.');
}

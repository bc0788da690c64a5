/**
 * What people do about their account before they can sign in: sign up, and set a new password when the old one is forgotten. Owns those pages and
 * their links. An account comes to be only when its address is proved, and a password is chosen only by whoever holds the mail: nobody can
 * prepare an account for somebody else's address.
 *
 * Flow: an address is typed in → the same answer for every address, at once → in the background a mail, whose words depend on what is known
 * of the address → its link, single-use, leads to a form → back to the interaction that it began with, if any.
 *
 * Addresses in mails are made of the tenant's issuer and nothing else; what a request says of its host is never looked at.
 */
import type { PageHandler } from '../tenant-pages.ts';
import { createAddressPage } from './address-page.ts';
import { createFinishSignUpPage } from './finish-sign-up.ts';
import { createForgottenPassword } from './forgotten-password.ts';
import { createResetPasswordPage } from './reset-password.ts';
import type { SelfServiceDependencies } from './self-service-parts.ts';
import { createSignUp } from './sign-up.ts';

const linkPath = /^\/(verify-email|reset-password)\/([A-Za-z0-9_-]{43})$/;

export function createSelfService(dependencies: SelfServiceDependencies): PageHandler {
  const addressPages = new Map([
    ['/sign-up', createAddressPage(createSignUp(dependencies), dependencies)],
    ['/forgotten-password', createAddressPage(createForgottenPassword(dependencies), dependencies)],
  ]);
  const linkPages = new Map([
    ['verify-email', createFinishSignUpPage(dependencies)],
    ['reset-password', createResetPasswordPage(dependencies)],
  ]);

  return async (context, path) => {
    const addressPage = addressPages.get(path);
    if (addressPage) {
      return addressPage(context);
    }
    const [, name = '', token = ''] = linkPath.exec(path) ?? [];
    const linkPage = linkPages.get(name);
    await linkPage?.(context, token);
    return linkPage !== undefined;
  };
}

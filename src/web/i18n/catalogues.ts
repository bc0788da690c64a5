import type { Locale } from './locales.ts';
import accountAr from './messages/account.ar.json' with { type: 'json' };
import accountDe from './messages/account.de.json' with { type: 'json' };
import accountEn from './messages/account.en.json' with { type: 'json' };
import consentAr from './messages/consent.ar.json' with { type: 'json' };
import consentDe from './messages/consent.de.json' with { type: 'json' };
import consentEn from './messages/consent.en.json' with { type: 'json' };
import deviceAr from './messages/device.ar.json' with { type: 'json' };
import deviceDe from './messages/device.de.json' with { type: 'json' };
import deviceEn from './messages/device.en.json' with { type: 'json' };
import factorsAr from './messages/factors.ar.json' with { type: 'json' };
import factorsDe from './messages/factors.de.json' with { type: 'json' };
import factorsEn from './messages/factors.en.json' with { type: 'json' };
import failureAr from './messages/failure.ar.json' with { type: 'json' };
import failureDe from './messages/failure.de.json' with { type: 'json' };
import failureEn from './messages/failure.en.json' with { type: 'json' };
import federationAr from './messages/federation.ar.json' with { type: 'json' };
import federationDe from './messages/federation.de.json' with { type: 'json' };
import federationEn from './messages/federation.en.json' with { type: 'json' };
import forgottenPasswordAr from './messages/forgotten-password.ar.json' with { type: 'json' };
import forgottenPasswordDe from './messages/forgotten-password.de.json' with { type: 'json' };
import forgottenPasswordEn from './messages/forgotten-password.en.json' with { type: 'json' };
import homeAr from './messages/home.ar.json' with { type: 'json' };
import homeDe from './messages/home.de.json' with { type: 'json' };
import homeEn from './messages/home.en.json' with { type: 'json' };
import invitationAr from './messages/invitation.ar.json' with { type: 'json' };
import invitationDe from './messages/invitation.de.json' with { type: 'json' };
import invitationEn from './messages/invitation.en.json' with { type: 'json' };
import mailAr from './messages/mail.ar.json' with { type: 'json' };
import mailDe from './messages/mail.de.json' with { type: 'json' };
import mailEn from './messages/mail.en.json' with { type: 'json' };
import pageAr from './messages/page.ar.json' with { type: 'json' };
import pageDe from './messages/page.de.json' with { type: 'json' };
import pageEn from './messages/page.en.json' with { type: 'json' };
import passwordAr from './messages/password.ar.json' with { type: 'json' };
import passwordDe from './messages/password.de.json' with { type: 'json' };
import passwordEn from './messages/password.en.json' with { type: 'json' };
import scopesAr from './messages/scopes.ar.json' with { type: 'json' };
import scopesDe from './messages/scopes.de.json' with { type: 'json' };
import scopesEn from './messages/scopes.en.json' with { type: 'json' };
import selfServiceAr from './messages/self-service.ar.json' with { type: 'json' };
import selfServiceDe from './messages/self-service.de.json' with { type: 'json' };
import selfServiceEn from './messages/self-service.en.json' with { type: 'json' };
import signInAr from './messages/sign-in.ar.json' with { type: 'json' };
import signInDe from './messages/sign-in.de.json' with { type: 'json' };
import signInEn from './messages/sign-in.en.json' with { type: 'json' };
import signOutAr from './messages/sign-out.ar.json' with { type: 'json' };
import signOutDe from './messages/sign-out.de.json' with { type: 'json' };
import signOutEn from './messages/sign-out.en.json' with { type: 'json' };
import signUpAr from './messages/sign-up.ar.json' with { type: 'json' };
import signUpDe from './messages/sign-up.de.json' with { type: 'json' };
import signUpEn from './messages/sign-up.en.json' with { type: 'json' };

/** Every area begins here: its messages in English, which say what keys there are. */
const en = {
  account: accountEn,
  consent: consentEn,
  device: deviceEn,
  failure: failureEn,
  factors: factorsEn,
  federation: federationEn,
  'forgotten-password': forgottenPasswordEn,
  home: homeEn,
  invitation: invitationEn,
  mail: mailEn,
  page: pageEn,
  password: passwordEn,
  scopes: scopesEn,
  'self-service': selfServiceEn,
  'sign-in': signInEn,
  'sign-out': signOutEn,
  'sign-up': signUpEn,
};

export const catalogues: Readonly<Record<Locale, typeof en>> = {
  en,
  de: {
    account: accountDe,
    consent: consentDe,
    device: deviceDe,
    failure: failureDe,
    factors: factorsDe,
    federation: federationDe,
    'forgotten-password': forgottenPasswordDe,
    home: homeDe,
    invitation: invitationDe,
    mail: mailDe,
    page: pageDe,
    password: passwordDe,
    scopes: scopesDe,
    'self-service': selfServiceDe,
    'sign-in': signInDe,
    'sign-out': signOutDe,
    'sign-up': signUpDe,
  },
  ar: {
    account: accountAr,
    consent: consentAr,
    device: deviceAr,
    failure: failureAr,
    factors: factorsAr,
    federation: federationAr,
    'forgotten-password': forgottenPasswordAr,
    home: homeAr,
    invitation: invitationAr,
    mail: mailAr,
    page: pageAr,
    password: passwordAr,
    scopes: scopesAr,
    'self-service': selfServiceAr,
    'sign-in': signInAr,
    'sign-out': signOutAr,
    'sign-up': signUpAr,
  },
};

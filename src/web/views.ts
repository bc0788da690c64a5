import type { QrPicture } from './qr-picture.ts';

/**
 * What each view in `views/` is given, besides its look (`page-look.ts`): `it.t` and `it.html` say its own sentences, `it.brand` is the tenant's.
 * Sentences among the data are in the reader's language already. A view prints every value escaped.
 */
export interface Views {
  'api-docs': ApiDocsView;
  home: { platformDiscovery: string };
  'not-found': Record<string, never>;
  'sign-in': {
    clientName: string;
    action: string;
    cancelAction: string;
    csrf: string;
    cancelCsrf: string;
    /** What the form has fields for; without any there is no form. */
    asks: 'address' | 'password' | 'both' | 'nothing';
    /** What is in the field; with `password` or `nothing`, the address that was given before. */
    email: string;
    /** Where the form of the password is, which is not the first thing to be offered. */
    passwordUrl?: string;
    /** Where another address is given. */
    otherAddressUrl?: string;
    offers: SignInOffers;
    /** Whether passkeys are offered at the address field as well as by the button. */
    autofill: boolean;
    error?: string;
    notice?: string;
  };
  /** An account that was there before its owner came by a sign-in source. */
  'link-account': {
    email: string;
    sourceName: string;
    /** How the account can be proved. */
    password?: { action: string; csrf: string };
    passkey?: PasskeyForm;
    mail?: { action: string; csrf: string };
    backUrl: string;
    notice?: string;
    error?: string;
  };
  consent: {
    clientName: string;
    email: string;
    action: string;
    cancelAction: string;
    csrf: string;
    cancelCsrf: string;
    /** What is asked for, by the application or service that it concerns. */
    groups: readonly { heading: string; items: readonly string[] }[];
    /** Host that the browser returns to. */
    returnsTo: string;
  };
  'new-password': {
    /** Why the page is shown. */
    lead: string;
    action: string;
    csrf: string;
    email: string;
    rules: readonly string[];
    problems: readonly string[];
    /** Whether the present password is asked for, too. */
    askPresent: boolean;
    /** Whether the person may choose to end all other sessions. */
    askOthers?: boolean;
    /** In the account area. */
    nav?: AccountNavigation;
    notice?: string;
    title: string;
    submit: string;
  };
  'second-factor': {
    email: string;
    /** What may be given. */
    totp?: { action: string; csrf: string };
    passkey?: PasskeyForm;
    recovery?: { action: string; csrf: string };
    error?: string;
    cancelAction: string;
    cancelCsrf: string;
  };
  'enrol-factor': {
    /** In the account area. */
    nav?: AccountNavigation;
    lead: string;
    totp?: { action: string; csrf: string; secret: string; qr: QrPicture };
    passkey?: PasskeyForm;
    error?: string;
    /** Where there is a sign-in to give up. */
    cancel?: { action: string; csrf: string };
    /** Where there is a page to go back to. */
    backUrl?: string;
  };
  factors: {
    nav?: AccountNavigation;
    addAppUrl?: string;
    app?: { since: string; replaceUrl: string; remove: { action: string; csrf: string } };
    passkeys: readonly { id: string; name: string; synced: boolean; addedAt: string; usedAt?: string }[];
    rename: { action: string; csrf: string };
    removePasskey: { action: string; csrf: string };
    /** Absent when there are as many as may be. */
    addPasskey?: PasskeyForm;
    codes?: { left: number; action: string; csrf: string };
    error?: string;
  };
  'recovery-codes': {
    /** In the account area. */
    nav?: AccountNavigation;
    codes: readonly string[];
    action: string;
    csrf: string;
    setId: string;
  };
  'address-form': {
    title: string;
    lead: string;
    action: string;
    csrf: string;
    email: string;
    submit: string;
    error?: string;
    /** The interaction that the person came from. */
    backUrl?: string;
  };
  'finish-sign-up': {
    title: string;
    lead: string;
    action: string;
    csrf: string;
    email: string;
    name: string;
    rules: readonly string[];
    problems: readonly string[];
    submit: string;
  };
  /** Offers to prove the address that an application asks for. */
  'verify-address': {
    clientName: string;
    email: string;
    /** Until the mail is on its way. */
    send?: { action: string; csrf: string };
    notice?: string;
    error?: string;
    goOn: { action: string; csrf: string };
  };
  /** One thing to agree to. */
  confirm: { title: string; lead: string; action: string; csrf: string; submit: string };
  'account-profile': InAccount & {
    name: string;
    action: string;
    csrf: string;
    signOutUrl: string;
    error?: string;
  };
  'account-email': InAccount & {
    present: string;
    /** While the present address is not proved. */
    verify?: { action: string; csrf: string };
    email: string;
    action: string;
    csrf: string;
    error?: string;
  };
  'account-sessions': InAccount & {
    sessions: readonly { uid: string; device: string; isThis: boolean; since: string; active: string }[];
    endAction: string;
    endCsrf: string;
    endOthersAction: string;
    endOthersCsrf: string;
  };
  'account-applications': InAccount & {
    applications: readonly { id: string; name: string; since: string; items: readonly string[] }[];
    action: string;
    csrf: string;
  };
  'account-linked': InAccount & {
    links: readonly { id: string; name: string; label: string; since: string }[];
    /** Sign-in sources to be added. */
    offers: readonly { name: string; url: string }[];
    action: string;
    csrf: string;
    error?: string;
  };
  'account-data': InAccount & {
    downloadAction: string;
    downloadCsrf: string;
    deleteAction: string;
    deleteCsrf: string;
    error?: string;
  };
  'invitation-done': {
    email: string;
    issuer: string;
    discovery: string;
    accountUrl: string;
    /** The tenant's first client, when the invitation is the one that hands it over. */
    client?: { id: string; name: string; secret?: string };
    /** What the tenant's first admin types to manage it: to sign in, and to have a secret made for the client whose secret could not be shown. */
    commands?: { signIn: string; newSecret?: string };
  };
  'device-code': {
    action: string;
    csrf: string;
    /** What the field begins with. */
    userCode: string;
    error?: string;
  };
  'device-confirm': { clientName: string; action: string; csrf: string; userCode: string };
  'device-done': { clientName: string };
  'sign-out': {
    /** Name of the application that asked; absent when none said who it is. */
    clientName?: string;
    action: string;
    csrf: string;
  };
  'signed-out': { clientName?: string };
  /** Sends the browser on, at once where scripts run. */
  'hand-over': { action: string; fields: readonly { name: string; value: string }[] } | { url: string };
  message: {
    title: string;
    text: string;
    /** Where to go from here. */
    goOn?: { url: string; label: string };
    /** Where else. */
    back?: { url: string; label: string };
    /** For whoever looks into it: an error code and its description. */
    details?: readonly { term: string; text: string }[];
    /** In the account area. */
    nav?: AccountNavigation;
  };
}

/** A form that a script fills in with what the browser's passkey dialogue answers; without script it stays hidden. */
export interface PasskeyForm {
  action: string;
  csrf: string;
  /** What the browser is asked, JSON. */
  options: string;
}

/** Ways to sign in, and ways to get so far, that a sign-in page has besides its password form. */
export interface SignInOffers {
  passkey?: PasskeyForm;
  /** Other places to sign in at. */
  sources?: readonly { name: string; url: string }[];
  /** Whether those are the ones for the person's address. */
  areSourcesOwn?: boolean;
  signUpUrl?: string;
  forgottenPasswordUrl?: string;
}

/** The API for people: what `api-docs` shows. */
export interface ApiDocsView {
  version: string;
  documentPath: string;
  groups: readonly {
    id: string;
    name: string;
    description: string;
    operations: readonly DocumentedOperation[];
  }[];
  schemas: readonly (DocumentedType & { name: string; members: readonly DocumentedMember[] })[];
}

export interface DocumentedOperation {
  id: string;
  method: string;
  path: string;
  summary: string;
  needs: string;
  parameters: readonly (DocumentedMember & { place: string })[];
  body?: DocumentedType & { members: readonly DocumentedMember[] };
  answers: readonly DocumentedAnswer[];
  refusals: readonly { status: string; description: string }[];
  /** A command to try it with. */
  example: string;
}

export interface DocumentedAnswer extends DocumentedType {
  status: string;
  description: string;
  mediaType: string;
  headers: readonly string[];
  members: readonly DocumentedMember[];
}

export interface DocumentedMember extends DocumentedType {
  name: string;
  required: boolean;
  note: string;
}

interface DocumentedType {
  /** In words. */
  type: string;
  /** The one of `schemas` that it is. */
  component?: string;
}

/** Of the account area: where one is in it. */
export type AccountNavigation = readonly { label: string; url: string; isCurrent: boolean }[];

/** What every view of the account area has. */
interface InAccount {
  nav: AccountNavigation;
  /** What was just done. */
  notice?: string;
}

export type ViewName = keyof Views;

/**
 * Passkeys (B4, WebAuthn Level 3): their registration, and their use as first or second factor. All tenants share one host, so one relying
 * party id, and a browser offers the passkeys of one tenant on the pages of another. What keeps them apart is that credentials lie in the
 * tenant's own table, challenges are authenticated under a secret of this tenant's sign-in, and the user handle is the account's id.
 *
 * Every refusal is the same to the caller: which check failed helps only who tries to get around it.
 */
import {
  type AuthenticationResponseJSON,
  type AuthenticatorTransport,
  generateAuthenticationOptions,
  generateRegistrationOptions,
  type PublicKeyCredentialCreationOptionsJSON,
  type PublicKeyCredentialRequestOptionsJSON,
  type RegistrationResponseJSON,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from '@simplewebauthn/server';
import { AppError } from '../kernel/errors.ts';
import type { Account } from './accounts.ts';
import { type ChallengeOwner, type Challenges, challengeSeconds } from './challenges.ts';
import type { Passkey, PasskeyRecords } from './passkey-records.ts';

/** A passkey that signed its challenge. */
export interface PasskeyProof {
  passkey: Passkey;
  /** The authenticator asked for a PIN or a finger, so that the passkey is two factors by itself. */
  userVerified: boolean;
}

export interface Passkeys {
  /** What the browser makes a new passkey from. `AppError('conflict')` when the account has as many as it may. */
  registrationOptions(
    account: Pick<Account, 'id' | 'email' | 'name'>,
    ticket: string,
  ): Promise<PublicKeyCredentialCreationOptionsJSON>;
  /** `response` is what the browser answered, JSON. `undefined` when it does not hold; `AppError('conflict')` for a known credential. */
  register(
    accountId: string,
    ticket: string,
    response: string,
    name: string,
  ): Promise<PasskeyProof | undefined>;
  /** As first factor: whatever passkey the person chooses, with user verification. */
  signInOptions(ticket: string): Promise<PublicKeyCredentialRequestOptionsJSON>;
  /** Whose passkey signed; `undefined` when nothing of it holds, or the user was not verified. */
  signIn(ticket: string, response: string): Promise<PasskeyProof | undefined>;
  /** As second factor: one of the account's. `required`: only one that asks for a PIN or a finger will do. */
  secondFactorOptions(
    accountId: string,
    ticket: string,
    options?: { userVerification: 'preferred' | 'required' },
  ): Promise<PublicKeyCredentialRequestOptionsJSON>;
  verifySecondFactor(accountId: string, ticket: string, response: string): Promise<PasskeyProof | undefined>;
}

/** More than anybody has devices; each is checked and listed. */
export const maxPasskeys = 20;

export function createPasskeys({
  records,
  challenges,
  publicUrl,
  tenantName,
}: {
  records: PasskeyRecords;
  challenges: Challenges;
  publicUrl: URL;
  tenantName: string;
}): Passkeys {
  const rpID = publicUrl.hostname;
  const timeout = challengeSeconds * 1000;

  function checksFor(owner: ChallengeOwner) {
    return {
      expectedChallenge: (challenge: string) => challenges.redeem(challenge, owner),
      expectedOrigin: publicUrl.origin,
      expectedRPID: rpID,
    };
  }

  async function verify(
    text: string,
    owner: ChallengeOwner,
    isExpected: (passkey: Passkey, userHandle: string | undefined) => boolean,
  ): Promise<PasskeyProof | undefined> {
    const response = parseResponse<AuthenticationResponseJSON>(text);
    const passkey = response && (await records.findByCredentialId(response.id));
    if (!response || !passkey || !isExpected(passkey, response.response.userHandle)) {
      return undefined;
    }
    const result = await unlessMalformed(() =>
      verifyAuthenticationResponse({
        response,
        ...checksFor(owner),
        requireUserVerification: owner.purpose === 'passkey-sign-in',
        credential: {
          id: passkey.credentialId,
          publicKey: new Uint8Array(Buffer.from(passkey.publicKey, 'base64url')),
          counter: passkey.counter,
        },
      }),
    );
    if (!result?.verified) {
      return undefined;
    }
    const { newCounter, credentialBackedUp, userVerified } = result.authenticationInfo;
    const use = { counter: newCounter, backedUp: credentialBackedUp };
    return (await records.noteUse(passkey, use))
      ? { passkey: { ...passkey, ...use }, userVerified }
      : undefined;
  }

  return {
    async registrationOptions(account, ticket) {
      const known = await records.list(account.id);
      if (known.length >= maxPasskeys) {
        throw new AppError('conflict', `An account may have ${maxPasskeys} passkeys at most.`);
      }
      const owner: ChallengeOwner = { purpose: 'passkey-registration', ticket, accountId: account.id };
      return generateRegistrationOptions({
        rpName: tenantName,
        rpID,
        userID: new Uint8Array(Buffer.from(account.id)),
        userName: account.email,
        // The chooser shows the passkeys of every tenant of this host side by side.
        userDisplayName: `${account.name} (${tenantName})`,
        challenge: new Uint8Array(Buffer.from(challenges.issue(owner), 'base64url')),
        timeout,
        attestationType: 'none',
        excludeCredentials: known.map(descriptorOf),
        authenticatorSelection: { residentKey: 'preferred', userVerification: 'preferred' },
        supportedAlgorithmIDs,
      });
    },

    async register(accountId, ticket, text, name) {
      const response = parseResponse<RegistrationResponseJSON>(text);
      const result =
        response &&
        (await unlessMalformed(() =>
          verifyRegistrationResponse({
            response,
            ...checksFor({ purpose: 'passkey-registration', ticket, accountId }),
            requireUserVerification: false,
            supportedAlgorithmIDs,
          }),
        ));
      if (!result?.verified) {
        return undefined;
      }
      const { credential, credentialDeviceType, credentialBackedUp, userVerified } = result.registrationInfo;
      if (Buffer.from(credential.id, 'base64url').length > maxCredentialIdBytes) {
        return undefined;
      }
      const passkey = await records.add({
        accountId,
        credentialId: credential.id,
        publicKey: Buffer.from(credential.publicKey).toString('base64url'),
        counter: credential.counter,
        transports: knownTransports.filter((transport) => credential.transports?.includes(transport)),
        synced: credentialDeviceType === 'multiDevice',
        backedUp: credentialBackedUp,
        name: passkeyName(name),
      });
      return { passkey, userVerified };
    },

    signInOptions: (ticket) =>
      generateAuthenticationOptions({
        rpID,
        challenge: new Uint8Array(
          Buffer.from(challenges.issue({ purpose: 'passkey-sign-in', ticket }), 'base64url'),
        ),
        timeout,
        userVerification: 'required',
      }),

    signIn: (ticket, response) =>
      verify(
        response,
        { purpose: 'passkey-sign-in', ticket },
        // WebAuthn §7.2, step 6: nobody is identified yet, so the handle must be there.
        ({ accountId }, userHandle) => userHandle === userHandleOf(accountId),
      ),

    async secondFactorOptions(accountId, ticket, { userVerification } = { userVerification: 'preferred' }) {
      const owner: ChallengeOwner = { purpose: 'passkey-second-factor', ticket, accountId };
      return generateAuthenticationOptions({
        rpID,
        challenge: new Uint8Array(Buffer.from(challenges.issue(owner), 'base64url')),
        timeout,
        userVerification,
        allowCredentials: (await records.list(accountId)).map(descriptorOf),
      });
    },

    verifySecondFactor: (accountId, ticket, response) =>
      verify(
        response,
        { purpose: 'passkey-second-factor', ticket, accountId },
        (passkey, userHandle) =>
          passkey.accountId === accountId &&
          (userHandle === undefined || userHandle === userHandleOf(accountId)),
      ),
  };
}

/** Ed25519, ES256, RS256. */
const supportedAlgorithmIDs = [-8, -7, -257];

/** WebAuthn §5.1. */
const maxCredentialIdBytes = 1023;

const maxResponseLength = 32_768;

const knownTransports = ['usb', 'nfc', 'ble', 'smart-card', 'hybrid', 'internal', 'cable'];

function descriptorOf({ credentialId, transports }: Passkey) {
  return { id: credentialId, transports: [...transports] as AuthenticatorTransport[] };
}

function userHandleOf(accountId: string): string {
  return Buffer.from(accountId).toString('base64url');
}

/** One line, not empty, not long. */
export function passkeyName(text: string): string {
  const name = text.replace(/[\p{C}\s]+/gu, ' ').trim();
  return [...name].slice(0, 60).join('').trim() || 'Passkey';
}

/** As much of its form as the verification does not look at itself. */
function parseResponse<Response extends { id: string; response: object }>(
  text: string,
): Response | undefined {
  try {
    const value = text.length <= maxResponseLength ? (JSON.parse(text) as Response | null) : null;
    return typeof value?.id === 'string' && typeof value.response === 'object' && value.response !== null
      ? value
      : undefined;
  } catch {
    return undefined;
  }
}

/** The library throws for everything that is not as it should be; what the store throws is no answer of ours. */
async function unlessMalformed<Result>(verifyNow: () => Promise<Result>): Promise<Result | undefined> {
  try {
    return await verifyNow();
  } catch (error) {
    if (error instanceof AppError) {
      throw error;
    }
    return undefined;
  }
}

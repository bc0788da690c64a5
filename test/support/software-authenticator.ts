import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';

/** What a test may let the authenticator or the browser get wrong. */
export interface Misbehaviour {
  origin?: string;
  rpId?: string;
  challenge?: string;
  type?: string;
  userPresent?: boolean;
  userVerified?: boolean;
  userHandle?: string | undefined;
  crossOrigin?: boolean;
  counter?: number;
  signature?: Buffer;
}

interface Credential {
  id: string;
  privateKey: KeyObject;
  rpId: string;
  userHandle: string;
  counter: number;
}

interface CreationOptions {
  challenge: string;
  rp: { id?: string };
  user: { id: string };
  excludeCredentials?: { id: string }[];
}

interface RequestOptions {
  challenge: string;
  rpId?: string;
  allowCredentials?: { id: string }[];
}

/**
 * A passkey provider and the browser in front of it, in software (WebAuthn Level 3 §6.1, §5.8.1): answers the server's options with ES256
 * credentials and attestation `none`. What the browser would refuse for a wrong host, this one signs if told to.
 */
export function createSoftwareAuthenticator({
  origin,
  synced = true,
  counts = false,
  userVerified = true,
}: {
  origin: string;
  synced?: boolean;
  /** Whether signatures are counted. */
  counts?: boolean;
  userVerified?: boolean;
}) {
  const credentials: Credential[] = [];

  function clientData(type: string, challenge: string, wrong: Misbehaviour): Buffer {
    return Buffer.from(
      JSON.stringify({
        type: wrong.type ?? type,
        challenge: wrong.challenge ?? challenge,
        origin: wrong.origin ?? origin,
        crossOrigin: wrong.crossOrigin ?? false,
      }),
    );
  }

  function authenticatorData(rpId: string, counter: number, wrong: Misbehaviour, attested?: Buffer): Buffer {
    const flags =
      (wrong.userPresent === false ? 0 : 0x01) |
      ((wrong.userVerified ?? userVerified) ? 0x04 : 0) |
      (synced ? 0x18 : 0) |
      (attested ? 0x40 : 0);
    const tail = Buffer.alloc(5);
    tail.writeUInt8(flags, 0);
    tail.writeUInt32BE(counter, 1);
    const rpIdHash = createHash('sha256')
      .update(wrong.rpId ?? rpId)
      .digest();
    return Buffer.concat([rpIdHash, tail, attested ?? Buffer.alloc(0)]);
  }

  return {
    credentials,

    /** Answers registration options; the JSON that a browser sends. */
    create(options: CreationOptions, wrong: Misbehaviour = {}): string {
      if (options.excludeCredentials?.some(({ id }) => credentials.some((known) => known.id === id))) {
        throw new Error('InvalidStateError');
      }
      const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const idBytes = randomBytes(32);
      const credential: Credential = {
        id: idBytes.toString('base64url'),
        privateKey,
        rpId: options.rp.id ?? '',
        userHandle: options.user.id,
        counter: 0,
      };
      credentials.push(credential);
      const jwk = publicKey.export({ format: 'jwk' });
      const coseKey = cborMap([
        [1, 2],
        [3, -7],
        [-1, 1],
        [-2, Buffer.from(jwk.x ?? '', 'base64url')],
        [-3, Buffer.from(jwk.y ?? '', 'base64url')],
      ]);
      const idLength = Buffer.alloc(2);
      idLength.writeUInt16BE(idBytes.length);
      const attested = Buffer.concat([Buffer.alloc(16), idLength, idBytes, coseKey]);
      const authData = authenticatorData(credential.rpId, wrong.counter ?? 0, wrong, attested);
      const attestationObject = cborMap([
        ['fmt', 'none'],
        ['attStmt', new Map<string, string>()],
        ['authData', authData],
      ]);
      return JSON.stringify({
        id: credential.id,
        rawId: credential.id,
        type: 'public-key',
        response: {
          attestationObject: attestationObject.toString('base64url'),
          clientDataJSON: clientData('webauthn.create', options.challenge, wrong).toString('base64url'),
          transports: ['internal', 'hybrid', 'telepathy'],
        },
        clientExtensionResults: {},
      });
    },

    /** Answers authentication options with the newest credential that fits. */
    get(options: RequestOptions, wrong: Misbehaviour = {}): string {
      const allowed = options.allowCredentials ?? [];
      const credential = credentials.findLast(
        ({ id, rpId }) =>
          rpId === options.rpId && (allowed.length === 0 || allowed.some((entry) => entry.id === id)),
      );
      if (!credential) {
        throw new Error('NotAllowedError');
      }
      credential.counter += counts ? 1 : 0;
      const clientDataJson = clientData('webauthn.get', options.challenge, wrong);
      const authData = authenticatorData(credential.rpId, wrong.counter ?? credential.counter, wrong);
      const signed = Buffer.concat([authData, createHash('sha256').update(clientDataJson).digest()]);
      return JSON.stringify({
        id: credential.id,
        rawId: credential.id,
        type: 'public-key',
        response: {
          authenticatorData: authData.toString('base64url'),
          clientDataJSON: clientDataJson.toString('base64url'),
          signature: (wrong.signature ?? sign('sha256', signed, credential.privateKey)).toString('base64url'),
          userHandle: 'userHandle' in wrong ? wrong.userHandle : credential.userHandle,
        },
        clientExtensionResults: {},
      });
    },
  };
}

export type SoftwareAuthenticator = ReturnType<typeof createSoftwareAuthenticator>;

type CborValue = number | string | Buffer | Map<string, string>;

/** Definite-length CBOR (RFC 8949 §3), as much as credentials need. */
function cborMap(entries: readonly (readonly [number | string, CborValue])[]): Buffer {
  return Buffer.concat([cborHead(5, entries.length), ...entries.flat().map(cbor)]);
}

function cbor(value: CborValue): Buffer {
  if (typeof value === 'number') {
    return value < 0 ? cborHead(1, -1 - value) : cborHead(0, value);
  }
  if (typeof value === 'string') {
    return Buffer.concat([cborHead(3, Buffer.byteLength(value)), Buffer.from(value)]);
  }
  return Buffer.isBuffer(value) ? Buffer.concat([cborHead(2, value.length), value]) : cborHead(5, 0);
}

function cborHead(major: number, value: number): Buffer {
  if (value < 24) return Buffer.from([(major << 5) | value]);
  if (value < 256) return Buffer.from([(major << 5) | 24, value]);
  return Buffer.from([(major << 5) | 25, value >> 8, value & 0xff]);
}

import { randomBytes } from 'node:crypto';
import { createLocalKeyStore } from '../../src/cloud/keys/local.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { keysConformance } from '../conformance/keys.ts';
import { describeWithDifferences } from './emulators.ts';
import { createEmulatorKeyStore, createKeysTable } from './key-stores.ts';

for (const name of ['ministack', 'moto'] as const) {
  describeWithDifferences(`local keys in a table of ${name}`, {}, () => {
    keysConformance('local', async () =>
      createLocalKeyStore({
        table: await createKeysTable(name),
        masterKey: randomBytes(32),
        random: systemRandom,
        clock: systemClock,
      }),
    );
  });
}

const longSalt = 'it salts PSS with as many bytes as fit; AWS and RFC 7518 §3.5 use 32';
const digestAsMessage = 'its Sign takes a digest for a message and hashes it again';
const noPairs = 'it has no GenerateDataKeyPairWithoutPlaintext';

describeWithDifferences(
  'ministack, mode kms',
  { 'makes PS256 keys whose signatures verify, of short and of long input': longSalt },
  () =>
    keysConformance('kms', async () =>
      createEmulatorKeyStore('ministack', 'kms', { table: await createKeysTable('ministack') }),
    ),
);

describeWithDifferences('ministack, mode kms-envelope', {}, () =>
  keysConformance('kms-envelope', async () =>
    createEmulatorKeyStore('ministack', 'kms-envelope', { table: await createKeysTable('ministack') }),
  ),
);

describeWithDifferences(
  'moto, mode kms',
  {
    'makes ES256 keys whose signatures verify, of short and of long input': digestAsMessage,
    'makes RS256 keys whose signatures verify, of short and of long input': digestAsMessage,
    'makes PS256 keys whose signatures verify, of short and of long input': `${digestAsMessage}; ${longSalt}`,
    'gives ES256 signatures as r and s of 32 bytes each': digestAsMessage,
    'destroys a key once and again, and never signs with it afterwards':
      'its keys sign while they are disabled and scheduled for deletion',
  },
  () =>
    keysConformance('kms', async () =>
      createEmulatorKeyStore('moto', 'kms', { table: await createKeysTable('moto') }),
    ),
);

describeWithDifferences(
  'moto, mode kms-envelope',
  Object.fromEntries(
    [
      'makes ES256 keys whose signatures verify, of short and of long input',
      'makes RS256 keys whose signatures verify, of short and of long input',
      'makes PS256 keys whose signatures verify, of short and of long input',
      'publishes the public part of ES256 keys and nothing else',
      'publishes the public part of RS256 keys and nothing else',
      'publishes the public part of PS256 keys and nothing else',
      'gives ES256 signatures as r and s of 32 bytes each',
      'creates one key per kid, however often and at once it is asked',
      'refuses a kid that exists with another algorithm',
      'signs with a key only by the algorithm it was made for',
      'lists the keys of its tenant only',
      'refuses every use of the reference of another tenant, before and after its owner used it',
      'destroys a key once and again, and never signs with it afterwards',
    ].map((test) => [test, noPairs]),
  ),
  () =>
    keysConformance('kms-envelope', async () =>
      createEmulatorKeyStore('moto', 'kms-envelope', { table: await createKeysTable('moto') }),
    ),
);

import { defineConfig } from 'vitest/config';

const {
  MINISTACK_ENDPOINT: ministack = '',
  FULL_PLAN_ENDPOINT: fullPlan = '',
  MOTO_ENDPOINT: moto = '',
} = process.env;

/** Everything that users see, once more over DynamoDB and KMS of an emulator: the very tests of the embedded default. */
function journeys(name: string, keys: string, algorithm: string, include: string[]) {
  return {
    extends: true as const,
    test: {
      name,
      include,
      provide: {
        dynamodb: {
          endpoint: ministack,
          region: 'us-east-1',
          credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
          capabilities: {
            timeToLive: true,
            pointInTimeRecovery: true,
            deletionProtection: true,
            tags: true,
          },
        },
        serverEnv: {
          KEYS: keys,
          KMS_ENDPOINT: ministack,
          KMS_CREATE_KEYS_PER_SECOND: '1000',
          SIGNING_ALGORITHM: algorithm,
          // Nothing is sealed under it.
          MASTER_KEY: '',
        },
      },
    },
  };
}

/** Needs the emulators that scripts/test-aws.ts starts: `npm run test:aws`. */
export default defineConfig({
  test: {
    globalSetup: ['test/support/global-setup.ts', 'test/aws/global-setup.ts'],
    pool: 'forks',
    maxWorkers: 2,
    // The SDK's default provider chain finds them.
    env: { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' },
    testTimeout: 120_000,
    hookTimeout: 120_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'adapters',
          include: ['test/aws/*.spec.ts'],
          exclude: ['test/aws/full-plan.spec.ts'],
          globalSetup: [],
        },
      },
      {
        extends: true,
        test: {
          name: 'full plan',
          include: ['test/aws/full-plan.spec.ts'],
          globalSetup: [],
          // It starts the tasks of every tenant it meets in the emulator, so it has one to itself.
          provide: { emulators: { ministack: fullPlan, moto } },
        },
      },
      journeys('journeys, kms', 'kms', 'ES256', [
        'test/aws/app/*.spec.ts',
        'test/journeys/key-rotation.test.ts',
        'test/journeys/tokens.test.ts',
        'test/journeys/two-tenants.test.ts',
        'test/journeys/cross-tenant/*.test.ts',
        'test/process/two-servers.test.ts',
      ]),
      journeys('journeys, kms-envelope', 'kms-envelope', 'RS256', [
        'test/aws/app/*.spec.ts',
        'test/journeys/tokens.test.ts',
        'test/process/two-servers.test.ts',
      ]),
    ],
  },
});

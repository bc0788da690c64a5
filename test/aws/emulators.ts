import { afterAll, beforeEach, describe, expect, inject } from 'vitest';
import type { TableCapabilities } from '../../src/cloud/tables/port.ts';
import type { Emulators } from './global-setup.ts';

export type EmulatorName = keyof Emulators;

/** Both emulators have everything that the tables port can use. */
export const allTableCapabilities: TableCapabilities = {
  timeToLive: true,
  pointInTimeRecovery: true,
  deletionProtection: true,
  tags: true,
};

/** What an SDK client of the emulator needs. */
export function emulator(name: EmulatorName) {
  return {
    endpoint: inject('emulators')[name],
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  };
}

/**
 * Runs a suite in which the tests named in `differences` must FAIL, each for the reason given: there the emulator differs from AWS. The suite is
 * red when one of them passes (the emulator has caught up) or does not exist, so nothing is skipped in silence.
 */
export function describeWithDifferences(
  title: string,
  differences: Readonly<Record<string, string>>,
  suite: () => void,
): void {
  const met = new Set<string>();
  const names = Object.keys(differences);
  const heading = names.length === 0 ? title : `${title} (${names.length} known differences from AWS)`;
  describe(heading, () => {
    beforeEach(async ({ task, annotate }) => {
      const reason = differences[task.name];
      if (reason !== undefined) {
        met.add(task.name);
        Object.assign(task, { fails: true });
        await annotate(reason, 'differs from AWS');
        process.stdout.write(`  DIFFERS FROM AWS  ${title}: "${task.name}" must fail: ${reason}\n`);
      }
    });
    afterAll(() => {
      expect([...met].sort()).toStrictEqual(names.sort());
    });
    suite();
  });
}

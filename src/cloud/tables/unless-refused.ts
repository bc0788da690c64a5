import { ConditionFailed } from './port.ts';

/** What the write answers, or `undefined` when its condition did not hold. */
export async function unlessRefused<Result>(write: Promise<Result>): Promise<Result | undefined> {
  try {
    return await write;
  } catch (error) {
    if (error instanceof ConditionFailed) {
      return undefined;
    }
    throw error;
  }
}

/** Whether the condition of the write did hold. */
export function succeeds(write: Promise<unknown>): Promise<boolean> {
  return unlessRefused(write.then(() => true)).then((done) => done === true);
}

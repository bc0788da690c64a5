import { UnusableResult } from '../step.ts';

/** Throws when there are problems. Requesters read the message; the log has the problems. */
export function refuseProblems(message: string, problems: readonly string[]): void {
  if (problems.length > 0) {
    throw new UnusableResult(message, { cause: new Error(problems.join('; ')) });
  }
}

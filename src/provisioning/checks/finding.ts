import type { StepContext } from '../step.ts';

/** What one check came to. Kept as evidence and shown to operators: never secret, and no word about another tenant. */
export interface Finding {
  name: string;
  passed: boolean;
  detail: string;
}

/** Looks at a tenant as it is. Rejects when it cannot look now; that says nothing about the tenant. */
export type Inspect = (context: StepContext) => Promise<Finding[]>;

/** A check whose detail is what is wrong, or what was found when nothing is. */
export function finding(name: string, problems: readonly string[], found: string): Finding {
  return { name, passed: problems.length === 0, detail: problems.length === 0 ? found : problems.join('; ') };
}

/** One line, for step outputs and audit events. */
export function inWords({ name, passed, detail }: Finding): string {
  return `${passed ? 'passed' : 'FAILED'} ${name}: ${detail}`;
}

/** The names of the checks that did not pass, or `undefined` when all did. */
export function failedChecks(findings: readonly Finding[]): string | undefined {
  const names = findings.filter(({ passed }) => !passed).map(({ name }) => name);
  return names.length === 0 ? undefined : names.join(', ');
}

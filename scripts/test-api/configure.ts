/** Requests that take something away, or close a tenant to others. */
const destructive = [
  'suspendTenant',
  'decideComplianceReview',
  'revokeKey',
  'revokeCookieKeys',
  'rollbackProvisioning',
  'suspendApplicationTenant',
];

/** A configuration that fills what stands in the braces of paths, for most requests with what is kept. */
export function configure(kept: Record<string, string>, doomed: Record<string, string>): string {
  const parameters = (values: Record<string, string>) =>
    `parameters = { ${Object.entries(values)
      .map(([name, value]) => `"path.${name}" = ${JSON.stringify(value)}`)
      .join(', ')} }`;
  return [
    'continue-on-failure = true',
    'request-timeout = 20.0',
    parameters(kept),
    '[generation]\ndeterministic = true',
    `[[operations]]\ninclude-method = "DELETE"\n${parameters(doomed)}`,
    `[[operations]]\ninclude-operation-id = ${JSON.stringify(destructive)}\n${parameters(doomed)}`,
    '',
  ].join('\n');
}

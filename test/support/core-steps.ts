/** The steps that every tenant with an admin and a first client has, in their order, and that an undo takes back. */
export const coreSteps = [
  'reserve-directory',
  'signing-keys',
  'tenant-table',
  'defaults',
  'first-client',
  'initial-admin',
  'activate',
];

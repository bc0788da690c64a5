/**
 * The layers, downward only (docs/architecture.md). A folder may import the folders of the layers below it, never a
 * folder of its own layer, so the picture stays a strict DAG.
 */
const layers = [
  ['kernel'],
  ['platform', 'cloud', 'web'],
  ['outbox'],
  ['embedded', 'audit'],
  ['tenancy', 'identity', 'clients'],
  ['oidc', 'onboarding', 'provisioning'],
  ['admin'],
];

const upwardOrSideways = layers.flatMap((folders, level) =>
  folders.map((folder) => {
    const allowed = [folder, ...layers.slice(0, level).flat()];
    return {
      name: `layer-of-${folder}`,
      severity: 'error',
      comment: `src/${folder} may import only: ${allowed.join(', ')}`,
      from: { path: `^src/${folder}/` },
      to: { path: '^src/', pathNot: `^src/(${allowed.join('|')})/` },
    };
  }),
);

module.exports = {
  forbidden: [
    {
      name: 'cli-is-a-client',
      severity: 'error',
      comment:
        'The command line knows the server by its API alone: src/cli may import only itself and the kernel',
      from: { path: '^src/cli/' },
      to: { path: '^src/', pathNot: '^src/(cli|kernel)/' },
    },
    {
      name: 'nobody-imports-the-cli',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/cli/' },
      to: { path: '^src/cli/' },
    },
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'aws-sdk-only-in-cloud',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/cloud/' },
      to: { path: 'node_modules/@aws-sdk/' },
    },
    {
      name: 'product-does-not-import-tests',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|scripts)/' },
    },
    {
      name: 'no-dev-dependencies-in-product',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    ...upwardOrSideways,
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};

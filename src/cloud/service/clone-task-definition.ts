import type {
  ContainerDefinition,
  KeyValuePair,
  RegisterTaskDefinitionCommandInput,
  Secret as SecretReference,
  TaskDefinition,
} from '@aws-sdk/client-ecs';
import type { Deployment } from './port.ts';

export interface CloneChanges {
  family: string;
  /** Gets the whole environment and the secrets. Other containers get what the template gives them under the same names. */
  mainContainer: string;
  environment: Deployment['environment'];
  /** Names whose values are in the file of secrets, and those that the tenant has no value for. */
  secretNames: readonly string[];
  /** ARN of the file; absent: the tenant has no secrets. */
  secretFile: string | undefined;
}

/** What ECS says about a task definition and does not take back. */
const readOnly = [
  'taskDefinitionArn',
  'revision',
  'status',
  'requiresAttributes',
  'compatibilities',
  'registeredAt',
  'registeredBy',
  'deregisteredAt',
  'deleteRequestedAt',
] as const satisfies readonly (keyof TaskDefinition)[];

/** The template's task definition as one to register for a tenant: all of it, but for the names that belong to the tenant (D4). */
export function cloneTaskDefinition(
  template: TaskDefinition,
  changes: CloneChanges,
): RegisterTaskDefinitionCommandInput {
  const kept = Object.fromEntries(
    Object.entries(template).filter(
      // An empty text is an emulator's way to say "none".
      ([name, value]) => !(readOnly as readonly string[]).includes(name) && value !== '' && value !== null,
    ),
  ) as Omit<TaskDefinition, (typeof readOnly)[number]>;
  return {
    ...kept,
    family: changes.family,
    containerDefinitions: (template.containerDefinitions ?? []).map((container) =>
      cloneContainer(container, changes),
    ),
  };
}

function cloneContainer(container: ContainerDefinition, changes: CloneChanges): ContainerDefinition {
  const { environment, secretNames, secretFile, mainContainer } = changes;
  const managed = new Set([...Object.keys(environment), ...secretNames]);
  const ofTemplate = [...(container.environment ?? []), ...(container.secrets ?? [])].flatMap(({ name }) =>
    name === undefined ? [] : [name],
  );
  const gets = (name: string) => container.name === mainContainer || ofTemplate.includes(name);
  const isTemplates = ({ name }: KeyValuePair | SecretReference) => !managed.has(name ?? '');

  const variables = [
    ...(container.environment ?? []).filter(isTemplates),
    ...Object.entries(environment).flatMap(([name, value]) =>
      value !== undefined && gets(name) ? [{ name, value }] : [],
    ),
  ];
  const { secrets: _, ...rest } = container;
  const secrets = (container.secrets ?? []).filter(isTemplates);
  const files =
    secretFile !== undefined && secretNames.some(gets) ? [{ type: 's3' as const, value: secretFile }] : [];
  return {
    ...rest,
    environment: variables,
    ...(secrets.length === 0 ? {} : { secrets }),
    ...(files.length === 0 ? {} : { environmentFiles: [...(container.environmentFiles ?? []), ...files] }),
  };
}

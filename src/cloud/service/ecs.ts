/**
 * The service port on ECS (D4): every tenant gets copies of the template's services.
 *
 * Owns: the SDK clients; cloning a task definition (clone-task-definition.ts) and registering it (ecs-task-definitions.ts); services, their
 * network and security settings and the circuit breaker (ecs-services.ts); the file of secrets (ecs-secret-file.ts). Does not own: the
 * cluster, the template, the roles, and target groups, which must be part of a listener rule before ECS takes them.
 *
 * Flow: deploy = secrets written → task definition registered unless the latest one says the same → service created, or moved to it.
 * Names are fixed by the tenant's id, so removal finds everything whatever was recorded.
 */
import { ECSClient } from '@aws-sdk/client-ecs';
import { S3Client } from '@aws-sdk/client-s3';
import { AppError } from '../../kernel/errors.ts';
import { type AwsAccess, awsClientSettings, createAwsCall } from '../aws-call.ts';
import { type OwnedResource, ownerDigest, type ResourceOwner, tagsOf } from '../resource-owner.ts';
import { waitUntil } from '../wait-until.ts';
import { cloneTaskDefinition } from './clone-task-definition.ts';
import type { EcsConnection } from './ecs-connection.ts';
import { createSecretFiles } from './ecs-secret-file.ts';
import { createEcsServices } from './ecs-services.ts';
import { createTaskDefinitions } from './ecs-task-definitions.ts';
import { readTemplate } from './ecs-template.ts';
import type { PartState, Services } from './port.ts';

export interface EcsOptions extends AwsAccess {
  cluster: string;
  /** Name of the template's service, by part. */
  templateServices: Readonly<Record<string, string>>;
  /** Where the files of secrets are kept, for the template's execution role to read. */
  secretFiles: { bucket: string; endpoint?: string; kmsKey?: string };
  deployment: string;
  timings?: Partial<EcsTimings>;
}

/** In milliseconds. */
export interface EcsTimings {
  pollMs: number;
  steadyMs: number;
  /** How long tasks may take to end. */
  drainMs: number;
}

export interface EcsServicesAdapter extends Services {
  close(): void;
}

export function createEcsAdapter(options: EcsOptions): EcsServicesAdapter {
  const { cluster, templateServices, deployment } = options;
  const timings = { pollMs: 5_000, steadyMs: 600_000, drainMs: 300_000, ...options.timings };
  const ecs = new ECSClient(awsClientSettings(options));
  const { endpoint: _, ...access } = options;
  const s3 = new S3Client({
    ...awsClientSettings(
      options.secretFiles.endpoint === undefined
        ? access
        : { ...access, endpoint: options.secretFiles.endpoint },
    ),
    forcePathStyle: options.secretFiles.endpoint !== undefined,
  });
  const connection: EcsConnection = { ecs, call: createAwsCall('The container platform'), cluster };
  const secretFiles = createSecretFiles({ s3, ...options.secretFiles });
  const taskDefinitions = createTaskDefinitions(connection);
  const services = createEcsServices(connection);
  const parts = Object.keys(templateServices);
  const nameOf = (owner: ResourceOwner, part: string) => `tenant-${owner.slug}-${part}-${ownerDigest(owner)}`;

  const namesOf = (owner: ResourceOwner) => parts.map((part) => nameOf(owner, part));
  /** Of whatever part, also one that the template does not have any more. */
  const isTheirs = ({ name, owner }: OwnedResource) =>
    name.startsWith(`tenant-${owner.slug}-`) && name.endsWith(`-${ownerDigest(owner)}`);

  const templateOf = (part: string) => readTemplate(connection, part, templateServices[part] ?? '');

  async function describe(owner: ResourceOwner): Promise<PartState[]> {
    const states = await Promise.all(
      parts.map(async (part) => {
        const state = await services.describe(nameOf(owner, part));
        return state === undefined ? [] : [{ part, ...state }];
      }),
    );
    return states.flat();
  }

  return {
    at: `${options.endpoint ?? options.region} ${cluster}`,
    namesOf,

    async templateParts() {
      const templates = await Promise.all(parts.map(templateOf));
      return templates.map(({ part, targetGroup }) => ({ part, targetGroup }));
    },

    async deploy(owner, { environment, secrets, targetGroups }) {
      const secretFile = await secretFiles.write(owner, secrets);
      const tags = tagsOf(deployment, owner);
      for (const part of parts) {
        const targetGroup = targetGroups[part];
        if (targetGroup === undefined) {
          throw new AppError('server_error', `The ${part} has no target group.`);
        }
        const template = await templateOf(part);
        const name = nameOf(owner, part);
        const taskDefinition = await taskDefinitions.ensure(
          cloneTaskDefinition(template.taskDefinition, {
            family: name,
            mainContainer: template.container,
            environment,
            secretNames: Object.keys(secrets),
            secretFile,
          }),
          tags,
        );
        await services.ensure(template, { name, taskDefinition, targetGroup, tags });
      }
    },

    describe,

    async untilSteady(owner, signal) {
      let last: PartState[] = [];
      const settled = await waitUntil(
        async () => {
          last = await describe(owner);
          const failed = last.some(({ state }) => state === 'failed');
          const steady = last.length === parts.length && last.every(({ state }) => state === 'steady');
          return failed || steady ? true : undefined;
        },
        { everyMs: timings.pollMs, withinMs: timings.steadyMs, signal },
      );
      const missing = parts.filter((part) => !last.some((state) => state.part === part));
      return [
        ...missing.map((part) => `${part}: there is no service`),
        ...last.flatMap(({ part, state, running, desired }) =>
          state === 'failed'
            ? [`${part}: the deployment failed`]
            : state === 'steady'
              ? []
              : [`${part}: ${running} of ${desired} tasks run${settled ? '' : ' and time is up'}`],
        ),
      ];
    },

    async remove(owner, signal, made = []) {
      const names = [...new Set([...namesOf(owner), ...made])];
      for (const name of names) {
        await services.startRemoval(name);
      }
      const gone = await waitUntil(
        async () => {
          const left = await Promise.all(names.map((name) => services.isPresent(name)));
          return left.includes(true) ? undefined : true;
        },
        { everyMs: timings.pollMs, withinMs: timings.drainMs, signal },
      );
      if (gone === undefined) {
        throw new AppError('temporarily_unavailable', 'The tenant’s services have not ended yet.');
      }
      for (const name of names) {
        await taskDefinitions.deregister(name);
      }
      await secretFiles.remove(owner);
    },

    async list(known) {
      const byName = new Map(
        known.flatMap((owner) => parts.map((part) => [nameOf(owner, part), owner] as const)),
      );
      const [running, definitions] = await Promise.all([
        services.marked(deployment),
        taskDefinitions.marked(deployment, 'tenant-', byName),
      ]);
      return [
        ...running.filter(isTheirs).map(({ name, owner }) => ({ name: `service ${name}`, owner })),
        ...definitions
          .filter(isTheirs)
          .map(({ name, owner }) => ({ name: `task definition ${name}`, owner })),
      ];
    },

    used: () => services.count(),

    close() {
      ecs.destroy();
      s3.destroy();
    },
  };
}

import { DescribeServicesCommand, ECSClient } from '@aws-sdk/client-ecs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createElbv2Balancer } from '../../src/cloud/balancer/elbv2.ts';
import { createRoute53Dns } from '../../src/cloud/dns/route53.ts';
import { createEndpoints } from '../../src/cloud/http/endpoints.ts';
import { createEcsAdapter } from '../../src/cloud/service/ecs.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { Secret } from '../../src/kernel/secret.ts';
import { type Hosting, hostOf, ownerOf } from '../../src/provisioning/infrastructure.ts';
import type { Step, StepContext } from '../../src/provisioning/step.ts';
import { balancer } from '../../src/provisioning/steps/balancer.ts';
import { dns } from '../../src/provisioning/steps/dns.ts';
import { health } from '../../src/provisioning/steps/health.ts';
import { preconditions } from '../../src/provisioning/steps/preconditions.ts';
import { services } from '../../src/provisioning/steps/services.ts';
import { carryOut, stepGround } from '../provisioning/step-context.ts';
import { silentLog } from '../support/services.ts';
import { emulator } from './emulators.ts';
import { type HostingTemplate, makeHostingTemplate } from './hosting-template.ts';
import { registerTasks, type StandIn, standInForLoadBalancer } from './load-balancer.ts';

const parts = [{ part: 'backend', path: '/api/*' }, { part: 'frontend' }];
const names = parts.map(({ part }) => part);
const publicUrl = new URL('https://id.example.com');

let template: HostingTemplate;
let loadBalancer: StandIn;
beforeAll(async () => {
  template = await makeHostingTemplate(emulator('ministack'));
  loadBalancer = await standInForLoadBalancer();
});
afterAll(() => loadBalancer.close());

function openHosting(address = loadBalancer.address) {
  const aws = { ...emulator('ministack'), log: silentLog };
  const zone = createRoute53Dns({
    ...aws,
    hostedZoneId: template.hostedZoneId,
    timings: { pollMs: 1, inSyncMs: 5_000 },
  });
  const [host = '', port] = address.split(':');
  const hosting: Hosting & { dns: typeof zone } = {
    services: createEcsAdapter({
      ...aws,
      cluster: template.cluster,
      templateServices: template.templateServices,
      secretFiles: { bucket: template.bucket, endpoint: aws.endpoint },
      deployment: 'tenantry-test',
      timings: { pollMs: 5, steadyMs: 5_000, drainMs: 5_000 },
    }),
    balancer: createElbv2Balancer({
      ...aws,
      listenerArn: template.listenerArn,
      deployment: 'tenantry-test',
      random: systemRandom,
      timings: { pollMs: 5, healthyMs: 1_000 },
    }),
    dns: zone,
    endpoints: createEndpoints({ address: { host }, timings: { pollMs: 5, reachableMs: 1_000 } }),
    domain: template.domain,
    parts,
    port: Number(port),
  };
  return hosting;
}

async function setUp(hosting = openHosting()) {
  const ground = await stepGround();
  const steps = {
    balancer: balancer({ hosting }),
    services: services({ hosting, objects: undefined, secrets: ground.secrets, publicUrl }),
    dns: dns({ hosting, zone: hosting.dns }),
    health: health({ hosting }),
  };
  const asked = await ground.context({ features: { hosting: ['ecs'] } });
  const owner = ownerOf(asked.tenant);

  async function traces() {
    return {
      targetGroups: Object.keys(await hosting.balancer.find(owner, names)),
      services: (await hosting.services.describe(owner)).map(({ part }) => part),
      dns: await hosting.dns.pointsTo(owner, hostOf(hosting, asked.tenant), await hosting.balancer.address()),
    };
  }
  const registered = () => registerTasks(emulator('ministack'), hosting.balancer, owner, names);
  return { ...ground, hosting, steps, asked, owner, traces, registered };
}

const nothing = { targetGroups: [], services: [], dns: false };
const everything = { targetGroups: names, services: names, dns: true };

describe('the steps of hosting, on ministack', () => {
  it('bring a tenant’s host to its own services, and take everything away again', async () => {
    const { steps, asked, traces, registered, secrets, hosting } = await setUp();
    await secrets.ensure(asked, 'database', (password) => ({
      url: new Secret(`postgres://role:${password}@db/tenant`),
      pool: { max: 10, min: 2, idleMs: 10_000, acquireMs: 30_000 },
    }));
    const url = `http://${hostOf(hosting, asked.tenant)}:${loadBalancer.address.split(':')[1]}/`;
    expect(await carryOut(steps.balancer, asked)).toEqual({
      url,
      parts: names,
      at: template.listenerArn,
    });
    const deployed = await carryOut(steps.services, asked);
    await registered();
    expect(await carryOut(steps.dns, asked)).toMatchObject({ host: hostOf(hosting, asked.tenant) });
    expect(await carryOut(steps.health, asked)).toEqual({
      url,
      tasks: ['backend: 2 of 2', 'frontend: 2 of 2'],
    });
    expect(loadBalancer.hosts).toContain(new URL(url).host);
    expect(await traces()).toEqual(everything);

    const { services: made } = await new ECSClient(emulator('ministack')).send(
      new DescribeServicesCommand({
        cluster: template.cluster,
        services: [...(deployed.services as string[])],
      }),
    );
    expect(made).toHaveLength(2);

    for (const step of [steps.health, steps.dns, steps.services, steps.balancer]) {
      await step.undo(asked, undefined);
      await step.undo(asked, undefined);
    }
    expect(await traces()).toEqual(nothing);
  });

  it('find what a try made that was never recorded, and make nothing twice', async () => {
    const { steps, asked, traces, registered, hosting } = await setUp();
    const rules = await hosting.balancer.usedRules();
    for (const step of [steps.balancer, steps.services, steps.dns]) {
      await step.act(asked);
      await carryOut(step, asked);
    }
    await registered();
    await carryOut(steps.health, asked);
    expect(await hosting.balancer.usedRules()).toBe(rules + 2);
    expect(await traces()).toEqual(everything);
    for (const step of [steps.dns, steps.services, steps.balancer]) {
      await step.undo(asked, undefined);
    }
    expect(await traces()).toEqual(nothing);
    expect(await hosting.balancer.usedRules()).toBe(rules);
  });

  it('take away what was made while a part had another name', async () => {
    const { steps, asked, owner, traces, hosting } = await setUp();
    const made = {
      balancer: await carryOut(steps.balancer, asked),
      services: await carryOut(steps.services, asked),
    };
    const aws = { ...emulator('ministack'), log: silentLog };
    const renamed: Hosting = {
      ...hosting,
      parts: [{ part: 'api', path: '/api/*' }, { part: 'frontend' }],
      services: createEcsAdapter({
        ...aws,
        cluster: template.cluster,
        templateServices: {
          api: template.templateServices.backend ?? '',
          frontend: template.templateServices.frontend ?? '',
        },
        secretFiles: { bucket: template.bucket, endpoint: aws.endpoint },
        deployment: 'tenantry-test',
        timings: { pollMs: 5, steadyMs: 5_000, drainMs: 5_000 },
      }),
    };
    const ground = await stepGround();
    const later = {
      balancer: balancer({ hosting: renamed }),
      services: services({ hosting: renamed, objects: undefined, secrets: ground.secrets, publicUrl }),
    };
    // What has no part any more is the tenant's all the same.
    const listed = (await renamed.services.list([owner])).map(({ name }) => name);
    expect(listed).toContain(`service ${(made.services.services as string[])[0]}`);
    await later.services.undo(asked, made.services);
    await later.balancer.undo(asked, made.balancer);
    expect(await traces()).toMatchObject({ services: [], targetGroups: [] });
  });

  it('say what is left when settings lead elsewhere', async () => {
    const { steps, asked, traces, hosting } = await setUp();
    const made = {
      balancer: await carryOut(steps.balancer, asked),
      services: await carryOut(steps.services, asked),
      dns: await carryOut(steps.dns, asked),
    };
    for (const [name, left] of [
      ['dns', hostOf(hosting, asked.tenant)],
      ['services', (made.services.services as string[])[0]],
      ['balancer', 'backend, frontend'],
    ] as const) {
      await expect(steps[name].undo(asked, { ...made[name], at: 'elsewhere' })).rejects.toMatchObject({
        name: 'UnusableResult',
        message: expect.stringContaining(`${left}`),
      });
    }
    expect(await traces()).toEqual(everything);
    for (const name of ['dns', 'services', 'balancer'] as const) {
      await steps[name].undo(asked, made[name]);
    }
    expect(await traces()).toEqual(nothing);
  });

  it.each(['balancer', 'services', 'dns'] as const)('undo %s without its ever having begun', async (name) => {
    const { steps, asked, traces } = await setUp();
    await steps[name].undo(asked, undefined);
    expect(await traces()).toEqual(nothing);
  });

  it('health fails for good when targets are not healthy, and when the host does not answer', async () => {
    const { steps, asked, registered, hosting } = await setUp();
    await carryOut(steps.balancer, asked);
    await carryOut(steps.services, asked);
    await expect(steps.health.act(asked)).rejects.toMatchObject({
      name: 'UnusableResult',
      message: 'The tenant’s services are not healthy.',
    });
    await registered();
    const failing = await standInForLoadBalancer(503);
    const { steps: behindFailing } = await setUp(openHosting(failing.address));
    await expect(behindFailing.health.act(asked)).rejects.toMatchObject({
      message: 'The tenant’s host does not answer.',
      cause: new Error('it answers 503'),
    });
    await failing.close();
    await expect(behindFailing.health.act(asked)).rejects.toMatchObject({
      cause: new Error('The address gave no answer: ECONNREFUSED.'),
    });
    await hosting.services.remove(ownerOf(asked.tenant), asked.signal);
    await expect(steps.health.act(asked)).rejects.toMatchObject({
      message: 'The tenant’s services are not steady.',
    });
    await hosting.balancer.remove(ownerOf(asked.tenant), names);
  });

  it('never asks an address of the own network unless the operator named it', async () => {
    const unnamed = createEndpoints({ timings: { pollMs: 1, reachableMs: 1 } });
    const { signal } = new AbortController();
    for (const url of [
      'https://127.0.0.1/',
      'https://169.254.169.254/latest/meta-data',
      'http://example.com/',
    ]) {
      await expect(unnamed.untilReachable(url, signal)).rejects.toMatchObject({ code: 'invalid_request' });
    }
  });
});

describe('preconditions of hosting', () => {
  const approved = { query: async () => ({ rows: [], rowCount: 1 }) };

  async function refusal(step: Step, context: StepContext): Promise<string> {
    return await step.act(context).then(
      () => '',
      (error: Error) => error.message,
    );
  }

  it('hold while everything is there', async () => {
    const { hosting, asked } = await setUp();
    const step = preconditions({
      postgres: approved,
      infrastructure: {
        hosting,
        quotas: [
          {
            resource: 'listener rules',
            limit: 100,
            needed: () => 2,
            used: () => hosting.balancer.usedRules(),
          },
        ],
      },
    });
    expect(await step.act(asked)).toEqual({ quotas: ['listener rules'] });
  });

  it('name everything that is missing at once', async () => {
    const { hosting, asked } = await setUp();
    const aws = { ...emulator('ministack'), log: silentLog };
    const broken: Hosting = {
      ...hosting,
      services: createEcsAdapter({
        ...aws,
        cluster: template.cluster,
        templateServices: { frontend: 'nothing' },
        secretFiles: { bucket: template.bucket },
        deployment: 'tenantry-test',
      }),
      domain: 'apps.example.org',
    };
    const step = preconditions({
      postgres: { query: async () => ({ rows: [], rowCount: 0 }) },
      infrastructure: {
        hosting: broken,
        quotas: [{ resource: 'target groups', limit: 3, needed: () => 2, used: async () => 2 }],
      },
    });
    expect(await refusal(step, asked)).toBe(
      'The tenant cannot be set up: its order is not approved; the quota of target groups is used up; The template service of the frontend does not exist; the hosted zone is not that of the tenants’ domain.',
    );
  });

  it('refuse what this deployment does not offer', async () => {
    const { context } = await stepGround();
    const step = preconditions({ postgres: approved, infrastructure: { quotas: [] } });
    const asked = await context({
      features: { storage: ['s3', 'postgresql', 'redis'], hosting: ['ecs'] },
    });
    expect(await refusal(step, asked)).toBe(
      'The tenant cannot be set up: this deployment does not offer features.storage: s3; this deployment does not offer features.storage: postgresql; this deployment does not offer features.storage: redis; this deployment does not offer features.hosting: ecs.',
    );
  });

  it('are tried again when something cannot be told now', async () => {
    const { hosting, asked } = await setUp();
    const step = preconditions({
      postgres: approved,
      infrastructure: {
        hosting: {
          ...hosting,
          balancer: createElbv2Balancer({
            ...emulator('ministack'),
            endpoint: 'http://127.0.0.1:1',
            listenerArn: template.listenerArn,
            deployment: 'tenantry-test',
            random: systemRandom,
            log: silentLog,
          }),
        },
        quotas: [],
      },
    });
    await expect(step.act(asked)).rejects.toMatchObject({ code: 'temporarily_unavailable' });
  });
});

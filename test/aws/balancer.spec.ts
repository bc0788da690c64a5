import {
  CreateRuleCommand,
  DescribeRulesCommand,
  DescribeTagsCommand,
  DescribeTargetGroupsCommand,
  ElasticLoadBalancingV2Client,
  ModifyRuleCommand,
  RegisterTargetsCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { beforeAll, describe, expect, it } from 'vitest';
import { createElbv2Balancer } from '../../src/cloud/balancer/elbv2.ts';
import { targetGroupName } from '../../src/cloud/balancer/elbv2-target-groups.ts';
import type { ResourceOwner } from '../../src/cloud/resource-owner.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { freshOwner } from '../conformance/owners.ts';
import { silentLog } from '../support/services.ts';
import { emulator } from './emulators.ts';
import { type HostingTemplate, makeHostingTemplate } from './hosting-template.ts';

const parts = ['backend', 'frontend'];
const never = new AbortController().signal;

describe.each(['ministack', 'moto'] as const)('balancer port: ELBv2 on %s', (name) => {
  let template: HostingTemplate;
  let elb: ElasticLoadBalancingV2Client;
  beforeAll(async () => {
    template = await makeHostingTemplate(emulator(name));
    elb = new ElasticLoadBalancingV2Client(emulator(name));
  });

  const open = () =>
    createElbv2Balancer({
      ...emulator(name),
      listenerArn: template.listenerArn,
      deployment: 'tenantry-test',
      random: systemRandom,
      log: silentLog,
      timings: { pollMs: 5, healthyMs: 200 },
    });

  const routesOf = (owner: ResourceOwner) => {
    const host = `${owner.slug}.${template.domain}`;
    return [
      { part: 'backend', host, path: '/api/*', like: template.targetGroups.backend },
      { part: 'frontend', host, like: template.targetGroups.frontend },
    ];
  };

  async function rulesOf(host: string) {
    const { Rules = [] } = await elb.send(new DescribeRulesCommand({ ListenerArn: template.listenerArn }));
    return Rules.filter(({ Conditions }) =>
      Conditions?.some(
        ({ Values, HostHeaderConfig }) =>
          Values?.includes(host) || HostHeaderConfig?.Values?.includes(host) === true,
      ),
    );
  }

  it('knows where the listener is', async () => {
    expect(await open().address()).toMatchObject({ protocol: 'http', port: 80, dualStack: false });
    const missing = createElbv2Balancer({
      ...emulator(name),
      listenerArn: `${template.listenerArn.slice(0, -4)}0000`,
      deployment: 'tenantry-test',
      random: systemRandom,
      log: silentLog,
    });
    await expect(missing.address()).rejects.toMatchObject({
      code: 'invalid_request',
      message: 'The load balancer has no such listener.',
    });
  });

  it('lists what bears the tenant’s mark, until it is removed, and nothing of another deployment', async () => {
    const owner = freshOwner();
    const stranger = freshOwner();
    const elsewhere = createElbv2Balancer({
      ...emulator(name),
      listenerArn: template.listenerArn,
      deployment: 'another',
      random: systemRandom,
      log: silentLog,
    });
    await open().create(owner, routesOf(owner));
    await elsewhere.create(stranger, routesOf(stranger));
    const listed = async () =>
      (await open().list([])).filter(({ owner: { tenantId } }) => tenantId === owner.tenantId);
    expect((await listed()).map(({ name: found }) => found.split(' ')[0]).sort()).toEqual([
      'rule',
      'rule',
      'target',
      'target',
    ]);
    const others = (await open().list([])).map((each) => each.owner.tenantId);
    expect(others).not.toContain(stranger.tenantId);
    await open().remove(owner, parts);
    expect(await listed()).toEqual([]);
    await elsewhere.remove(stranger, parts);
  });

  it('finds a rule that leads elsewhere, and brings it back', async () => {
    const owner = freshOwner();
    const host = `${owner.slug}.${template.domain}`;
    await open().create(owner, routesOf(owner));
    expect(await open().inspect(owner, routesOf(owner))).toEqual([]);
    for (const { RuleArn } of await rulesOf(host)) {
      await elb.send(
        new ModifyRuleCommand({
          RuleArn,
          Actions: [{ Type: 'forward', TargetGroupArn: template.targetGroups.backend }],
        }),
      );
    }
    expect(await open().inspect(owner, routesOf(owner))).toEqual([
      `backend: no rule leads ${host}/api/* to its target group alone`,
      `frontend: no rule leads ${host} to its target group alone`,
    ]);
    await open().create(owner, routesOf(owner));
    expect(await open().inspect(owner, routesOf(owner))).toEqual([]);
    expect(await rulesOf(host)).toHaveLength(2);
    await open().remove(owner, parts);
    expect(await open().inspect(owner, routesOf(owner))).toHaveLength(2);
  });

  it('makes target groups like the template’s and rules by host, however often', async () => {
    const owner = freshOwner();
    const host = `${owner.slug}.${template.domain}`;
    const balancer = open();
    const groups = await balancer.create(owner, routesOf(owner));
    expect(await balancer.create(owner, routesOf(owner))).toEqual(groups);
    expect(await balancer.find(owner, parts)).toEqual(groups);

    const { TargetGroups } = await elb.send(
      new DescribeTargetGroupsCommand({ TargetGroupArns: [groups.backend ?? ''] }),
    );
    expect(TargetGroups).toMatchObject([
      {
        Protocol: 'HTTP',
        Port: 8080,
        TargetType: 'ip',
        HealthCheckPath: '/ready',
        HealthCheckIntervalSeconds: 15,
        HealthyThresholdCount: 3,
        Matcher: { HttpCode: '200-299' },
      },
    ]);
    const { TagDescriptions } = await elb.send(
      new DescribeTagsCommand({ ResourceArns: [groups.backend ?? ''] }),
    );
    expect(TagDescriptions?.[0]?.Tags).toContainEqual({ Key: 'tenantry:tenant', Value: owner.tenantId });

    const rules = await rulesOf(host);
    expect(rules).toHaveLength(2);
    const priority = (arn: string | undefined) =>
      Number(rules.find(({ Actions }) => Actions?.[0]?.TargetGroupArn === arn)?.Priority);
    expect(priority(groups.backend)).toBeLessThan(priority(groups.frontend));
  });

  it('removes rules and target groups, those that a lost reply doubled too, and nobody else’s', async () => {
    const [owner, other] = [freshOwner(), freshOwner()];
    const balancer = open();
    const groups = await balancer.create(owner, routesOf(owner));
    const others = await balancer.create(other, routesOf(other));
    const used = [await balancer.usedTargetGroups(), await balancer.usedRules()];
    await elb.send(
      new CreateRuleCommand({
        ListenerArn: template.listenerArn,
        Priority: 49_999,
        Conditions: [{ Field: 'host-header', Values: [`${owner.slug}.${template.domain}`] }],
        Actions: [{ Type: 'forward', TargetGroupArn: groups.backend }],
      }),
    );
    await balancer.remove(owner, parts);
    await balancer.remove(owner, parts);
    expect(await balancer.find(owner, parts)).toEqual({});
    expect(await rulesOf(`${owner.slug}.${template.domain}`)).toEqual([]);
    expect(await balancer.find(other, parts)).toEqual(others);
    expect(await rulesOf(`${other.slug}.${template.domain}`)).toHaveLength(2);
    expect([await balancer.usedTargetGroups(), await balancer.usedRules()]).toEqual(
      used.map((count) => count - 2),
    );
  });

  it('refuses a host that a rule of somebody else takes, and leaves that rule', async () => {
    const owner = freshOwner();
    const host = `${owner.slug}.${template.domain}`;
    await elb.send(
      new CreateRuleCommand({
        ListenerArn: template.listenerArn,
        Priority: 30_000 + systemRandom.bytes(1).readUInt8(),
        Conditions: [{ Field: 'host-header', Values: [host] }],
        Actions: [{ Type: 'forward', TargetGroupArn: template.targetGroups.backend }],
      }),
    );
    const balancer = open();
    await expect(balancer.create(owner, routesOf(owner))).rejects.toMatchObject({
      code: 'invalid_request',
      message: 'The host is taken by a rule that is not this tenant’s.',
    });
    await balancer.remove(owner, parts);
    expect(await rulesOf(host)).toHaveLength(1);
    expect(await balancer.find(owner, parts)).toEqual({});
  });

  it('waits for targets, and says what is not healthy when time is up', async () => {
    const owner = freshOwner();
    const balancer = open();
    const groups = await balancer.create(owner, routesOf(owner));
    const register = (part: string) =>
      elb.send(
        new RegisterTargetsCommand({
          TargetGroupArn: groups[part],
          Targets: [{ Id: '10.0.0.9', Port: 80 }],
        }),
      );
    await register('backend');
    expect(await balancer.untilHealthy(owner, parts, never)).toEqual([
      'frontend: 0 of 0 targets are healthy',
    ]);
    await register('frontend');
    expect(await balancer.untilHealthy(owner, parts, never)).toEqual([]);
    await balancer.remove(owner, parts);
  });

  it('stops waiting when the process does', async () => {
    const owner = freshOwner();
    const stop = AbortSignal.abort(new Error('stopping'));
    await expect(open().untilHealthy(owner, parts, stop)).rejects.toThrow('stopping');
  });
});

it('finds free priorities for many tenants at once, although workers choose the same', async () => {
  // moto refuses a priority that is in use, as AWS does; ministack takes it.
  const aws = emulator('moto');
  const template = await makeHostingTemplate(aws);
  // Every choice falls on the first free one, so that each worker meets all the others.
  const unlucky = { bytes: (size: number) => Buffer.alloc(size) };
  const owners = Array.from({ length: 6 }, () => freshOwner());
  await Promise.all(
    owners.map((owner) =>
      createElbv2Balancer({
        ...aws,
        listenerArn: template.listenerArn,
        deployment: 'tenantry-test',
        random: unlucky,
        log: silentLog,
      }).create(owner, [
        { part: 'frontend', host: `${owner.slug}.example.com`, like: template.targetGroups.frontend },
      ]),
    ),
  );
  const { Rules = [] } = await new ElasticLoadBalancingV2Client(aws).send(
    new DescribeRulesCommand({ ListenerArn: template.listenerArn }),
  );
  const priorities = Rules.filter(({ IsDefault }) => IsDefault !== true).map(({ Priority }) => Priority);
  expect(new Set(priorities).size).toBe(owners.length);
});

it.each(['a-b', 'an-eleven-ch-tenant', `a${'-b'.repeat(19)}c`])(
  'names target groups of %s as AWS allows',
  (slug) => {
    for (const part of parts) {
      expect(targetGroupName(freshOwner(slug), part)).toMatch(
        /^(?=.{1,32}$)[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])$/,
      );
    }
  },
);

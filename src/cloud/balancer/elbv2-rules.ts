import {
  CreateRuleCommand,
  DeleteRuleCommand,
  DescribeRulesCommand,
  type Rule,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { AppError } from '../../kernel/errors.ts';
import type { Random } from '../../kernel/random.ts';
import { isRefusal, unlessAbsent } from '../aws-call.ts';
import { type OwnedResource, type ResourceOwner, tagsOf } from '../resource-owner.ts';
import type { Elbv2Connection } from './elbv2-connection.ts';
import { readMarks } from './elbv2-marks.ts';

/**
 * The lower the number, the earlier a rule is tried. Rules with a path stand before those of the host alone, for every tenant, because each
 * kind has a range of its own.
 */
const ranges = { withPath: [1, 25_000], hostOnly: [25_001, 50_000] } as const;
const choices = 200;
const attempts = 12;

export interface WantedRule {
  host: string;
  path: string | undefined;
  targetGroup: string;
  /** All target groups of the tenant. */
  ours: readonly string[];
}

export function createRules(
  connection: Elbv2Connection,
  { listenerArn, deployment, random }: { listenerArn: string; deployment: string; random: Random },
) {
  const { client, call } = connection;

  async function all(): Promise<Rule[]> {
    const rules: Rule[] = [];
    for (let marker: string | undefined; ; ) {
      const page = await call('DescribeRules', (send) =>
        client.send(
          new DescribeRulesCommand({
            ListenerArn: listenerArn,
            ...(marker === undefined ? {} : { Marker: marker }),
          }),
          send,
        ),
      );
      rules.push(...(page.Rules ?? []));
      marker = page.NextMarker || undefined;
      if (marker === undefined) {
        return rules;
      }
    }
  }

  /** One of the first free priorities; by chance, so that workers that look at once rarely choose the same. */
  function freePriority(rules: readonly Rule[], [first, last]: readonly [number, number]): number {
    const taken = new Set(rules.map(({ Priority }) => Number(Priority)));
    const free: number[] = [];
    for (let priority = first; priority <= last && free.length < choices; priority += 1) {
      if (!taken.has(priority)) {
        free.push(priority);
      }
    }
    const chosen = free[random.bytes(4).readUInt32BE() % Math.max(free.length, 1)];
    if (chosen === undefined) {
      throw new AppError('invalid_request', 'The load balancer’s listener has no free rule priority.');
    }
    return chosen;
  }

  async function removeOne({ RuleArn }: Rule): Promise<void> {
    await unlessAbsent(
      ['RuleNotFound', 'RuleNotFoundException'],
      call('DeleteRule', (send) => client.send(new DeleteRuleCommand({ RuleArn }), send)),
    );
  }

  async function isOwn({ tenantId }: ResourceOwner, { RuleArn = '' }: Rule): Promise<boolean> {
    return (await readMarks(connection, deployment, [RuleArn])).get(RuleArn)?.tenantId === tenantId;
  }

  /** False when somebody took the priority first. */
  async function tryCreate(owner: ResourceOwner, wanted: WantedRule, priority: number): Promise<boolean> {
    const { host, path, targetGroup } = wanted;
    try {
      await call('CreateRule', (send) =>
        client.send(
          new CreateRuleCommand({
            ListenerArn: listenerArn,
            Priority: priority,
            Conditions: [
              { Field: 'host-header', Values: [host] },
              ...(path === undefined ? [] : [{ Field: 'path-pattern', Values: [path] }]),
            ],
            Actions: [{ Type: 'forward', TargetGroupArn: targetGroup }],
            Tags: Object.entries(tagsOf(deployment, owner)).map(([Key, Value]) => ({ Key, Value })),
          }),
          send,
        ),
      );
      return true;
    } catch (error) {
      if (isRefusal(error, 'PriorityInUse', 'PriorityInUseException')) {
        return false;
      }
      throw error;
    }
  }

  return {
    async ensure(owner: ResourceOwner, wanted: WantedRule): Promise<void> {
      for (let attempt = 1; attempt <= attempts; attempt += 1) {
        const rules = await all();
        if (rules.some((rule) => targetsOf(rule).includes(wanted.targetGroup))) {
          return;
        }
        const stranger = rules.find(
          (rule) =>
            valuesOf(rule, 'host-header').includes(wanted.host) &&
            !targetsOf(rule).some((target) => wanted.ours.includes(target)),
        );
        if (stranger !== undefined && (await isOwn(owner, stranger))) {
          await removeOne(stranger);
          continue;
        }
        if (stranger !== undefined) {
          throw new AppError('invalid_request', 'The host is taken by a rule that is not this tenant’s.', {
            detail: stranger.RuleArn ?? '',
          });
        }
        const range = wanted.path === undefined ? ranges.hostOnly : ranges.withPath;
        if (await tryCreate(owner, wanted, freePriority(rules, range))) {
          return;
        }
      }
      throw new AppError('temporarily_unavailable', 'No rule priority could be had on the load balancer.');
    },

    /**
     * Every rule that forwards to one of the groups, also one that a lost reply doubled, and every one that bears the tenant's mark and leads
     * elsewhere.
     */
    async remove(owner: ResourceOwner, targetGroups: readonly string[]): Promise<void> {
      const rules = (await all()).filter(({ IsDefault }) => IsDefault !== true);
      const marks = await readMarks(connection, deployment, arnsOf(rules));
      for (const rule of rules) {
        const isMarked = marks.get(rule.RuleArn ?? '')?.tenantId === owner.tenantId;
        if (isMarked || targetsOf(rule).some((target) => targetGroups.includes(target))) {
          await removeOne(rule);
        }
      }
    },

    all,

    /** Rules that bear a tenant's mark of this deployment. */
    async marked(): Promise<OwnedResource[]> {
      const rules = await all();
      const marks = await readMarks(connection, deployment, arnsOf(rules));
      return [...marks].map(([arn, owner]) => ({ name: `rule ${arn}`, owner }));
    },

    /** True when a rule leads the host, and the path if there is one, to exactly this group. */
    leads: (rules: readonly Rule[], { host, path, targetGroup }: Omit<WantedRule, 'ours'>): boolean =>
      rules.some(
        (rule) =>
          valuesOf(rule, 'host-header').includes(host) &&
          sameValues(valuesOf(rule, 'path-pattern'), path === undefined ? [] : [path]) &&
          sameValues(targetsOf(rule), [targetGroup]),
      ),

    async count(): Promise<number> {
      // The default rule is not counted by the quota.
      return (await all()).filter(({ IsDefault }) => IsDefault !== true).length;
    },
  };
}

function arnsOf(rules: readonly Rule[]): string[] {
  return rules.flatMap(({ RuleArn }) => (RuleArn === undefined ? [] : [RuleArn]));
}

function targetsOf({ Actions = [] }: Rule): string[] {
  return Actions.flatMap(({ TargetGroupArn, ForwardConfig }) => [
    ...(TargetGroupArn === undefined ? [] : [TargetGroupArn]),
    ...(ForwardConfig?.TargetGroups ?? []).flatMap(({ TargetGroupArn: arn }) => (arn ? [arn] : [])),
  ]);
}

function sameValues(some: readonly string[], others: readonly string[]): boolean {
  return new Set(some).symmetricDifference(new Set(others)).size === 0;
}

function valuesOf({ Conditions = [] }: Rule, field: string): string[] {
  return Conditions.filter(({ Field }) => Field === field).flatMap((condition) => [
    ...(condition.HostHeaderConfig?.Values ?? []),
    ...(condition.PathPatternConfig?.Values ?? []),
    ...(condition.Values ?? []),
  ]);
}

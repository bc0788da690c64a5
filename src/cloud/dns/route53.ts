/**
 * The DNS port on Route 53. Alias records have no tags, so every host has a companion TXT record that says whose it is; both are made in one
 * change batch, which Route 53 carries out as a whole or not at all. A host whose companion is absent or another tenant's is never touched.
 */
import {
  type Change,
  ChangeResourceRecordSetsCommand,
  GetChangeCommand,
  GetHostedZoneCommand,
  ListResourceRecordSetsCommand,
  type ResourceRecordSet,
  Route53Client,
  type RRType,
} from '@aws-sdk/client-route-53';
import { AppError } from '../../kernel/errors.ts';
import { type AwsAccess, awsClientSettings, createAwsCall, isRefusal, unlessAbsent } from '../aws-call.ts';
import { type OwnedResource, ownerDigest, type ResourceOwner } from '../resource-owner.ts';
import { waitUntil } from '../wait-until.ts';
import type { AliasTarget, Dns } from './port.ts';

export interface Route53Options extends AwsAccess {
  hostedZoneId: string;
  timings?: Partial<Route53Timings>;
}

/** In milliseconds. */
export interface Route53Timings {
  pollMs: number;
  /** How long a change may take to reach every name server; AWS says 60 s. */
  inSyncMs: number;
}

export interface Route53Dns extends Dns {
  close(): void;
}

const ownerRecordSeconds = 300;

export function createRoute53Dns(options: Route53Options): Route53Dns {
  const { hostedZoneId } = options;
  const timings = { pollMs: 4_000, inSyncMs: 300_000, ...options.timings };
  const client = new Route53Client(awsClientSettings(options));
  const call = createAwsCall('The DNS service');

  async function recordsAt(name: string): Promise<ResourceRecordSet[]> {
    const { ResourceRecordSets = [] } = await call('ListResourceRecordSets', (send) =>
      client.send(
        new ListResourceRecordSetsCommand({
          HostedZoneId: hostedZoneId,
          StartRecordName: name,
          MaxItems: 20,
        }),
        send,
      ),
    );
    return ResourceRecordSets.filter((record) => sameName(record.Name, name));
  }

  async function recordOf(name: string, type: RRType): Promise<ResourceRecordSet | undefined> {
    return (await recordsAt(name)).find((record) => record.Type === type);
  }

  async function isOurs(owner: ResourceOwner, host: string): Promise<boolean> {
    const companion = await recordOf(companionName(host), 'TXT');
    return companion?.ResourceRecords?.some(({ Value }) => Value === companionText(owner)) ?? false;
  }

  async function change(changes: Change[]): Promise<string> {
    const { ChangeInfo } = await call('ChangeResourceRecordSets', (send) =>
      client.send(
        new ChangeResourceRecordSetsCommand({
          HostedZoneId: hostedZoneId,
          ChangeBatch: { Changes: changes },
        }),
        send,
      ),
    );
    return ChangeInfo?.Id ?? '';
  }

  return {
    at: hostedZoneId,

    async create(owner, host, target) {
      const wanted = [companionRecord(owner, host), ...aliasRecords(host, target)];
      if (await isOurs(owner, host)) {
        return await change(wanted.map((record) => ({ Action: 'UPSERT', ResourceRecordSet: record })));
      }
      if ((await recordsAt(host)).some(({ Type }) => excluding.has(Type ?? ''))) {
        throw taken();
      }
      try {
        // Refused as a whole when one of the records has come since the look.
        return await change(wanted.map((record) => ({ Action: 'CREATE', ResourceRecordSet: record })));
      } catch (error) {
        if (isRefusal(error, 'InvalidChangeBatch') && !(await isOurs(owner, host))) {
          throw taken(error);
        }
        throw error;
      }
    },

    async untilInSync(changeId, signal) {
      const done = await waitUntil(
        async () => {
          const { ChangeInfo } = await call('GetChange', (send) =>
            client.send(new GetChangeCommand({ Id: changeId }), send),
          );
          return ChangeInfo?.Status === 'INSYNC' ? true : undefined;
        },
        { everyMs: timings.pollMs, withinMs: timings.inSyncMs, signal },
      );
      return done === true;
    },

    async pointsTo(owner, host, target) {
      if (!(await isOurs(owner, host))) {
        return false;
      }
      const records = await recordsAt(host);
      return aliasRecords(host, target).every((wanted) =>
        records.some(
          ({ Type, AliasTarget }) =>
            Type === wanted.Type && sameName(AliasTarget?.DNSName, wanted.AliasTarget?.DNSName ?? ''),
        ),
      );
    },

    async remove(owner, host) {
      if (!(await isOurs(owner, host))) {
        return;
      }
      const records = [...(await recordsAt(host)), ...(await recordsAt(companionName(host)))];
      const ours = records.filter(({ Type }) => Type === 'A' || Type === 'AAAA' || Type === 'TXT');
      await change(ours.map((record) => ({ Action: 'DELETE', ResourceRecordSet: record })));
    },

    async list(known) {
      const byText = new Map(known.map((owner) => [companionText(owner), owner]));
      const found: OwnedResource[] = [];
      let from: { name: string; type: RRType } | undefined;
      do {
        const page = await call('ListResourceRecordSets', (send) =>
          client.send(
            new ListResourceRecordSetsCommand({
              HostedZoneId: hostedZoneId,
              ...(from === undefined ? {} : { StartRecordName: from.name, StartRecordType: from.type }),
            }),
            send,
          ),
        );
        for (const { Name = '', Type, ResourceRecords = [] } of page.ResourceRecordSets ?? []) {
          const host = normalName(Name).replace(/^_tenantry\./, '');
          const owner = ResourceRecords.map(({ Value = '' }) => byText.get(Value)).find((each) => each);
          if (Type === 'TXT' && owner !== undefined && sameName(Name, companionName(host))) {
            found.push({ name: host, owner });
          }
        }
        from =
          page.IsTruncated === true && page.NextRecordName !== undefined && page.NextRecordType !== undefined
            ? { name: page.NextRecordName, type: page.NextRecordType }
            : undefined;
      } while (from !== undefined);
      return found;
    },

    async problems(domain) {
      const answer = await unlessAbsent(
        ['NoSuchHostedZone'],
        call('GetHostedZone', (send) => client.send(new GetHostedZoneCommand({ Id: hostedZoneId }), send)),
      );
      const zone = normalName(answer?.HostedZone?.Name ?? '');
      if (zone === '') {
        return ['the hosted zone does not exist'];
      }
      const within = domain === zone || domain.endsWith(`.${zone}`);
      return within ? [] : ['the hosted zone is not that of the tenants’ domain'];
    },

    async used() {
      const { HostedZone } = await call('GetHostedZone', (send) =>
        client.send(new GetHostedZoneCommand({ Id: hostedZoneId }), send),
      );
      return HostedZone?.ResourceRecordSetCount ?? 0;
    },

    close: () => client.destroy(),
  };
}

/** Beside one of these no alias can stand. */
const excluding = new Set<string>(['A', 'AAAA', 'CNAME']);

function taken(cause?: unknown): AppError {
  return new AppError('invalid_request', 'The host has a DNS record that is not this tenant’s.', { cause });
}

function companionName(host: string): string {
  return `_tenantry.${host}`;
}

/** Everybody can read it, so it names the tenant by a digest only. */
function companionText(owner: ResourceOwner): string {
  return `"tenantry ${ownerDigest(owner, 32)}"`;
}

function companionRecord(owner: ResourceOwner, host: string): ResourceRecordSet {
  return {
    Name: companionName(host),
    Type: 'TXT',
    TTL: ownerRecordSeconds,
    ResourceRecords: [{ Value: companionText(owner) }],
  };
}

function aliasRecords(host: string, { dnsName, hostedZoneId, dualStack }: AliasTarget): ResourceRecordSet[] {
  const types: RRType[] = dualStack ? ['A', 'AAAA'] : ['A'];
  return types.map((Type) => ({
    Name: host,
    Type,
    AliasTarget: { HostedZoneId: hostedZoneId, DNSName: dnsName, EvaluateTargetHealth: false },
  }));
}

/** Route 53 answers in lower case with a dot at the end. */
function normalName(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}

function sameName(a: string | undefined, b: string): boolean {
  return a !== undefined && normalName(a) === normalName(b);
}

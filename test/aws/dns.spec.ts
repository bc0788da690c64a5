import {
  ChangeResourceRecordSetsCommand,
  CreateHostedZoneCommand,
  ListResourceRecordSetsCommand,
  Route53Client,
} from '@aws-sdk/client-route-53';
import { describe, expect, it } from 'vitest';
import { createRoute53Dns } from '../../src/cloud/dns/route53.ts';
import { freshOwner } from '../conformance/owners.ts';
import { silentLog, testTablePrefix } from '../support/services.ts';
import { emulator } from './emulators.ts';

const target = {
  dnsName: 'lb-1.us-east-1.elb.amazonaws.com',
  hostedZoneId: 'Z35SXDOTRQ7X7K',
  dualStack: false,
};
const never = new AbortController().signal;

describe.each(['ministack', 'moto'] as const)('DNS port: Route 53 on %s', (name) => {
  const client = () => new Route53Client(emulator(name));

  async function zone() {
    const domain = `${testTablePrefix()}.example.com`;
    const { HostedZone } = await client().send(
      new CreateHostedZoneCommand({ Name: domain, CallerReference: domain }),
    );
    const hostedZoneId = HostedZone?.Id?.replace('/hostedzone/', '') ?? '';
    const dns = createRoute53Dns({
      ...emulator(name),
      hostedZoneId,
      log: silentLog,
      timings: { pollMs: 1, inSyncMs: 5_000 },
    });
    const records = async () => {
      const { ResourceRecordSets = [] } = await client().send(
        new ListResourceRecordSetsCommand({ HostedZoneId: hostedZoneId }),
      );
      return ResourceRecordSets.filter(({ Type }) => Type !== 'SOA' && Type !== 'NS');
    };
    return { domain, hostedZoneId, dns, records };
  }

  it('lists the hosts of known tenants alone, until they are removed', async () => {
    const { domain, dns } = await zone();
    const [owner, other] = [freshOwner(), freshOwner()];
    const hostOf = ({ slug }: typeof owner) => `${slug}.${domain}`;
    await dns.create(owner, hostOf(owner), target);
    await dns.create(other, hostOf(other), target);
    expect(await dns.list([owner])).toEqual([{ name: hostOf(owner), owner }]);
    expect(await dns.list([])).toEqual([]);
    await dns.remove(owner, hostOf(owner));
    expect(await dns.list([owner])).toEqual([]);
  });

  it('makes an alias with its companion, however often, and waits until every name server has it', async () => {
    const { domain, dns, records } = await zone();
    const owner = freshOwner();
    const host = `${owner.slug}.${domain}`;
    expect(await dns.problems(domain)).toEqual([]);
    expect(await dns.pointsTo(owner, host, target)).toBe(false);
    expect(await dns.untilInSync(await dns.create(owner, host, target), never)).toBe(true);
    expect(await dns.untilInSync(await dns.create(owner, host, target), never)).toBe(true);
    expect(await dns.pointsTo(owner, host, target)).toBe(true);
    const made = await records();
    expect(made.map(({ Type }) => Type).sort()).toEqual(['A', 'TXT']);
    expect(made.find(({ Type }) => Type === 'A')).toMatchObject({
      Name: `${host}.`,
      AliasTarget: { HostedZoneId: target.hostedZoneId },
    });
    expect(JSON.stringify(made)).not.toContain(owner.tenantId);
  });

  it('has an AAAA record too where the balancer has IPv6, and follows a balancer that moves', async () => {
    const { domain, dns, records } = await zone();
    const owner = freshOwner();
    const host = `${owner.slug}.${domain}`;
    await dns.create(owner, host, { ...target, dualStack: true });
    expect((await records()).map(({ Type }) => Type).sort()).toEqual(['A', 'AAAA', 'TXT']);
    const moved = { ...target, dnsName: 'lb-2.us-east-1.elb.amazonaws.com' };
    await dns.create(owner, host, moved);
    expect(await dns.pointsTo(owner, host, moved)).toBe(true);
    expect(await dns.pointsTo(owner, host, target)).toBe(false);
    await dns.remove(owner, host);
    expect(await records()).toEqual([]);
  });

  it.each(['A', 'CNAME'] as const)(
    'refuses a host that has a stranger’s %s record, and leaves it',
    async (Type) => {
      const { domain, hostedZoneId, dns, records } = await zone();
      const owner = freshOwner();
      const host = `${owner.slug}.${domain}`;
      const Value = Type === 'A' ? '192.0.2.1' : 'elsewhere.example.net';
      await client().send(
        new ChangeResourceRecordSetsCommand({
          HostedZoneId: hostedZoneId,
          ChangeBatch: {
            Changes: [
              {
                Action: 'CREATE',
                ResourceRecordSet: { Name: host, Type, TTL: 60, ResourceRecords: [{ Value }] },
              },
            ],
          },
        }),
      );
      const before = await records();
      await expect(dns.create(owner, host, target)).rejects.toMatchObject({
        code: 'invalid_request',
        message: 'The host has a DNS record that is not this tenant’s.',
      });
      await dns.remove(owner, host);
      expect(await records()).toEqual(before);
    },
  );

  it('neither takes over nor removes the host of another tenant', async () => {
    const { domain, dns } = await zone();
    const owner = freshOwner();
    const successor = freshOwner(owner.slug);
    const host = `${owner.slug}.${domain}`;
    await dns.create(owner, host, target);
    await expect(dns.create(successor, host, target)).rejects.toMatchObject({ code: 'invalid_request' });
    await dns.remove(successor, host);
    expect(await dns.pointsTo(owner, host, target)).toBe(true);
    await dns.remove(owner, host);
    await dns.remove(owner, host);
    await dns.create(successor, host, target);
    expect(await dns.pointsTo(successor, host, target)).toBe(true);
  });

  it('is made once by workers that make it at once', async () => {
    const { domain, dns, records } = await zone();
    const owner = freshOwner();
    const host = `${owner.slug}.${domain}`;
    await Promise.allSettled([1, 2, 3, 4].map(() => dns.create(owner, host, target)));
    await dns.create(owner, host, target);
    expect((await records()).map(({ Type }) => Type).sort()).toEqual(['A', 'TXT']);
  });

  it('says when the zone is missing or not that of the domain', async () => {
    const { dns } = await zone();
    expect(await dns.problems('other.example.org')).toEqual([
      'the hosted zone is not that of the tenants’ domain',
    ]);
    const missing = createRoute53Dns({ ...emulator(name), hostedZoneId: 'Z0NONE', log: silentLog });
    expect(await missing.problems('example.com')).toEqual(['the hosted zone does not exist']);
  });
});

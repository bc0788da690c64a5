import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { genesisHash, hashOfEvent, idOfEvent } from '../../src/audit/audit-log.ts';
import { readEvents } from '../../src/audit/read-chain.ts';
import { reportChain, verifyAllChains } from '../../src/audit/verify-all.ts';
import { verifyChain } from '../../src/audit/verify-chain.ts';
import { type AuditFixture, createAuditFixture } from './evidence-fixture.ts';

let audit: AuditFixture;
beforeAll(async () => {
  audit = await createAuditFixture();
});
afterAll(() => audit.close());

/** Writes the whole chain anew with one event changed, every hash and link right, as an attacker who knows the code would. */
async function rewrite(chain: string): Promise<void> {
  const events = [];
  for await (const event of readEvents(audit.postgres, { chain })) {
    events.push(event);
  }
  let previousHash = genesisHash;
  for (const [place, event] of events.entries()) {
    const details = place === 0 ? { index: 'forged' } : event.details;
    const hash = hashOfEvent({ ...event, details, previousHash });
    await audit.asSuperuser(
      'update audit_events set id = $2, details = $3, previous_hash = $4, hash = $5 where sequence = $1',
      [event.sequence, idOfEvent(hash), JSON.stringify(details), previousHash, hash],
    );
    previousHash = hash;
  }
  await audit.postgres.query('update audit_heads set hash = $2 where chain = $1', [chain, previousHash]);
}

/** The identity column and its key let nobody swap two numbers at once: through a third one, then. */
async function reorder(chain: string): Promise<void> {
  const { rows } = await audit.postgres.query<{ sequence: string }>(
    'select sequence from audit_events where chain = $1 order by sequence offset 1 limit 2',
    [chain],
  );
  const [first, second] = rows.map(({ sequence }) => sequence);
  await audit.asSuperuser('alter table audit_events alter column sequence drop identity');
  await audit.asSuperuser('update audit_events set sequence = -1 where sequence = $1', [first]);
  await audit.asSuperuser('update audit_events set sequence = $2 where sequence = $1', [second, first]);
  await audit.asSuperuser('update audit_events set sequence = $1 where sequence = -1', [second]);
  await audit.asSuperuser('alter table audit_events alter column sequence add generated always as identity');
  await audit.asSuperuser(
    `select setval(pg_get_serial_sequence('audit_events', 'sequence'), (select max(sequence) from audit_events))`,
  );
}

const oneOf = 'sequence = (select sequence from audit_events where chain = $1 order by sequence';
const tampered: [
  what: string,
  kind: string,
  position: number,
  offline: RegExp,
  act: (chain: string) => Promise<void>,
][] = [
  [
    'an edited event',
    'edited',
    2,
    /was edited/,
    (chain) =>
      audit.asSuperuser(`update audit_events set details = '{"index":7}' where ${oneOf} offset 1 limit 1)`, [
        chain,
      ]),
  ],
  [
    'an event whose actor was edited and whose own hash was made to fit',
    'removed',
    3,
    /was removed/,
    async (chain) => {
      const events = [];
      for await (const event of readEvents(audit.postgres, { chain })) {
        events.push(event);
      }
      const second = events[1];
      if (second === undefined) {
        throw new Error('the chain is too short');
      }
      const hash = hashOfEvent({ ...second, actor: { kind: 'system', id: 'nobody' } });
      await audit.asSuperuser(
        `update audit_events set actor = '{"kind":"system","id":"nobody"}', hash = $2, id = $3 where sequence = $1`,
        [second.sequence, hash, idOfEvent(hash)],
      );
    },
  ],
  [
    'a removed event',
    'removed',
    2,
    /was removed/,
    (chain) => audit.asSuperuser(`delete from audit_events where ${oneOf} offset 1 limit 1)`, [chain]),
  ],
  [
    'the removed first event',
    'removed',
    1,
    /was removed/,
    (chain) => audit.asSuperuser(`delete from audit_events where ${oneOf} limit 1)`, [chain]),
  ],
  ['two events that changed places', 'reordered', 2, /was moved/, reorder],
  [
    'the removed last event, with the head put right',
    'cut-off',
    4,
    /missing at the end/,
    async (chain) => {
      await audit.asSuperuser(`delete from audit_events where ${oneOf} desc limit 1)`, [chain]);
      await audit.postgres.query(
        `update audit_heads set events = events - 1, checkpointed = 0,
                  hash = (select hash from audit_events where chain = $1 order by sequence desc limit 1) where chain = $1`,
        [chain],
      );
    },
  ],
  [
    'a chain written anew from the beginning',
    'rewritten',
    4,
    /not the one that the platform signed/,
    rewrite,
  ],
  [
    'a chain of which nothing is left',
    'cut-off',
    1,
    /missing at the end/,
    async (chain) => {
      await audit.asSuperuser('delete from audit_events where chain = $1', [chain]);
      await audit.postgres.query('delete from audit_heads where chain = $1', [chain]);
    },
  ],
];

describe('a chain of four events that the platform has signed', () => {
  it('verifies, online and offline', async () => {
    await audit.append('ten_intact', 4);
    await audit.checkpoints.advance();
    expect(await reportChain(audit.checkpoints, 'ten_intact')).toMatchObject({
      intact: true,
      events: 4,
      checkpoint: { events: 4 },
    });
    const { code, output } = await audit.verifyOffline(await audit.export({ chain: 'ten_intact' }));
    expect(output).toContain('INTACT; 4 events are covered by a signature of the platform, 0 are newer');
    expect(code).toBe(0);
  });

  it.each(tampered)(
    'shows %s, made by a superuser with the trigger off',
    async (what, kind, position, offline, act) => {
      const chain = `ten_${what.replaceAll(/\W/g, '')}`;
      await audit.append(chain, 4);
      await audit.checkpoints.advance();
      await act(chain);

      expect(await reportChain(audit.checkpoints, chain)).toMatchObject({
        chain,
        intact: false,
        problem: { kind, position },
      });
      const report = await verifyAllChains(audit.postgres, audit.checkpoints);
      expect(report.intact).toBe(false);
      expect(report.broken.map((broken) => broken.chain)).toContain(chain);

      const { code, output } = await audit.verifyOffline(await audit.export({ chain }));
      expect(output).toMatch(offline);
      expect(output).toContain(`(chain ${chain})`);
      expect(code).toBe(1);
    },
  );

  it('shows a checkpoint that the platform did not sign', async () => {
    const chain = 'ten_forged';
    await audit.append(chain, 2);
    await audit.checkpoints.advance();
    const checkpoint = await audit.checkpoints.find(chain);
    await audit.append(chain, 1);
    await audit.table.update({ pk: 'AuditCheckpoint', sk: chain }, { set: { events: 1 } });
    expect(checkpoint?.events).toBe(2);
    expect(await reportChain(audit.checkpoints, chain)).toMatchObject({
      intact: false,
      problem: { kind: 'forged-checkpoint' },
    });
    const { code, output } = await audit.verifyOffline(await audit.export({ chain }));
    expect(output).toContain('the checkpoint is forged');
    expect(code).toBe(1);
  });
});

describe('the head that PostgreSQL keeps', () => {
  it('shows a cut-off end before any checkpoint', async () => {
    await audit.append('ten_young', 3);
    await audit.asSuperuser(`delete from audit_events where ${oneOf} desc limit 1)`, ['ten_young']);
    expect(await verifyChain(audit.postgres, 'ten_young')).toMatchObject({
      intact: false,
      problem: { kind: 'cut-off', position: 3 },
    });
  });
});

describe('checkpoints', () => {
  it('are made of what moved, and of that only', async () => {
    await audit.checkpoints.advance();
    await audit.append('ten_moved', 2);
    expect(await audit.checkpoints.advance()).toMatchObject({ signed: 1 });
    expect(await audit.checkpoints.advance()).toMatchObject({ signed: 0 });
    await audit.append('ten_moved', 1);
    expect(await audit.checkpoints.advance()).toMatchObject({ signed: 1 });
    expect(await audit.checkpoints.find('ten_moved')).toMatchObject({ events: 3 });
  });

  it('are not made of a chain that was changed since the last one', async () => {
    const chain = 'ten_changed-since';
    await audit.append(chain, 2);
    await audit.checkpoints.advance();
    await audit.append(chain, 2);
    await audit.asSuperuser(`update audit_events set severity = 'high' where ${oneOf} desc limit 1)`, [
      chain,
    ]);
    expect((await audit.checkpoints.advance()).broken).toContain(chain);
    expect(await audit.checkpoints.find(chain)).toMatchObject({ events: 2 });
  });

  it('survive several processes that make them at once', async () => {
    await audit.append('ten_contended', 3);
    await Promise.all([
      audit.checkpoints.advance(),
      audit.checkpoints.advance(),
      audit.checkpoints.advance(),
    ]);
    expect(await reportChain(audit.checkpoints, 'ten_contended')).toMatchObject({
      intact: true,
      checkpoint: { events: 3 },
    });
  });

  it('stay verifiable when the key that signed them is no longer published', async () => {
    const chain = 'ten_rotated';
    await audit.append(chain, 2);
    await audit.checkpoints.advance();
    const before = audit.platform.record.signingKeys;
    audit.platform.setKeys([await audit.platform.makeKey('platform-2')]);
    await audit.append('ten_rotated-after', 1);
    await audit.checkpoints.advance();
    expect(await reportChain(audit.checkpoints, chain)).toMatchObject({ intact: true });
    for (const each of [chain, 'ten_rotated-after']) {
      expect((await audit.verifyOffline(await audit.export({ chain: each }))).code).toBe(0);
    }
    audit.platform.setKeys(before);
  });
});

describe('an export', () => {
  const chain = 'ten_exported';
  let lines: string[];
  beforeAll(async () => {
    await audit.append(chain, 5);
    await audit.checkpoints.advance();
    await audit.append(chain, 1);
    lines = await audit.export({ chain });
  });

  it('has a header, the checkpoint, every event in order, and an end', () => {
    const entries = lines.map((line) => JSON.parse(line));
    expect(entries.map(({ type }) => type)).toEqual([
      'header',
      'checkpoint',
      ...Array.from({ length: 6 }, () => 'event'),
      'end',
    ]);
    expect(entries[0]).toMatchObject({ format: 'tenantry-audit/1', whole: true });
    expect(entries.slice(2, 8).map(({ details }) => details.index)).toEqual([0, 1, 2, 3, 4, 0]);
    expect(entries.at(-1)).toEqual({ type: 'end', events: 6 });
  });

  it('says how much of it a signature covers', async () => {
    const { code, output } = await audit.verifyOffline(lines);
    expect(output).toContain('5 events are covered by a signature of the platform, 1 are newer');
    expect(code).toBe(0);
  });

  it('is not called intact without the platform’s keys', async () => {
    const { code, output } = await audit.verifyOffline(lines, { withKeys: false });
    expect(output).toContain(
      'without a verified checkpoint a cut-off end or a rewritten chain would not show',
    );
    expect(code).toBe(3);
  });

  it.each<[what: string, line: number, change: (lines: string[]) => string[]]>([
    ['edited', 4, (all) => all.map((text, at) => (at === 3 ? text.replace('"index":1', '"index":9') : text))],
    ['removed', 4, (all) => all.toSpliced(3, 1)],
    ['moved', 4, (all) => all.toSpliced(3, 2, all[4] ?? '', all[3] ?? '')],
  ])('of which a line was %s is refused with the line named', async (what, line, change) => {
    const { code, output } = await audit.verifyOffline(change(lines));
    expect(output.split('\n')[0]).toMatch(new RegExp(`^line ${line} \\(chain ${chain}\\): .*was ${what}`));
    expect(code).toBe(1);
  });

  it.each<[what: string, change: (lines: string[]) => string[]]>([
    ['ends early', (all) => all.slice(0, -1)],
    ['breaks off in a line', (all) => [...all.slice(0, 4), (all[4] ?? '').slice(0, 40)]],
    ['is something else', () => ['{"hello":"world"}\n']],
    ['is empty', () => []],
  ])('that %s is not complete', async (_what, change) => {
    expect((await audit.verifyOffline(change(lines))).code).toBe(2);
  });

  it('that picks events out says that none can be missed in it', async () => {
    const picked = await audit.export({ chain, event: 'test.happened', from: new Date(0) });
    expect(JSON.parse(picked[0] ?? '')).toMatchObject({ whole: false });
    expect(picked.some((line) => line.includes('"checkpoint"'))).toBe(false);
    expect((await audit.verifyOffline(picked)).code).toBe(3);
    const edited = picked.map((line) => line.replace('"index":2', '"index":8'));
    expect((await audit.verifyOffline(edited)).code).toBe(1);
  });

  it('filters by event, actor and time', async () => {
    const count = async (filter: object) => (await audit.export({ chain, ...filter })).length - 2;
    expect(await count({ event: 'test.other' })).toBe(0);
    expect(await count({ event: 'test.happened' })).toBe(6);
    expect(await count({ actor: 'ANN@example.com' })).toBe(6);
    expect(await count({ actor: 'bob@example.com' })).toBe(0);
    expect(await count({ to: new Date(0) })).toBe(0);
  });
});

it('exports a long log a page at a time, as fast as the reader takes it', async () => {
  await audit.postgres.query(
    `insert into audit_events (id, chain, at, event, severity, actor, details, previous_hash, hash)
     select 'evt_long' || n, 'ten_long', now(), 'test.long', 'info', '{}', '{}', 'p' || n, 'h' || n from generate_series(1, 1800) n`,
  );
  let pages = 0;
  const counted: Pick<typeof audit.postgres, 'query'> = {
    query(text, values) {
      pages += text.includes('from audit_events') && text.includes('limit') ? 1 : 0;
      return audit.postgres.query(text, values);
    },
  };
  const seen: number[] = [];
  let events = 0;
  for await (const event of readEvents(counted, { event: 'test.long' })) {
    events += event.event === 'test.long' ? 1 : 0;
    if (events % 600 === 1) {
      seen.push(pages);
    }
  }
  expect(events).toBe(1_800);
  expect(seen).toEqual([1, 2, 3]);
});

/**
 * Sessions of one tenant (B4): what they are made of (`session-records.ts`), how long they live (`session-rules.ts`), whose they are and how they
 * end (`account-sessions.ts`), and how applications learn of it (`backchannel-logout.ts`, `logout-delivery.ts`). The provider saves and reads
 * them through `storage/sessions.ts`. Needs no provider, so that an administrator can end sessions as well.
 */
import type { Clients } from '../../clients/clients.ts';
import type { TenantKeys } from '../../cloud/keys/port.ts';
import type { Table } from '../../cloud/tables/port.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Random } from '../../kernel/random.ts';
import type { TenantRecord } from '../../kernel/tenant.ts';
import type { Log } from '../../platform/log.ts';
import { createPairwiseSubjects } from '../pairwise-subjects.ts';
import { type AccountSessions, createAccountSessions } from './account-sessions.ts';
import { createBackchannelLogout, type NotifyLogout } from './backchannel-logout.ts';
import type { LogoutDelivery } from './logout-delivery.ts';
import { createSessionRecords, type SessionRecords } from './session-records.ts';
import type { SessionRulesOf } from './session-rules.ts';

export interface Sessions {
  records: SessionRecords;
  sessions: AccountSessions;
  notifyLogout: NotifyLogout;
}

export function openSessions({
  record,
  issuer,
  table,
  keys,
  clients,
  rulesOf,
  delivery,
  clock,
  random,
  log,
}: {
  record: Pick<TenantRecord, 'signingKeys'>;
  /** `<origin>/<slug>`. */
  issuer: string;
  table: Table;
  keys: Pick<TenantKeys, 'sign' | 'seal' | 'unseal'>;
  clients: Pick<Clients, 'get'>;
  rulesOf: SessionRulesOf;
  delivery: Pick<LogoutDelivery, 'run'>;
  clock: Clock;
  random: Random;
  log: Log;
}): Sessions {
  const { signingKeys } = record;
  const records = createSessionRecords({ table, clock, rulesOf });
  const notifyLogout = createBackchannelLogout({
    issuer,
    keys,
    signingKeys,
    clients,
    pairwiseSubject: createPairwiseSubjects({ table, keys, random }),
    delivery,
    clock,
    random,
    log,
  });
  return {
    records,
    notifyLogout,
    sessions: createAccountSessions({ table, records, notifyLogout, rulesOf, clock }),
  };
}

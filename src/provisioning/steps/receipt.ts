import { type Statements, verifyStatement } from '../../audit/statements.ts';
import type { Clock } from '../../kernel/clock.ts';
import { type Random, randomId } from '../../kernel/random.ts';
import type { Queryable } from '../../platform/postgres.ts';
import {
  composeReceipt,
  readReceiptOfRun,
  receiptType,
  type StoredReceipt,
  storeReceipt,
  voidReceipt,
} from '../receipt.ts';
import { type Step, type StepOutput, UnusableResult } from '../step.ts';

/** Signs and keeps the receipt (C7). The last step: it states what all the others did. */
export function receipt({
  postgres,
  statements,
  clock,
  random,
}: {
  postgres: Queryable;
  statements: Pick<Statements, 'sign'>;
  clock: Clock;
  random: Random;
}): Step {
  const name = 'receipt';
  return {
    name,

    async check({ runId }) {
      const found = await readReceiptOfRun(postgres, runId);
      return found && outputOf(found);
    },

    async act({ tenant, runId }) {
      const now = new Date(clock.now());
      const id = `rcp_${randomId(random)}`;
      const claims = await composeReceipt(postgres, { tenant, runId, id, now, ownStep: name });
      const signed = await statements.sign(receiptType, { ...claims });
      await storeReceipt(postgres, {
        tenantId: tenant.id,
        runId,
        receipt: { id, version: 1, ...signed, createdAt: now },
      });
      // Another worker may have been faster; the one that is kept counts.
      const kept = await readReceiptOfRun(postgres, runId);
      if (kept === undefined) {
        throw new UnusableResult('The receipt was not kept.');
      }
      return outputOf(kept);
    },

    async confirm({ tenant, runId }) {
      const kept = await readReceiptOfRun(postgres, runId);
      const claims =
        kept && (await verifyStatement(receiptType, kept.jws, [{ ...kept.publicJwk, kid: kept.kid }]));
      if (claims?.tenant_id !== tenant.id) {
        throw new UnusableResult('The signature of the receipt does not verify.');
      }
    },

    /** A receipt that was signed cannot be taken back, but it is no longer given out. */
    async undo({ runId }) {
      await voidReceipt(postgres, runId, new Date(clock.now()));
    },
  };
}

function outputOf({ id, kid }: StoredReceipt): StepOutput {
  return { receiptId: id, kid };
}

import type { TenantId } from '../../src/kernel/ids.ts';
import type { ProvisioningOptions } from '../../src/provisioning/provision-tenant.ts';
import type { OnSagaPoint, SagaPhase } from '../../src/provisioning/saga.ts';
import type { ControlPlane } from './control-plane.ts';

/** Where a worker stalls: at a point, or inside the act, immediately before it writes anything outside. */
export type Stall = { step: string } & ({ at: SagaPhase } | { at: 'inside-act' });

export interface HeldWorker {
  /** Resolves when the worker stands where it was to stall. */
  arrived: Promise<void>;
  letGo(): void;
  /** Of the worker's call of `run`. */
  ended: Promise<unknown>;
}

/** Far longer than any test: a lease ends only where a test ends it. */
const leaseMs = 600_000;

/**
 * Starts a worker that stalls once, and is otherwise as it is. `onPoint` may make steps fail. What it writes to goes through wrappers of the
 * ports that only wait.
 */
export function startHeldWorker(
  plane: ControlPlane,
  tenantId: TenantId,
  stall: Stall,
  overrides: Partial<ProvisioningOptions> = {},
): HeldWorker {
  const arrived = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  let acting = '';
  let updates = 0;

  async function pause(): Promise<void> {
    arrived.resolve();
    await released.promise;
  }

  const onPoint: OnSagaPoint = async (point) => {
    acting = point.phase === 'before-act' ? point.step : '';
    updates = 0;
    await overrides.onPoint?.(point);
    if (point.step === stall.step && point.phase === stall.at) {
      await pause();
    }
  };
  const beforeWrite = async () => {
    if (stall.at === 'inside-act' && acting === stall.step) {
      await pause();
    }
  };
  /** The first one of a step is the saga's: it claims the entry. */
  const beforeUpdate = async () => {
    updates += 1;
    if (updates > 1) {
      await beforeWrite();
    }
  };

  const ports = pausing(plane, beforeWrite, beforeUpdate);
  const worker = plane.provisioning({ leaseMs, ...ports, ...overrides, onPoint });
  const ended = worker.run(tenantId).then(
    () => undefined,
    (error: unknown) => error,
  );
  return { arrived: arrived.promise, letGo: () => released.resolve(), ended };
}

/** As if the worker that holds the tenant's run had been frozen for longer than its lease. */
export async function expireLease({ postgres }: ControlPlane, tenantId: TenantId): Promise<void> {
  await postgres.query(
    `update provisioning_runs set lease_until = now() - interval '1 second' where tenant_id = $1`,
    [tenantId],
  );
}

function pausing(
  { options }: ControlPlane,
  beforeWrite: () => Promise<void>,
  beforeUpdate: () => Promise<void>,
): Pick<ProvisioningOptions, 'directory' | 'tables' | 'keyStore' | 'postMail'> {
  const { directory, tables, keyStore, postMail } = options;
  return {
    directory: waiting(waiting(directory, ['reserve', 'remove'], beforeWrite), ['update'], beforeUpdate),
    tables: {
      ...waiting(tables, ['create', 'delete'], beforeWrite),
      open: (name) => waiting(tables.open(name), ['put', 'update', 'delete', 'batchWrite'], beforeWrite),
    },
    keyStore: { forTenant: (id) => waiting(keyStore.forTenant(id), ['create', 'destroy'], beforeWrite) },
    postMail: async (...args) => {
      await beforeWrite();
      await postMail(...args);
    },
  };
}

/** The port with the named methods behind a wait. */
function waiting<Port extends object>(
  port: Port,
  methods: readonly (keyof Port & string)[],
  before: () => Promise<void>,
): Port {
  const wrapped = methods.map((name) => {
    const method = port[name] as (...args: unknown[]) => Promise<unknown>;
    return [
      name,
      async (...args: unknown[]) => {
        await before();
        return await method.apply(port, args);
      },
    ];
  });
  return { ...port, ...Object.fromEntries(wrapped) };
}

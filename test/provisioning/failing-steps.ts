import { describe, expect, it } from 'vitest';
import { AppError } from '../../src/kernel/errors.ts';
import type { Slug, TenantId } from '../../src/kernel/ids.ts';
import type { TenantRequest } from '../../src/onboarding/tenant-request.ts';
import type { Infrastructure } from '../../src/provisioning/infrastructure.ts';
import type { SagaPhase } from '../../src/provisioning/saga.ts';
import { UnusableResult } from '../../src/provisioning/step.ts';
import { type ControlPlane, slugState } from './control-plane.ts';

export interface FailureLane {
  plane: ControlPlane;
  infrastructure: Infrastructure;
  request: Partial<TenantRequest>;
  /** What exists of the tenant's infrastructure. */
  traces(tenantId: TenantId, slug: Slug): Promise<unknown>;
  nothing: unknown;
  everything: unknown;
}

/** Every step made to fail for a while and for good (B8, B15): once more over each lane that has the steps. */
export function failingStepsSuite(steps: readonly string[], lane: () => FailureLane): void {
  describe('a step that fails for good', () => {
    it.each(steps.flatMap((step) => [[step, 'before-act'] as const, [step, 'after-act'] as const]))(
      'in %s, %s: leaves nothing behind and says which step it was',
      async (step, phase) => {
        const { plane, infrastructure, request, traces, nothing } = lane();
        const { tenantId, slug } = await plane.order(request);
        const provisioning = plane.provisioning({
          infrastructure,
          onPoint: async (point) => {
            if (isAt(point, step, phase)) {
              throw new UnusableResult('It cannot be done.');
            }
          },
        });
        await provisioning.run(tenantId);
        expect(await provisioning.readProgress(tenantId)).toMatchObject({
          state: 'rolled-back',
          failedStep: step,
          error: 'It cannot be done.',
        });
        expect(await traces(tenantId, slug)).toEqual(nothing);
        expect(await plane.directory.get(slug)).toBeUndefined();
        expect(await slugState(plane.postgres, slug)).toBeUndefined();
        const [mail] = plane.mails.filter(({ subject }) => subject.includes(`${slug} could not be set up`));
        expect(mail?.text).toContain(`Step: ${step}`);
      },
    );
  });

  describe('a step that fails for a while', () => {
    it.each(steps)('in %s: is tried again until it is done, and makes nothing twice', async (step) => {
      const { plane, infrastructure, request, traces, everything } = lane();
      const { tenantId, slug } = await plane.order(request);
      let failures = 0;
      const provisioning = plane.provisioning({
        infrastructure,
        onPoint: async (point) => {
          const phase = failures === 0 ? 'before-act' : 'after-act';
          if (failures < 3 && isAt(point, step, phase)) {
            failures += 1;
            throw new AppError('temporarily_unavailable', 'Not now.');
          }
        },
      });
      await provisioning.run(tenantId);
      const progress = await provisioning.readProgress(tenantId);
      expect(progress?.state).toBe('active');
      expect(progress?.steps.find(({ name }) => name === step)).toMatchObject({
        status: 'done',
        attempts: 4,
      });
      expect(await traces(tenantId, slug)).toEqual(everything);
    });
  });

  describe('an undo that fails for a while', () => {
    it.each(steps)('of %s: is tried again until nothing is left', async (step) => {
      const { plane, infrastructure, request, traces, nothing } = lane();
      const { tenantId, slug } = await plane.order(request);
      let failures = 0;
      const provisioning = plane.provisioning({
        infrastructure,
        onPoint: async (point) => {
          if (isAt(point, 'defaults', 'before-act')) {
            throw new UnusableResult('It cannot be done.');
          }
          if (failures < 2 && isAt(point, step, 'after-undo')) {
            failures += 1;
            throw new Error('lost reply');
          }
        },
      });
      await provisioning.run(tenantId);
      expect(failures).toBe(2);
      expect((await provisioning.readProgress(tenantId))?.state).toBe('rolled-back');
      expect(await traces(tenantId, slug)).toEqual(nothing);
    });
  });
}

function isAt(point: { step: string; phase: SagaPhase }, step: string, phase: SagaPhase): boolean {
  return point.step === step && point.phase === phase;
}

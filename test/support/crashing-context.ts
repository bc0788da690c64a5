/**
 * For crash tests: preloaded before `src/main.ts` (`node --import`), it is the whole product as it is, except that every point of a
 * provisioning run looks into the file that `TENANTRY_CRASH_FILE` names. The file holds the point (`<step>/<phase>`) at which the process
 * sends itself a signal, once, and the point at which the step fails for good.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { isMainThread } from 'node:worker_threads';
import type { Context, ContextOverrides } from '../../src/context.ts';
import type { Settings } from '../../src/platform/settings.ts';
import { UnusableResult } from '../../src/provisioning/step.ts';
import type { Resources } from '../../src/resources.ts';

export interface CrashPlan {
  crashAt: string;
  /** Default SIGKILL. */
  signal?: 'SIGKILL' | 'SIGTERM';
  failAt?: string;
}

const crashFile = process.env.TENANTRY_CRASH_FILE ?? '';

// The threads of the process load preloaded modules too.
if (isMainThread) {
  registerHooks({
    resolve(specifier, context, next) {
      return specifier === './context.ts' && context.parentURL?.endsWith('/src/main.ts')
        ? { url: import.meta.url, shortCircuit: true }
        : next(specifier, context);
    },
  });
}

export async function createContext(
  settings: Settings,
  resources: Resources,
  overrides: ContextOverrides,
): Promise<Context> {
  const product = await import('../../src/context.ts');
  return await product.createContext(settings, resources, {
    ...overrides,
    onProvisioningPoint: async ({ step, phase }) => {
      if (!existsSync(crashFile)) {
        return;
      }
      const {
        crashAt,
        signal = 'SIGKILL',
        failAt,
      } = JSON.parse(readFileSync(crashFile, 'utf8')) as CrashPlan;
      if (`${step}/${phase}` === failAt) {
        throw new UnusableResult('The quota is used up.');
      }
      if (`${step}/${phase}` === crashAt) {
        rmSync(crashFile);
        process.kill(process.pid, signal);
        // Nothing of the run may happen between the signal and its effect.
        await new Promise((resolve) => process.once('SIGTERM', resolve));
      }
    },
  });
}

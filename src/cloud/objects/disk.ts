import { mkdir, open, readdir, readFile, rename, rm, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../kernel/errors.ts';
import type { Slug, TenantId } from '../../kernel/ids.ts';
import { type OwnedResource, ownerDigest, type ResourceOwner } from '../resource-owner.ts';
import type { ObjectStorage } from './port.ts';

/** Written last: a folder without it is not complete. */
const markName = '.tenantry.json';

/** The objects port on a local disk: one folder per tenant below `directory`, which only this process's user can enter. */
export function createDiskObjects({ directory }: { directory: string }): ObjectStorage {
  const nameOf = (owner: ResourceOwner) => `${owner.slug}-${ownerDigest(owner)}`;
  const folderOf = (owner: ResourceOwner) => join(directory, nameOf(owner));
  const spaceOf = (owner: ResourceOwner) => ({ kind: 'folder' as const, location: folderOf(owner) });

  async function readMark(folder: string): Promise<ResourceOwner | undefined> {
    const text = await readFile(join(folder, markName), 'utf8').catch(unlessMissing);
    const { tenantId, slug } = JSON.parse(text ?? '{}') as { tenantId?: TenantId; slug?: Slug };
    return tenantId === undefined || slug === undefined ? undefined : { tenantId, slug };
  }

  const markIsRight = async (owner: ResourceOwner) =>
    (await readMark(folderOf(owner)))?.tenantId === owner.tenantId;

  return {
    at: 'disk',
    spaceOf,

    /** A directory that was moved with everything in it is at its new place. */
    reaches: (owner, { kind, location }) =>
      translated(
        async () => kind === 'folder' && (location === folderOf(owner) || (await markIsRight(owner))),
      ),

    find: (owner) => translated(async () => ((await markIsRight(owner)) ? spaceOf(owner) : undefined)),

    create: (owner) =>
      translated(async () => {
        const folder = folderOf(owner);
        await mkdir(folder, { recursive: true, mode: 0o700 });
        const draft = join(folder, `${markName}.draft`);
        await writeFile(draft, `${JSON.stringify({ tenantId: owner.tenantId, slug: owner.slug })}\n`, {
          mode: 0o600,
        });
        await rename(draft, join(folder, markName));
        return spaceOf(owner);
      }),

    inspect: (owner) =>
      translated(async () => {
        const folder = folderOf(owner);
        const found = await stat(folder).catch(unlessMissing);
        if (!found?.isDirectory() || !(await markIsRight(owner))) {
          return ['the folder does not exist or is not marked as the tenant’s'];
        }
        const problems =
          (found.mode & 0o077) === 0 ? [] : ['other users of the machine can enter the folder'];
        const probe = join(folder, '.tenantry.probe');
        await writeFile(probe, owner.tenantId, { mode: 0o600 });
        const written = await readFile(probe, 'utf8');
        await unlink(probe);
        return written === owner.tenantId ? problems : [...problems, 'what is written is not what is read'];
      }),

    remove: (owner) => translated(() => rm(folderOf(owner), { recursive: true, force: true, maxRetries: 3 })),

    list: (known) =>
      translated(async () => {
        const byName = new Map(known.map((owner) => [nameOf(owner), owner]));
        const entries = (await readdir(directory, { withFileTypes: true }).catch(unlessMissing)) ?? [];
        const found: OwnedResource[] = [];
        for (const { name } of entries.filter((entry) => entry.isDirectory())) {
          const owner = byName.get(name) ?? (await readMark(join(directory, name)));
          if (owner !== undefined && nameOf(owner) === name) {
            found.push({ name: join(directory, name), owner });
          }
        }
        return found;
      }),

    async problems() {
      try {
        await mkdir(directory, { recursive: true, mode: 0o700 });
        const probe = join(directory, '.tenantry.probe');
        await (await open(probe, 'w', 0o600)).close();
        await rm(probe, { force: true });
        return [];
      } catch (error) {
        return [`folders cannot be made in the objects directory (${codeOf(error)})`];
      }
    },

    used: async () => 0,
  };
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown';
}

function unlessMissing(error: unknown): undefined {
  if (codeOf(error) !== 'ENOENT') {
    throw error;
  }
}

async function translated<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw new AppError('temporarily_unavailable', 'The storage for files cannot be used at the moment.', {
      detail: codeOf(cause),
      cause,
    });
  }
}

import { AppError } from '../kernel/errors.ts';
import type { Slug } from '../kernel/ids.ts';
import type { Random } from '../kernel/random.ts';
import { isReservedSlug, parseSlug, slugFromName } from '../kernel/slug.ts';
import type { Queryable } from '../platform/postgres.ts';
import type { Directory } from '../tenancy/directory.ts';

/** Chance alone does not take this many suffixes of 25 bits; more tries would only hide a fault. */
const generatedTries = 5;

export interface SlugWish {
  /** Of the right form already; absent: one is made from the name. */
  slug?: Slug;
  name: string;
}

/**
 * Holds a slug in the caller's transaction, so that no two orders get the same one. A wished slug that is reserved, held, taken or retired
 * is an `AppError('slug_unavailable')`; a generated one gets a suffix until it is free. The directory is asked too (D1): it is what
 * requests are routed by, so it decides when the two disagree.
 */
export async function holdSlug(
  transaction: Queryable,
  { directory, random }: { directory: Pick<Directory, 'get'>; random: Random },
  wish: SlugWish,
): Promise<Slug> {
  const isFree = async (slug: Slug): Promise<boolean> =>
    !isReservedSlug(slug) && (await directory.get(slug)) === undefined && (await hold(transaction, slug));

  if (wish.slug !== undefined) {
    if (await isFree(wish.slug)) {
      return wish.slug;
    }
    throw slugUnavailable();
  }
  for (const candidate of candidates(wish.name, random)) {
    if (await isFree(candidate)) {
      return candidate;
    }
  }
  throw slugUnavailable();
}

/** Holds a reserved slug, which only the platform itself may have. */
export async function holdReservedSlug(transaction: Queryable, slug: Slug): Promise<void> {
  if (!(await hold(transaction, slug))) {
    throw slugUnavailable();
  }
}

/** Frees the slug of an order that was refused. A slug that a tenant ever had stays: it is `taken` or `retired` then. */
export async function releaseSlug(transaction: Queryable, slug: string): Promise<void> {
  await transaction.query(`delete from slugs where slug = $1 and state = 'held'`, [slug]);
}

async function hold(transaction: Queryable, slug: Slug): Promise<boolean> {
  const { rowCount } = await transaction.query(
    `insert into slugs (slug, state) values ($1, 'held') on conflict (slug) do nothing`,
    [slug],
  );
  return rowCount === 1;
}

function* candidates(name: string, random: Random): Generator<Slug> {
  const base = slugFromName(name);
  if (base !== undefined) {
    yield base;
  }
  const stem = (base ?? 'tenant').slice(0, 34).replace(/-+$/, '');
  for (let tries = 0; tries < generatedTries; tries++) {
    const candidate = parseSlug(`${stem}-${suffix(random)}`);
    if (candidate !== undefined) {
      yield candidate;
    }
  }
}

function suffix(random: Random): string {
  return [...random.bytes(5)].map((byte) => 'abcdefghijklmnopqrstuvwxyz234567'[byte % 32]).join('');
}

function slugUnavailable(): AppError {
  return new AppError('slug_unavailable', 'This slug is not available. Choose another one.', {
    fields: [{ field: 'slug', message: 'is not available' }],
  });
}

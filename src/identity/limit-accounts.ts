import type { Accounts } from './accounts.ts';

/** Places for accounts. */
export interface AccountRoom {
  /** Throws when there is none. */
  take(): Promise<unknown>;
  /** Gives a place back. */
  release(): Promise<void>;
}

/**
 * Accounts of which there can be so many: whoever makes one, by whatever way, takes a place for it, and whoever removes it gives the place back
 * (B14).
 */
export function limitAccounts(accounts: Accounts, room: AccountRoom): Accounts {
  return {
    ...accounts,
    async create(account) {
      await room.take();
      try {
        return await accounts.create(account);
      } catch (error) {
        await room.release();
        throw error;
      }
    },
    async remove(id) {
      const removed = await accounts.remove(id);
      if (removed) {
        await room.release();
      }
      return removed;
    },
  };
}

import type { LockStore } from '../contract.ts'
import { isNoSpace } from '../kv/no-space.ts'
import type { ProcessIdentity } from '../process-identity.ts'
import type { Reserve } from '../reserve.ts'

const lockName = 'store opening'
const lookAgainMs = 20
const releaseAgainMs = 500

/**
 * One process at a time finds out what the former ones left. Returns the end of the turn; to call it twice
 * does no harm. On a full disk it takes the reserve.
 */
export const takeTurn = async (
  locks: LockStore,
  self: ProcessIdentity,
  reserve: Reserve,
): Promise<() => void> => {
  for (;;) {
    const release = await acquire(locks, self, reserve)
    if (release !== undefined) return () => endTurn(release, reserve)
    await new Promise((resolve) => setTimeout(resolve, lookAgainMs))
  }
}

const acquire = async (locks: LockStore, self: ProcessIdentity, reserve: Reserve) => {
  try {
    return await locks.acquire(lockName, String(self.token))
  } catch (error) {
    if (!isNoSpace(error) || !reserve.release()) throw error
    return await locks.acquire(lockName, String(self.token))
  }
}

/** A turn that never ended would keep others out for as long as this process lives. */
const endTurn = (release: () => Promise<void>, reserve: Reserve): void => {
  release().catch((error) => {
    if (isNoSpace(error)) reserve.release()
    setTimeout(() => endTurn(release, reserve), releaseAgainMs).unref()
  })
}

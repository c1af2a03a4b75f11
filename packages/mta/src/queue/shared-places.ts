import type { LockStore } from '@posthorn/storage'

/** How often a place that others have is asked for again. */
const askEveryMs = 200

type Release = () => Promise<void>

/**
 * Places at destinations that may have fewer deliveries at a time than there are workers: they are locks in the store,
 * and free again when their worker dies.
 */
export class SharedPlaces {
  readonly #locks: Pick<LockStore, 'acquire'>
  readonly #owner: string
  readonly #held = new Map<string, Release[]>()

  constructor(locks: Pick<LockStore, 'acquire'>, owner: string) {
    this.#locks = locks
    this.#owner = owner
  }

  /**
   * Waits until one of so many is free. While the store cannot be asked nothing is delivered there.
   * @param signal ends the wait.
   */
  async take(destination: string, places: number, signal?: AbortSignal): Promise<'entered' | 'called off'> {
    while (signal?.aborted !== true) {
      for (let place = 0; place < places; place++) {
        const name = `delivery ${place} ${destination}`
        const release = await this.#locks.acquire(name, this.#owner).catch(() => undefined)
        if (release === undefined) continue
        const held = this.#held.get(destination)
        if (held === undefined) this.#held.set(destination, [release])
        else held.push(release)
        return 'entered'
      }
      await new Promise<void>((resolve) => setTimeout(resolve, askEveryMs).unref())
    }
    return 'called off'
  }

  give(destination: string): void {
    const held = this.#held.get(destination)
    const release = held?.pop()
    if (held?.length === 0) this.#held.delete(destination)
    // Whom it cannot be told to sees that this process has ended.
    release?.().catch(() => {})
  }
}

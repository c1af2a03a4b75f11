/**
 * A bounded, fair queue in front of the hash function: few hashes run at once, and who waits, waits by
 * what is known of him, then by address in turn. A guesser's thousand attempts stand in one lane of the
 * last class; a user who has logged in from his address before passes them all.
 */
export const laneClasses = ['known', 'unknown', 'failing'] as const
export type LaneClass = (typeof laneClasses)[number]

interface Waiting {
  readonly run: () => void
  readonly refuse: () => void
}

/** One in so many turns goes to the lower classes first, so that they move too. */
const turnsToLowest = 8
const turnsToMiddle = 3
const laneLimit = 100

export interface HashLanes {
  /** undefined when the queue is full for this caller. Rejects as `work` does. */
  run<T>(
    lane: { readonly class: LaneClass; readonly key: string },
    work: () => Promise<T>,
  ): Promise<T | undefined>
  readonly waiting: number
}

export function createHashLanes(
  limits: () => { readonly concurrency: number; readonly queue: number },
): HashLanes {
  const classes: Record<LaneClass, Map<string, Waiting[]>> = {
    known: new Map(),
    unknown: new Map(),
    failing: new Map(),
  }
  let running = 0
  let waiting = 0
  let turn = 0

  function next(): Waiting | undefined {
    turn++
    const order: readonly LaneClass[] =
      turn % turnsToLowest === 0
        ? ['failing', 'unknown', 'known']
        : turn % turnsToMiddle === 0
          ? ['unknown', 'known', 'failing']
          : laneClasses
    for (const name of order) {
      const lanes = classes[name]
      const [key, lane] = lanes.entries().next().value ?? []
      if (key === undefined || lane === undefined) continue
      const first = lane.shift()
      // To the end of the round, or out of it.
      lanes.delete(key)
      if (lane.length > 0) lanes.set(key, lane)
      waiting--
      return first
    }
    return undefined
  }

  function pump(): void {
    while (running < limits().concurrency) {
      const one = next()
      if (one === undefined) return
      running++
      one.run()
    }
  }

  /** Makes room for a better class by refusing the newest of the longest lane of the worst. */
  function evictBelow(name: LaneClass): boolean {
    for (let i = laneClasses.length - 1; i > laneClasses.indexOf(name); i--) {
      const lanes = classes[laneClasses[i] ?? 'failing']
      let longest: readonly [string, Waiting[]] | undefined
      for (const entry of lanes) if (entry[1].length > (longest?.[1].length ?? 0)) longest = entry
      if (longest === undefined) continue
      longest[1].pop()?.refuse()
      if (longest[1].length === 0) lanes.delete(longest[0])
      waiting--
      return true
    }
    return false
  }

  return {
    get waiting() {
      return waiting
    },
    run(lane, work) {
      return new Promise((resolve, reject) => {
        const lanes = classes[lane.class]
        const own = lanes.get(lane.key) ?? []
        if (own.length >= laneLimit) return resolve(undefined)
        if (waiting >= limits().queue && !evictBelow(lane.class)) return resolve(undefined)
        own.push({
          refuse: () => resolve(undefined),
          run: () => {
            work()
              .then(resolve, reject)
              .finally(() => {
                running--
                pump()
              })
          },
        })
        lanes.set(lane.key, own)
        waiting++
        pump()
      })
    },
  }
}

import { lowerBound } from '../messages/lower-bound.ts'
import { workTurns } from '../work-turns.ts'
import { Candidate } from './candidate.ts'
import { type ReadKind, readCandidates } from './read-candidates.ts'
import type { SearchSource } from './search-source.ts'

/** Read before others join in, and before other mailboxes have their turn. */
const stepMessages = 4_096
/** Steps that are under way in a process at a time: each has some megabytes in memory. */
const maxSteps = 3

/** 'again': what it asked was put off; it is shown the message once more. */
export type Take = (candidate: Candidate) => 'again' | undefined

/** A search that wants to look at messages. */
interface Looker {
  /** Ascending. */
  readonly uids: Uint32Array
  readonly signal: AbortSignal | undefined
  readonly take: Take
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
  /** Index of the next one: it begins where the others are, and goes round. */
  at: number
  /** How many it has not seen. */
  left: number
  /** Index behind the last one of this step. */
  end: number
  isOver: boolean
}

/**
 * Reads messages of one mailbox once for all searches that want to look at them: who comes later joins in where the reading
 * is, and gets what was read before in the next round.
 */
export class SharedReading {
  readonly #source: SearchSource
  readonly #kind: ReadKind
  readonly #onIdle: () => void
  readonly #candidate = new Candidate()
  #lookers: Looker[] = []
  /** UIDs below have been read in this round. */
  #cursor = 0
  #isRunning = false

  /** @param onIdle called when nobody wants anything more */
  constructor(source: SearchSource, kind: ReadKind, onIdle: () => void = () => {}) {
    this.#source = source
    this.#kind = kind
    this.#onIdle = onIdle
  }

  /** Nobody looks at anything. */
  get isIdle(): boolean {
    return this.#lookers.length === 0
  }

  /**
   * Hands each of the messages (ascending UIDs) that are there to `take`, in whatever order. Rejects with the signal's
   * reason when aborted, or with what `take` throws.
   */
  look(uids: Uint32Array, signal: AbortSignal | undefined, take: Take): Promise<void> {
    if (uids.length === 0) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const at = lowerBound(uids, this.#cursor) % uids.length
      const left = uids.length
      this.#lookers.push({ uids, signal, take, resolve, reject, at, left, end: at, isOver: false })
      if (!this.#isRunning) void this.#run()
    })
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    // Who asks in the same turn begins at the same place.
    await workTurns.next()
    while (this.#keepLiving()) {
      const uids = this.#nextUids()
      const [first, last] = [uids[0] as number, uids[uids.length - 1] as number]
      this.#cursor = last + 1
      const isHere = (uid: number): boolean => uid >= first && uid <= last
      const lookers = this.#lookers.filter(({ uids, at }) => isHere(uids[at] as number))
      for (const each of lookers) each.end = Math.min(lowerBound(each.uids, last + 1), each.at + each.left)
      try {
        await steps.run(() => this.#step(uids, lookers))
      } catch (error) {
        for (const each of lookers) end(each, error)
      }
      for (const each of lookers) endStep(each)
    }
    this.#cursor = 0
    this.#isRunning = false
    this.#onIdle()
  }

  /** False when there are none. */
  #keepLiving(): boolean {
    for (const each of this.#lookers) if (each.signal?.aborted) end(each, each.signal.reason)
    this.#lookers = this.#lookers.filter(({ isOver }) => !isOver)
    return this.#lookers.length > 0
  }

  /** The first that anybody wants from the cursor on, else from the beginning. */
  #nextUids(): Uint32Array {
    const isAhead = ({ uids, at }: Looker): boolean => (uids[at] as number) >= this.#cursor
    let ahead = this.#lookers.filter(isAhead)
    if (ahead.length === 0) {
      this.#cursor = 0
      ahead = this.#lookers
    }
    const parts = ahead.map(({ uids, at, left }) => uids.subarray(at, at + Math.min(left, stepMessages)))
    const first = parts[0] as Uint32Array
    // Many ask for all of the mailbox.
    const others = parts.filter((part) => !isSame(part, first))
    return others.length === 0 ? first : union([first, ...others])
  }

  async #step(uids: Uint32Array, lookers: readonly Looker[]): Promise<void> {
    const candidate = this.#candidate
    let living = lookers
    await readCandidates(this.#source, this.#kind, uids, candidate, {
      isWanted: () => {
        for (const each of living) if (each.signal?.aborted) end(each, each.signal.reason)
        if (living.some(({ isOver }) => isOver)) living = living.filter(({ isOver }) => !isOver)
        return living.length > 0
      },
      take: () => {
        for (const each of living) show(each, candidate)
      },
    })
  }
}

const isSame = (one: Uint32Array, other: Uint32Array): boolean =>
  one.length === other.length && bytesOf(one).equals(bytesOf(other))

const bytesOf = ({ buffer, byteOffset, byteLength }: Uint32Array): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength)

const union = (parts: readonly Uint32Array[]): Uint32Array => {
  const all = new Uint32Array(parts.reduce((sum, { length }) => sum + length, 0))
  let filled = 0
  for (const part of parts) {
    all.set(part, filled)
    filled += part.length
  }
  all.sort()
  let count = 0
  for (const uid of all) if (count === 0 || all[count - 1] !== uid) all[count++] = uid
  return all.subarray(0, Math.min(count, stepMessages))
}

const show = (looker: Looker, candidate: Candidate): void => {
  const { uids, end: behind } = looker
  const { uid } = candidate
  while (looker.at < behind && (uids[looker.at] as number) < uid) {
    looker.at++
    looker.left--
  }
  if (looker.at === behind || uids[looker.at] !== uid) return
  try {
    if (looker.take(candidate) === 'again') return
    looker.at++
    looker.left--
  } catch (error) {
    end(looker, error)
  }
}

const end = (looker: Looker, error: unknown): void => {
  looker.isOver = true
  looker.reject(error)
}

/** The last ones of a step may not be there any more. */
const endStep = (looker: Looker): void => {
  looker.left -= looker.end - looker.at
  looker.at = looker.end % looker.uids.length
  if (looker.left > 0 || looker.isOver) return
  looker.isOver = true
  looker.resolve()
}

/** Lets only so many go on at a time, the others in the order in which they came. */
class Steps {
  #free = maxSteps
  readonly #waiting: (() => void)[] = []

  async run(work: () => Promise<void>): Promise<void> {
    if (this.#free > 0) this.#free--
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    try {
      await work()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#free++
      else next()
    }
  }
}

const steps = new Steps()

/** What is being read of each mailbox. */
export class SharedReadings {
  readonly #readings = new Map<string, SharedReading>()

  /** @param source of the mailbox; that of the first one who reads is used */
  of(mailbox: number, kind: ReadKind, source: SearchSource): SharedReading {
    const key = `${mailbox} ${kind}`
    let reading = this.#readings.get(key)
    if (reading === undefined) {
      reading = new SharedReading(source, kind, () => this.#readings.delete(key))
      this.#readings.set(key, reading)
    }
    return reading
  }
}

import { type Place, Roll } from './roll.ts'

/** Something that wants to be told when its time has passed. */
export interface WheelEntry {
  /** ms on the wheel's clock; Infinity = never. Moving it later needs no call to the wheel. */
  dueMs: number
  /** The tick under which the wheel holds this entry; 0 = not held. Written by the wheel alone. */
  tick: number
  /** Where it stands among those of its tick. Written by the wheel alone. */
  place: Place<WheelEntry> | undefined
  onDue(nowMs: number): void
}

/**
 * Deadlines of all connections on one coarse timer: an entry that is pushed later (each command does
 * that) costs one assignment, and is looked at again only when its old time comes.
 */
export class TimerWheel {
  readonly resolutionMs: number
  readonly #now: () => number
  readonly #slots = new Map<number, Roll<WheelEntry>>()
  #lastTick: number
  #timer: NodeJS.Timeout | undefined

  /** @param options.resolutionMs how late an entry may be told (default 1,000 ms). */
  constructor(options: { readonly resolutionMs?: number; readonly now?: () => number } = {}) {
    this.resolutionMs = options.resolutionMs ?? 1000
    this.#now = options.now ?? monotonicMs
    this.#lastTick = this.#tickOf(this.#now())
  }

  get nowMs(): number {
    return this.#now()
  }

  /** To be called when `dueMs` has become earlier, or the entry is not held yet. */
  schedule(entry: WheelEntry): void {
    if (entry.dueMs === Number.POSITIVE_INFINITY) return
    const tick = Math.max(this.#tickOf(entry.dueMs) + 1, this.#lastTick + 1)
    if (entry.tick !== 0 && entry.tick <= tick) return
    this.#hold(entry, tick)
  }

  /** Forgets an entry at once: a slot may be half an hour away, and would keep a closed connection alive. */
  cancel(entry: WheelEntry): void {
    entry.dueMs = Number.POSITIVE_INFINITY
    this.#drop(entry)
  }

  /** Entries held now. */
  get size(): number {
    let count = 0
    for (const slot of this.#slots.values()) count += slot.size
    return count
  }

  /** Tells every entry whose time has passed. The timer calls it; tests with their own clock do too. */
  advance(): void {
    const nowMs = this.#now()
    const tick = this.#tickOf(nowMs)
    if (tick <= this.#lastTick) return
    const from = this.#lastTick + 1
    this.#lastTick = tick
    if (tick - from > this.#slots.size) {
      const passed = [...this.#slots.keys()].filter((key) => key <= tick).sort((a, b) => a - b)
      for (const key of passed) this.#fire(key, nowMs)
    } else for (let key = from; key <= tick; key++) this.#fire(key, nowMs)
    this.#arm()
  }

  #fire(tick: number, nowMs: number): void {
    const entries = this.#slots.get(tick)
    if (entries === undefined) return
    this.#slots.delete(tick)
    for (const entry of entries.all()) {
      // One that rang before it in this slot may have cancelled it.
      if (entry.tick !== tick) continue
      entry.tick = 0
      entry.place = undefined
      if (entry.dueMs <= nowMs) entry.onDue(nowMs)
      else this.schedule(entry)
    }
  }

  #hold(entry: WheelEntry, tick: number): void {
    this.#drop(entry)
    entry.tick = tick
    let slot = this.#slots.get(tick)
    if (slot === undefined) {
      slot = new Roll()
      this.#slots.set(tick, slot)
    }
    entry.place = slot.add(entry)
    this.#arm()
  }

  #drop(entry: WheelEntry): void {
    if (entry.tick === 0) return
    const slot = this.#slots.get(entry.tick)
    if (entry.place !== undefined && slot?.remove(entry.place) && slot.size === 0)
      this.#slots.delete(entry.tick)
    entry.tick = 0
    entry.place = undefined
  }

  #arm(): void {
    if (this.#timer !== undefined || this.#slots.size === 0) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.advance()
      this.#arm()
    }, this.resolutionMs).unref()
  }

  #tickOf(ms: number): number {
    return Math.floor(ms / this.resolutionMs)
  }
}

/** A clock that no administrator turns back. */
export const monotonicMs = (): number => performance.now()

let shared: TimerWheel | undefined

/** The process's wheel: deadlines of mail sessions are minutes, a second late is on time. */
export function sharedWheel(): TimerWheel {
  shared ??= new TimerWheel()
  return shared
}

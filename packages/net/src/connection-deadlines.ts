import type { TimerWheel, WheelEntry } from './timer-wheel.ts'

const never = Number.POSITIVE_INFINITY

/** Who is told. */
export interface DeadlineOwner {
  /** Once for each call of `setAfter`. */
  deadlinePassed(): void
  /** Time to look whether the peer has taken anything; answers when to look again. */
  lookForStall(nowMs: number): number
}

/** What a connection waits for: the next command of its peer, and that the peer takes our octets. */
export class ConnectionDeadlines implements WheelEntry {
  /** The sooner of both. Written by TimerWheel and this class. */
  dueMs = never
  tick = 0
  place: WheelEntry['place'] = undefined
  readonly #wheel: TimerWheel
  readonly #owner: DeadlineOwner
  #deadlineMs = never
  #stallMs = never

  constructor(wheel: TimerWheel, owner: DeadlineOwner) {
    this.#wheel = wheel
    this.#owner = owner
  }

  /** 0 = none. */
  setAfter(afterMs: number): void {
    this.#deadlineMs = afterMs === 0 ? never : this.#wheel.nowMs + afterMs
    this.#reschedule()
  }

  get watchesStall(): boolean {
    return this.#stallMs !== never
  }

  watchStall(afterMs: number): void {
    this.#stallMs = this.#wheel.nowMs + afterMs
    this.#reschedule()
  }

  /** The peer is taking our octets. */
  forgetStall(): void {
    this.#stallMs = never
  }

  /** The connection is gone. */
  cancel(): void {
    this.#deadlineMs = never
    this.#stallMs = never
    this.#wheel.cancel(this)
  }

  /** @see WheelEntry */
  onDue(nowMs: number): void {
    if (nowMs >= this.#stallMs) this.#stallMs = this.#owner.lookForStall(nowMs)
    if (nowMs >= this.#deadlineMs) {
      this.#deadlineMs = never
      this.#owner.deadlinePassed()
    }
    this.#reschedule()
  }

  #reschedule(): void {
    const dueMs = Math.min(this.#deadlineMs, this.#stallMs)
    const earlier = dueMs < this.dueMs
    this.dueMs = dueMs
    if (earlier || this.tick === 0) this.#wheel.schedule(this)
  }
}

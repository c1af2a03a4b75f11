import type { WheelEntry } from '@posthorn/net'

/**
 * A session's place on the timer wheel. The wheel lets go of an entry when its time comes, minutes after a
 * short session is over: what it holds until then is this, and not the session.
 */
export class Alarm implements WheelEntry {
  dueMs = Number.POSITIVE_INFINITY
  tick = 0
  place: WheelEntry['place'] = undefined
  #ring: ((nowMs: number) => void) | undefined

  constructor(ring: (nowMs: number) => void) {
    this.#ring = ring
  }

  onDue(nowMs: number): void {
    this.#ring?.(nowMs)
  }

  /** For good. */
  silence(): void {
    this.dueMs = Number.POSITIVE_INFINITY
    this.#ring = undefined
  }
}

import { statfsSync } from 'node:fs'

const lookEveryMs = 1_000
/** Postfix: the message comes in, and may have to go into another file. */
const factor = 1.5

/** Whether the disk has room for a message. Looked at once a second at most. Postfix: queue_minfree, smtpd_check_size(). */
export class FreeSpace {
  readonly #now: () => number
  readonly #freeBytesOf: (folder: string) => number
  #nextLookMs = 0
  #free = Number.POSITIVE_INFINITY

  constructor(now: () => number, freeBytesOf: (folder: string) => number = freeBytes) {
    this.#now = now
    this.#freeBytesOf = freeBytesOf
  }

  hasRoom(folder: string, sizeBytes: number, minFreeBytes: number): boolean {
    const nowMs = this.#now()
    // A clock that was set back must not hide a disk that fills.
    if (nowMs >= this.#nextLookMs || nowMs < this.#nextLookMs - lookEveryMs) {
      this.#nextLookMs = nowMs + lookEveryMs
      this.#free = this.#freeBytesOf(folder)
    }
    return this.#free >= minFreeBytes && this.#free >= sizeBytes * factor
  }
}

/** A disk that does not say so has room: the store itself refuses what does not fit. */
function freeBytes(folder: string): number {
  try {
    const { bavail, bsize } = statfsSync(folder)
    return bavail * bsize
  } catch {
    return Number.POSITIVE_INFINITY
  }
}

import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { bootId } from '../process-identity.ts'
import { textsVersion } from './text-record.ts'

const saveMs = 5_000

/**
 * From which UID on a mailbox has messages that may lack a text or a listing. Only saves looking: it may be behind,
 * and after a power failure, when some may be missing that were there, it is forgotten.
 */
export class CoveredMarks {
  readonly #path: string
  #marks = new Map<number, number>()
  #changed = false
  #savedMs = Number.NEGATIVE_INFINITY
  #listing: number
  readonly #texts: number

  /** @param listing version of the listings that are made; 0: none, and whoever makes them looks for itself */
  constructor(directory: string, listing: number, texts = textsVersion) {
    this.#path = join(directory, 'covered.json')
    this.#texts = texts
    this.#listing = listing
  }

  get(mailbox: number): number {
    return this.#marks.get(mailbox) ?? 1
  }

  set(mailbox: number, uid: number): void {
    this.#marks.set(mailbox, uid)
    this.#changed = true
  }

  load(): void {
    try {
      const kept = JSON.parse(readFileSync(this.#path, 'utf8')) as {
        readonly boot: string
        readonly texts?: number
        readonly listing?: number
        readonly mailboxes: readonly (readonly [number, number])[]
      }
      const { boot, texts, listing = 0 } = kept
      if (this.#listing === 0) this.#listing = listing
      const isOurs = texts === this.#texts && listing === this.#listing
      if (boot === bootId() && isOurs) this.#marks = new Map(kept.mailboxes)
    } catch {
      // The first time, or damaged: everything is looked at again.
    }
  }

  /** After a crash a little is looked at again. */
  saveNowAndThen(): void {
    const nowMs = performance.now()
    if (nowMs - this.#savedMs < saveMs) return
    this.#savedMs = nowMs
    this.save()
  }

  save(): void {
    if (!this.#changed) return
    try {
      const [texts, listing] = [this.#texts, this.#listing]
      const text = JSON.stringify({ boot: bootId(), texts, listing, mailboxes: [...this.#marks] })
      writeFileSync(`${this.#path}.new`, text, { mode: 0o600 })
      renameSync(`${this.#path}.new`, this.#path)
      this.#changed = false
    } catch {
      // No room: next time.
    }
  }
}

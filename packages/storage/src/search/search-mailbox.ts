import { setImmediate as nextTurn } from 'node:timers/promises'
import type { FetchWant, ModSeq, SearchCriteria, SearchFound } from '../contract.ts'
import { Candidate, type Stage, stage } from './candidate.ts'
import { compileCriteria, type Test } from './compile-criteria.ts'
import type { SearchSource } from './search-source.ts'

/** Others are let in after this much work without a pause. */
const sliceMs = 10

/** Above it decoding a message is a slice's work or more. */
const largeBytes = 512 * 1024

const wants: Readonly<Record<Stage, FetchWant>> = {
  [stage.columns]: {},
  [stage.facts]: { facts: true },
  [stage.summary]: { summary: true },
  // The summary comes along for the Date.
  [stage.header]: { bytes: 'header', summary: true },
  [stage.texts]: { bytes: 'all', summary: true },
}

/**
 * Evaluates criteria over a mailbox: every message is asked what it costs least to know, and only those
 * that are still undecided are read further (columns, facts, summary, header, whole message).
 * RFC 9051 §6.4.4. Rejects with the signal's reason when aborted.
 */
export const searchMailbox = async (
  source: SearchSource,
  criteria: SearchCriteria,
  signal?: AbortSignal,
): Promise<SearchFound> => new Search(source, criteria, signal).run()

class Search {
  readonly #source: SearchSource
  readonly #test: Test
  readonly #signal: AbortSignal | undefined
  readonly #candidate = new Candidate()
  readonly #found: number[][] = []
  #highestModSeq = 0
  #sliceEndMs = 0

  constructor(source: SearchSource, criteria: SearchCriteria, signal: AbortSignal | undefined) {
    this.#source = source
    this.#test = compileCriteria(criteria, source.keywords)
    this.#signal = signal
  }

  async run(): Promise<SearchFound> {
    let undecided = this.#source.uids
    for (const at of [stage.columns, stage.facts, stage.summary, stage.header, stage.texts] as const) {
      if (undecided.length === 0) break
      if (at > stage.columns && (this.#candidate.wanted & (1 << at)) === 0) continue
      undecided = await this.#pass(undecided, at)
    }
    // The stages found some each, ascending.
    const uids = Uint32Array.from(this.#found.flat())
    if (this.#found.length > 1) uids.sort()
    return { uids, highestModSeq: this.#highestModSeq as ModSeq }
  }

  /** Gives back those that a later stage decides. */
  async #pass(uids: Uint32Array, at: Stage): Promise<Uint32Array> {
    const found: number[] = []
    const undecided: number[] = []
    const candidate = this.#candidate
    this.#sliceEndMs = performance.now() + sliceMs
    for await (const batch of this.#source.fetch(uids, wants[at])) {
      this.#signal?.throwIfAborted()
      for (let row = 0; row < batch.uids.length; row++) {
        // Reading the clock costs as much as a cheap test.
        if ((at >= stage.header || (row & 63) === 0) && performance.now() > this.#sliceEndMs)
          await this.#pause()
        candidate.moveTo(batch, row, at)
        if (at === stage.texts && (batch.bytes?.[row]?.length ?? 0) > largeBytes) await this.#readAhead()
        const result = this.#test(candidate)
        if (result === true) {
          found.push(candidate.uid)
          if (candidate.modSeq > this.#highestModSeq) this.#highestModSeq = candidate.modSeq
        } else if (result === undefined) undecided.push(candidate.uid)
      }
    }
    if (found.length > 0) this.#found.push(found)
    return Uint32Array.from(undecided)
  }

  /** The texts of a large message, with pauses; the test itself then only looks through them. */
  async #readAhead(): Promise<void> {
    const texts = this.#candidate.texts()
    while (texts.step()) if (performance.now() > this.#sliceEndMs) await this.#pause()
  }

  async #pause(): Promise<void> {
    await nextTurn()
    this.#signal?.throwIfAborted()
    this.#sliceEndMs = performance.now() + sliceMs
  }
}

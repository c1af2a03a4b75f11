import { setImmediate as nextTurn } from 'node:timers/promises'
import type { FetchWant, ModSeq, SearchCriteria, SearchFound } from '../contract.ts'
import { Candidate, type Stage, stage } from './candidate.ts'
import { compileCriteria, type Test } from './compile-criteria.ts'
import { isFuzzy } from './fuzzy-test.ts'
import { readSearchable } from './read-ranges.ts'
import type { SearchSource, StoredBatch } from './search-source.ts'
import { keepAnswers, type StoredLeaf } from './stored-leaf.ts'

/** Others are let in after this much work without a pause. */
const sliceMs = 10

/** Larger messages are not fetched whole (most of it is attachments), and their texts decoded with pauses. */
const largeBytes = 256 * 1024

const wants: Readonly<Record<Exclude<Stage, typeof stage.stored>, FetchWant>> = {
  [stage.columns]: {},
  [stage.facts]: { facts: true },
  [stage.summary]: { summary: true },
  // The summary comes along for the Date.
  [stage.header]: { bytes: 'header', summary: true },
  [stage.texts]: { bytes: 'all', summary: true },
}

/**
 * Evaluates criteria over a mailbox: every message is asked what it costs least to know, and only those
 * that are still undecided are read further (columns, facts, kept texts, summary, header, whole message).
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
  readonly #leaves: StoredLeaf[] = []
  /** By UID, of fuzzy criteria. */
  readonly #scores: Map<number, number> | undefined
  #highestModSeq = 0
  #sliceEndMs = 0

  constructor(source: SearchSource, criteria: SearchCriteria, signal: AbortSignal | undefined) {
    this.#source = source
    const leaves = source.stored && this.#leaves
    this.#test = compileCriteria(criteria, source, leaves)
    this.#signal = signal
    this.#scores = isFuzzy(criteria) ? new Map() : undefined
  }

  async run(): Promise<SearchFound> {
    let undecided = this.#source.uids
    for (const at of [stage.columns, stage.facts, stage.stored, stage.summary, stage.header] as const) {
      if (undecided.length === 0 || !this.#isWanted(at)) continue
      undecided = at === stage.stored ? await this.#passStored(undecided) : await this.#pass(undecided, at)
    }
    if (undecided.length > 0) await this.#readTexts(undecided)
    // The stages found some each, ascending.
    const uids = Uint32Array.from(this.#found.flat())
    if (this.#found.length > 1) uids.sort()
    const scores = this.#scores
    return {
      uids,
      highestModSeq: this.#highestModSeq as ModSeq,
      ...(scores && { scores: Uint8Array.from(uids, (uid) => scores.get(uid) ?? 1) }),
    }
  }

  #isWanted(at: Stage): boolean {
    return at === stage.columns || (this.#candidate.wanted & (1 << at)) !== 0
  }

  /** Gives back those that a later stage decides. */
  async #pass(uids: Uint32Array, at: keyof typeof wants): Promise<Uint32Array> {
    const found: number[] = []
    const undecided: number[] = []
    const candidate = this.#candidate
    this.#sliceEndMs = performance.now() + sliceMs
    for await (const batch of this.#source.fetch(uids, wants[at])) {
      this.#signal?.throwIfAborted()
      // What came along with the columns need not be asked for again.
      const known = at === stage.columns && batch.facts !== undefined ? stage.facts : at
      for (let row = 0; row < batch.uids.length; row++) {
        // Reading the clock costs as much as a cheap test.
        if ((at >= stage.header || (row & 63) === 0) && this.#isSliceOver()) await this.#breathe()
        candidate.moveTo(batch, row, known)
        if (at === stage.texts && (batch.bytes?.[row]?.length ?? 0) > largeBytes) await this.#readAhead()
        if (this.#decide(found) === undefined) undecided.push(candidate.uid)
      }
    }
    if (found.length > 0) this.#found.push(found)
    // The same array: what is kept of whole mailboxes is found by it.
    return undecided.length === uids.length ? uids : Uint32Array.from(undecided)
  }

  /** Kept texts answer for all messages at once, as far as there are any. */
  async #passStored(uids: Uint32Array): Promise<Uint32Array> {
    const found: number[] = []
    const undecided: number[] = []
    const leaves = this.#leaves
    const needles = leaves.map(({ needle }) => needle)
    this.#sliceEndMs = performance.now() + sliceMs
    for await (const stored of this.#source.stored?.(uids, needles, this.#signal) ?? []) {
      const { batch, answers } = stored
      this.#signal?.throwIfAborted()
      for (const [index, leaf] of leaves.entries()) leaf.answers = answers[index] as Uint8Array
      const rows: number[] = []
      for (let row = 0; row < batch.uids.length; row++) {
        if ((row & 63) === 0 && this.#isSliceOver()) await this.#breathe()
        this.#candidate.moveTo(batch, row, stage.stored)
        if (this.#decide(found) === undefined) rows.push(row)
      }
      for (const row of await this.#passKept(stored, rows, found)) {
        const uid = batch.uids[row] as number
        undecided.push(uid)
        keepAnswers(leaves, uid, row)
      }
    }
    if (this.#scores !== undefined) found.sort((a, b) => a - b)
    if (found.length > 0) this.#found.push(found)
    return undecided.length === uids.length ? uids : Uint32Array.from(undecided)
  }

  /** Fuzzy criteria are rated by kept texts, too; gives back the rows that stay undecided. */
  async #passKept(stored: StoredBatch, rows: readonly number[], found: number[]): Promise<readonly number[]> {
    if (this.#scores === undefined || !this.#isWanted(stage.texts)) return rows
    const undecided = new Set(rows)
    const { batch } = stored
    for await (const { row, texts } of stored.texts(rows)) {
      if (this.#isSliceOver()) await this.#breathe()
      this.#candidate.moveTo(batch, row, stage.stored)
      this.#candidate.keptTexts = texts
      if (this.#decide(found) !== undefined) undecided.delete(row)
    }
    return [...undecided]
  }

  #decide(found: number[]): boolean | undefined {
    const candidate = this.#candidate
    candidate.score = 0
    const result = this.#test(candidate)
    if (result === true) {
      this.#scores?.set(candidate.uid, candidate.score || 1)
      found.push(candidate.uid)
      if (candidate.modSeq > this.#highestModSeq) this.#highestModSeq = candidate.modSeq
    }
    return result
  }

  async #readTexts(uids: Uint32Array): Promise<void> {
    const { read } = this.#source
    if (read === undefined) {
      await this.#pass(uids, stage.texts)
      return
    }
    const small: number[] = []
    const large: number[] = []
    for await (const { uids: present, facts } of this.#source.fetch(uids, wants[stage.facts])) {
      for (const [row, uid] of present.entries()) {
        ;((facts?.sizeBytes[row] ?? 0) > largeBytes ? large : small).push(uid)
      }
    }
    await this.#pass(Uint32Array.from(small), stage.texts)
    if (large.length > 0) await this.#passLarge(Uint32Array.from(large), read)
  }

  /** One message at a time, and of it the headers and texts alone. */
  async #passLarge(uids: Uint32Array, read: NonNullable<SearchSource['read']>): Promise<void> {
    const found: number[] = []
    for await (const batch of this.#source.fetch(uids, wants[stage.summary])) {
      for (let row = 0; row < batch.uids.length; row++) {
        this.#signal?.throwIfAborted()
        const ranges = await readSearchable(read, batch, row)
        if (ranges === undefined) continue
        this.#candidate.moveTo(batch, row, stage.texts, ranges)
        await this.#readAhead()
        this.#decide(found)
      }
    }
    if (found.length > 0) this.#found.push(found)
  }

  /** The texts of a large message, with pauses; the test itself then only looks through them. */
  async #readAhead(): Promise<void> {
    const texts = this.#candidate.texts()
    while (texts.step()) if (this.#isSliceOver()) await this.#breathe()
  }

  #isSliceOver(): boolean {
    return performance.now() > this.#sliceEndMs
  }

  /** Lets others in. */
  async #breathe(): Promise<void> {
    await nextTurn()
    this.#signal?.throwIfAborted()
    this.#sliceEndMs = performance.now() + sliceMs
  }
}

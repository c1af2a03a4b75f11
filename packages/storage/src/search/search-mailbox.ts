import type { FetchWant, ModSeq, SearchCriteria, SearchFound } from '../contract.ts'
import { workTurns } from '../work-turns.ts'
import { Candidate, type Stage, stage } from './candidate.ts'
import { compileCriteria, type Test } from './compile-criteria.ts'
import { isFuzzy } from './fuzzy-test.ts'
import { largeBytes, type ReadKind } from './read-candidates.ts'
import type { SearchSource, StoredBatch } from './search-source.ts'
import { SharedReading } from './shared-reading.ts'
import { keepAnswers, type StoredLeaf } from './stored-leaf.ts'

/** Read before it is asked whether there are more kept texts. */
const partCount = 256

const wants = {
  [stage.columns]: {},
  [stage.facts]: { facts: true },
} as const satisfies Record<number, FetchWant>

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
  /** Bits `1 << stage` of the stages that undecided tests ask for. */
  #wanted = 0

  constructor(source: SearchSource, criteria: SearchCriteria, signal: AbortSignal | undefined) {
    this.#source = source
    const leaves = source.stored && this.#leaves
    this.#test = compileCriteria(criteria, source, leaves)
    this.#signal = signal
    this.#scores = isFuzzy(criteria) ? new Map() : undefined
  }

  async run(): Promise<SearchFound> {
    let undecided = this.#source.uids
    const passes: readonly (readonly [Stage, (uids: Uint32Array) => Promise<Uint32Array>])[] = [
      [stage.columns, (uids) => this.#pass(uids, stage.columns)],
      [stage.facts, (uids) => this.#pass(uids, stage.facts)],
      [stage.stored, (uids) => this.#passStored(uids)],
      [stage.summary, (uids) => this.#read(uids, 'summary')],
      [stage.header, (uids) => this.#read(uids, 'header')],
    ]
    for (const [at, pass] of passes)
      if (undecided.length > 0 && this.#isWanted(at)) undecided = await pass(undecided)
    if (undecided.length > 0) await this.#readTexts(undecided)
    // The stages found some each, ascending.
    const uids = joined(this.#found)
    if (this.#found.length > 1) uids.sort()
    const scores = this.#scores
    return {
      uids,
      highestModSeq: this.#highestModSeq as ModSeq,
      ...(scores && { scores: Uint8Array.from(uids, (uid) => scores.get(uid) ?? 1) }),
    }
  }

  #isWanted(at: Stage): boolean {
    return at === stage.columns || (this.#wanted & (1 << at)) !== 0
  }

  /** Gives back those that a later stage decides. */
  async #pass(uids: Uint32Array, at: keyof typeof wants): Promise<Uint32Array> {
    const found: number[] = []
    const undecided: number[] = []
    const candidate = this.#candidate
    for await (const batch of this.#source.fetch(uids, wants[at])) {
      this.#signal?.throwIfAborted()
      // What came along with the columns need not be asked for again.
      const known = at === stage.columns && batch.facts !== undefined ? stage.facts : at
      for (let row = 0; row < batch.uids.length; row++) {
        // Reading the clock costs as much as a cheap test.
        if ((row & 63) === 0 && workTurns.isOver) await this.#breathe()
        candidate.moveTo(batch, row, known)
        if (this.#decide(candidate, found) === undefined) undecided.push(candidate.uid)
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
    for await (const stored of this.#source.stored?.(uids, needles, this.#signal) ?? []) {
      const { batch, answers } = stored
      this.#signal?.throwIfAborted()
      for (const [index, leaf] of leaves.entries()) leaf.answers = answers[index] as Uint8Array
      const rows: number[] = []
      for (let row = 0; row < batch.uids.length; row++) {
        if ((row & 63) === 0 && workTurns.isOver) await this.#breathe()
        this.#candidate.moveTo(batch, row, stage.stored)
        if (this.#decide(this.#candidate, found) === undefined) rows.push(row)
      }
      for (const row of await this.#passKept(stored, rows, found)) {
        const uid = batch.uids[row] as number
        undecided.push(uid)
        keepAnswers(leaves, uid, row)
        if ((undecided.length & 63) === 0 && workTurns.isOver) await this.#breathe()
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
      if (workTurns.isOver) await this.#breathe()
      this.#candidate.moveTo(batch, row, stage.stored)
      this.#candidate.keptTexts = texts
      if (this.#decide(this.#candidate, found) !== undefined) undecided.delete(row)
    }
    return [...undecided]
  }

  #decide(candidate: Candidate, found: number[]): boolean | undefined {
    candidate.score = 0
    candidate.wanted = 0
    const result = this.#test(candidate)
    this.#wanted |= candidate.wanted
    if (result === true) {
      this.#scores?.set(candidate.uid, candidate.score || 1)
      found.push(candidate.uid)
      if (candidate.modSeq > this.#highestModSeq) this.#highestModSeq = candidate.modSeq
    }
    return result
  }

  /** Of messages one by one, together with other searches; gives back those that a later stage decides. */
  async #read(uids: Uint32Array, kind: ReadKind): Promise<Uint32Array> {
    const found: number[] = []
    const undecided: number[] = []
    const reading = this.#source.reading?.(kind) ?? new SharedReading(this.#source, kind)
    await reading.look(uids, this.#signal, (candidate) => {
      if (this.#decide(candidate, found) !== undefined) return undefined
      if (candidate.isPutOff) return 'again'
      undecided.push(candidate.uid)
      return undefined
    })
    // Where the reading was, they began.
    if (found.length > 0) this.#found.push(found.sort(ascending))
    return undecided.length === uids.length ? uids : Uint32Array.from(undecided.sort(ascending))
  }

  /** The newest first, while kept texts are being made of the others, from the oldest on. */
  async #readTexts(uids: Uint32Array): Promise<void> {
    let rest = uids
    while (rest.length > partCount && this.#leaves.length > 0 && this.#isAlone()) {
      const older = rest.subarray(0, rest.length - partCount)
      await this.#readPart(rest.subarray(older.length))
      rest = await this.#passStored(older)
      if (rest.length === older.length) break
    }
    if (rest.length > 0) await this.#readPart(rest)
  }

  /** No other search reads the same messages: with others it is done once for all. */
  #isAlone(): boolean {
    return this.#source.reading?.('texts').isIdle ?? true
  }

  async #readPart(uids: Uint32Array): Promise<void> {
    if (this.#source.read === undefined) {
      await this.#read(uids, 'texts')
      return
    }
    const small: number[] = []
    const large: number[] = []
    for await (const { uids: present, facts } of this.#source.fetch(uids, wants[stage.facts])) {
      for (const [row, uid] of present.entries()) {
        ;((facts?.sizeBytes[row] ?? 0) > largeBytes ? large : small).push(uid)
      }
    }
    await this.#read(Uint32Array.from(small), 'texts')
    await this.#read(Uint32Array.from(large), 'large')
  }

  /** Lets others in. */
  async #breathe(): Promise<void> {
    await workTurns.next()
    this.#signal?.throwIfAborted()
  }
}

const joined = (parts: readonly (readonly number[])[]): Uint32Array => {
  const all = new Uint32Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

const ascending = (a: number, b: number): number => a - b

import { decodeStructure, type OctetRanges, octetsOf, SummaryReader, summaryFlag } from '@posthorn/mail'
import type { MessageBatch } from '../contract.ts'
import type { KeptText } from '../texts/kept-message-texts.ts'
import { MessageTexts } from './message-texts.ts'
import { Questions } from './questions.ts'

/** How much of a message has been read: a test that needs more answers undefined. */
export const stage = { columns: 1, facts: 2, stored: 3, summary: 4, header: 5, texts: 6 } as const
export type Stage = (typeof stage)[keyof typeof stage]

const empty = Buffer.alloc(0)

/** The message being tested: one object for a whole search, moved over the rows of batches. */
export class Candidate {
  stage: Stage = stage.columns
  uid = 0
  flags0 = 0
  flags1 = 0
  modSeq = 0
  messageId = 0
  sizeBytes = 0
  internalDateMs = 0
  saveDateMs = 0
  /** Of the batch. */
  row = 0
  /** How well it fits fuzzy criteria, 1 to 100; 0: not asked. The search resets it. */
  score = 0
  /** Bits `1 << stage` of the stages that undecided tests ask for; the search resets them. */
  wanted = 0
  /** At stage stored, where they were read for fuzzy criteria. */
  keptTexts: readonly KeptText[] | undefined
  readonly #reader = new SummaryReader()
  #batch: MessageBatch | undefined
  #opened = false
  #keptFields: string | undefined
  #header: string | undefined
  #texts: MessageTexts | undefined
  #questions: Questions | undefined
  #ranges: OctetRanges | undefined

  /** At stage texts with the batch's octets, or with what was read of a large message. */
  moveTo(batch: MessageBatch, row: number, at: Stage, ranges?: OctetRanges): void {
    this.stage = at
    this.#ranges = ranges
    this.#batch = batch
    this.row = row
    this.uid = batch.uids[row] as number
    this.flags0 = batch.flags0[row] as number
    this.flags1 = batch.flags1[row] as number
    this.modSeq = batch.modSeqs[row] as number
    const { facts } = batch
    if (facts !== undefined) {
      this.messageId = facts.messageIds[row] as number
      this.sizeBytes = facts.sizeBytes[row] as number
      this.internalDateMs = facts.internalDatesMs[row] as number
      this.saveDateMs = facts.saveDatesMs[row] as number
    }
    this.keptTexts = undefined
    this.#opened = false
    this.#keptFields = undefined
    this.#header = undefined
    this.#texts = undefined
    this.#questions = undefined
  }

  /** Several ratings are worth the same. */
  rate(score: number): void {
    this.score = this.score === 0 ? score : Math.round((this.score + score) / 2)
  }

  /** For a test to return: it needs this stage to decide. */
  needs(later: Stage): undefined {
    this.wanted |= 1 << later
  }

  /** Days since 1970 of the Date field; undefined when it has none. From stage summary. */
  get sentDay(): number | undefined {
    const reader = this.#open()
    return reader !== undefined && (reader.flags & summaryFlag.sent) !== 0 ? reader.sentDay : undefined
  }

  /** Trace prefix and kept fields, octets; undefined when the summary could not keep them. */
  keptFields(): string | undefined {
    if (this.#keptFields !== undefined) return this.#keptFields
    const reader = this.#open()
    if (reader === undefined || (reader.flags & summaryFlag.fieldsComplete) === 0) return undefined
    const fields = reader.bytes.toString('latin1', reader.fieldsStart, reader.fieldsEnd)
    this.#keptFields = this.#prefix().length === 0 ? fields : octetsOf(this.#prefix()) + fields
    return this.#keptFields
  }

  /** The whole header with its trace prefix, octets. From stage header. */
  header(): string {
    if (this.#header === undefined) {
      const headerBytes = this.#open()?.headerBytes ?? 0
      this.#header = octetsOf(this.#prefix()) + octetsOf(this.#body().subarray(0, headerBytes))
    }
    return this.#header
  }

  /** Stage texts only. */
  texts(): MessageTexts {
    const summary = this.#batch?.summaries?.[this.row] ?? empty
    this.#texts ??= new MessageTexts(this.#prefix(), this.#body(), decodeStructure(summary), this.questions)
    return this.#texts
  }

  get questions(): Questions {
    this.#questions ??= new Questions()
    return this.#questions
  }

  /** A test answered undefined because it was put off, not because it needs a later stage. */
  get isPutOff(): boolean {
    return this.#questions?.isPutOff ?? false
  }

  /** See `Questions`. */
  takePutOff(): boolean {
    return this.#questions?.takePutOff() ?? false
  }

  #open(): SummaryReader | undefined {
    const summary = this.#batch?.summaries?.[this.row]
    if (summary === undefined) return undefined
    if (!this.#opened) this.#reader.open(summary)
    this.#opened = true
    return this.#reader
  }

  #prefix(): Uint8Array {
    return this.#batch?.prefixes?.[this.row] ?? empty
  }

  #body(): OctetRanges {
    return this.#ranges ?? (this.#batch?.bytes?.[this.row] ?? empty).subarray(this.#prefix().length)
  }
}

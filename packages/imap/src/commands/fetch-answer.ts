/** Answers a FETCH: reads batch by batch what the plan wants, and sends each message as it comes. */
import { type FetchWant, type MessageBatch, type StoreError, systemFlag } from '@posthorn/storage'
import type { SelectedSession } from '../session/session.ts'
import { isDecoded, type SectionItem } from '../wire/fetch-items.ts'
import { hasUnknownEncoding, writeDecoded } from './decoded-items.ts'
import { endOfItems } from './end-of-items.ts'
import { FetchOutput, type FetchRow } from './fetch-output.ts'
import type { FetchPlan } from './fetch-plan.ts'
import { FetchRows } from './fetch-rows.ts'
import { FieldSelections } from './field-selections.ts'
import { learnAtOnce, learnKeywords } from './learn-keywords.ts'
import { ListedAnswer } from './listed-answer.ts'
import { asBuffer, MessageView } from './message-view.ts'
import { octetRange, selectsFields, writeFields, writeOctets } from './section-octets.ts'
import { sendLargeMessage } from './send-large-message.ts'
import { SummaryAnswer } from './summary-answer.ts'
import { writeSummaryItem } from './summary-item.ts'
import { WholeMessages } from './whole-messages.ts'

/** Messages above this are read and sent in pieces. */
const wholeBytes = 1024 * 1024
/** The same where only parts are asked for: no more is read than is sent. */
const wholeBytesForParts = 128 * 1024

/** One message alone is read and copied at once up to this size. */
const atOnceBytes = 96 * 1024

/** Of batches whose octets may still be needed. */
const keptMarks = 8

export interface FetchOutcome {
  /** Messages that were there. */
  readonly answered: number
  /** A message was left out: BINARY of a part whose encoding nobody knows. RFC 3516 §4.3. */
  readonly unknownEncoding: boolean
}

/** @param uids ascending */
export async function answerFetch(
  session: SelectedSession,
  plan: FetchPlan,
  uids: Uint32Array,
): Promise<FetchOutcome> {
  const answer = new FetchAnswer(session, plan)
  answer.expectMany()
  const { output } = answer
  try {
    if (plan.source === 'columns' && (await output.sendKept(uids)) === 'sent')
      return { answered: uids.length, unknownEncoding: false }
    const batches = session.store.messages.fetch(session.mailbox.id, uids, answer.want)
    for await (const batch of withoutLoss(batches, output)) {
      await answer.batch(batch)
      if (session.gone || !(await mayGoOn(session, output))) break
    }
    // Who has not taken all of it yet is waited for behind the tagged answer.
    output.complete(uids.length)
    if (answer.damage !== undefined) throw answer.damage
    return answer
  } finally {
    output.close()
  }
}

/** A long answer ends between two messages when the right to read is taken away. RFC 4314 §5.1.1. */
async function mayGoOn(session: SelectedSession, output: FetchOutput): Promise<boolean> {
  if (!session.mailbox.rightsSuspect) return true
  await output.flush()
  return await session.renewRights()
}

/** What was answered before the store found damage is sent all the same. */
async function* withoutLoss(
  batches: AsyncIterable<MessageBatch>,
  output: FetchOutput,
): AsyncGenerator<MessageBatch> {
  try {
    yield* batches
  } catch (error) {
    await output.flush()
    throw error
  }
}

/**
 * Answers messages of usual size from what memory has: who reads them one by one waits for nothing else.
 * @returns how many of `uids`, from the first one on, need no other answer any more
 */
export function answerAtOnce(session: SelectedSession, plan: FetchPlan, uids: Uint32Array): number {
  const shape = new MessageView()
  const want = wantAtOnce(plan, shape)
  const step = want.bytes === undefined ? uids.length : 1
  let answer: FetchAnswer | undefined
  let at = 0
  while (at < uids.length) {
    const batch = session.store.messages.fetchNow(session.mailbox.id, uids.subarray(at, at + step), want)
    if (batch === undefined || (plan.marks && mayMark(session) && hasUnseen(batch))) break
    learnAtOnce(session, batch)
    answer ??= answerOfCopies(session, plan)
    const rows = answer.atOnce(batch)
    at += rows
    if (rows < batch.uids.length) break
  }
  answer?.output.end()
  return at
}

function answerOfCopies(session: SelectedSession, plan: FetchPlan): FetchAnswer {
  const answer = new FetchAnswer(session, plan)
  // Their memory is the next reader's.
  answer.output.copies = true
  return answer
}

function wantAtOnce(plan: FetchPlan, shape: MessageView): FetchWant {
  const { source, want } = plan
  const inIndex = source === 'columns' || source === 'summary'
  if (inIndex) return { ...want, facts: true }
  const upTo = neededOctets(plan, shape)
  return { ...want, bytes: 'all', maxBytes: atOnceBytes, ...(plan.sendsParts && { upTo }) }
}

/** @see FetchWant.upTo */
function neededOctets({ items, want }: FetchPlan, shape: MessageView): NonNullable<FetchWant['upTo']> {
  return (summary, prefix, sizeBytes) => {
    if (summary === undefined && want.summary) return sizeBytes
    shape.open(summary, prefix, sizeBytes)
    return endOfItems(items, shape)
  }
}

class FetchAnswer implements FetchOutcome {
  readonly output: FetchOutput
  readonly #session: SelectedSession
  readonly #plan: FetchPlan
  readonly #message = new MessageView()
  readonly #selections = new FieldSelections()
  #summaries: SummaryAnswer | undefined
  #listed: ListedAnswer | undefined
  unknownEncoding = false
  #wholes: WholeMessages | undefined
  /** What had been sent after a batch. */
  readonly #sentOf = new Map<number, number>()
  #batches = 0
  #answered = 0

  constructor(session: SelectedSession, plan: FetchPlan) {
    this.#session = session
    this.#plan = plan
    this.output = new FetchOutput(session, plan.items)
  }

  /** Many messages: what can be sent without looking into each of them is. */
  expectMany(): void {
    const plan = this.#plan
    if (plan.sendsWholes && !(plan.marks && mayMark(this.#session)))
      this.#wholes = new WholeMessages(this.output)
    if (plan.source !== 'summary' || plan.marks) return
    this.#summaries = new SummaryAnswer(this.#session, this.output)
    this.#listed = ListedAnswer.for(this.#session, this.output)
  }

  get answered(): number {
    const others = [this.#summaries, this.#listed, this.#wholes]
    return others.reduce((sum, each) => sum + (each?.answered ?? 0), this.#answered)
  }

  /** Messages that could not be read: the others have been answered. */
  get damage(): StoreError | undefined {
    return this.#summaries?.damage
  }

  /** Small messages come with the batch, large ones are read by themselves. */
  get want(): FetchWant {
    const { source, marks, want } = this.#plan
    if (this.#listed !== undefined) return { facts: true, listing: this.#listed.columns }
    if (source === 'summary' && !marks) return { facts: true }
    if (source !== 'octets') return want
    const octets = {
      bytes: 'all',
      maxBytes: this.#limit,
      memoryIsFree: this.#memoryIsFree,
      ...(this.#plan.sendsParts && { upTo: neededOctets(this.#plan, this.#message) }),
    } as const
    return this.#wholes === undefined ? { ...want, ...octets } : { ...want, ...octets, together: true }
  }

  get #limit(): number {
    return this.#plan.sendsParts ? wholeBytesForParts : wholeBytes
  }

  /** Rows that need no other answer any more, from the first one on. */
  atOnce(batch: MessageBatch): number {
    const rows = new FetchRows(batch, undefined, this.#message)
    for (let at = 0; at < rows.length; at++) {
      const row = rows.row(at)
      if (this.#plan.source === 'summary' && !this.#message.hasFields) return at
      const before = this.answered
      this.#write(row, batch.bytes?.[at])
      if (this.answered === before || this.unknownEncoding) return at
    }
    return rows.length
  }

  async batch(batch: MessageBatch): Promise<void> {
    const plan = this.#plan
    await learnKeywords(this.#session, this.output, batch)
    if (plan.source === 'columns') {
      this.#answered += batch.uids.length
      await this.output.writeColumns(batch)
      return
    }
    if (this.#listed !== undefined) {
      await this.#listed.batch(batch, (rest) => this.#fromSummaries(rest))
      return
    }
    if (this.#summaries !== undefined) {
      await this.#fromSummaries(batch)
      return
    }
    if (batch.together !== undefined) {
      await this.output.flush()
      this.#wholes?.write(batch, batch.together)
      this.#endBatch()
      return
    }
    const marked = plan.marks && mayMark(this.#session) ? await markSeen(this.#session, batch) : undefined
    const rows = new FetchRows(batch, marked, this.#message)
    if (plan.source === 'octets') await this.#withOctets(rows)
    else await this.#withoutOctets(rows)
  }

  async #fromSummaries(batch: MessageBatch): Promise<void> {
    await this.#summaries?.batch(batch, (uids) => this.#directly(uids))
  }

  async #directly(uids: Uint32Array): Promise<void> {
    const { store, mailbox } = this.#session
    for await (const batch of store.messages.fetch(mailbox.id, uids, this.#plan.want)) {
      await learnKeywords(this.#session, this.output, batch)
      await this.#withoutOctets(new FetchRows(batch, undefined, this.#message))
      if (this.#session.gone) return
    }
  }

  /** Everything stands in the summary, or in the header that came with it. */
  async #withoutOctets(rows: FetchRows): Promise<void> {
    for (let at = 0; at < rows.length; at++) {
      const row = rows.row(at)
      const header = rows.batch.bytes?.[at]
      // A header that was too large for its fields to be kept is read after all.
      if (header === undefined && !this.#message.hasFields) await this.#large(row)
      else this.#write(row, header)
      if (this.output.full) await this.output.flush()
      if (this.#session.gone) return
    }
  }

  async #withOctets(rows: FetchRows): Promise<void> {
    const { facts, bytes } = rows.batch
    // These were read while the ones before were on their way.
    await this.output.flush()
    for (let at = 0; at < rows.length && !this.#session.gone; at++) {
      if (facts!.sizeBytes[at]! > this.#limit) await this.#large(rows.row(at))
      else this.#write(rows.row(at), bytes![at])
      if (this.output.full) await this.output.flush()
    }
    this.#endBatch()
  }

  #endBatch(): void {
    this.output.pass()
    this.#sentOf.set(this.#batches, this.output.sentBytes)
    this.#sentOf.delete(this.#batches++ - keptMarks)
  }

  /** What was rendered is copied, and what was passed on has been sent. */
  readonly #memoryIsFree = (batch: number): boolean => {
    const known = Math.max(batch, this.#batches - keptMarks)
    return this.output.isGone(this.#sentOf.get(known) ?? this.output.sentBytes)
  }

  async #large(row: FetchRow): Promise<void> {
    const sequence = this.output.sequenceOf(row.uid)
    if (sequence === 0 || this.#cannotDecode(row.message)) return
    if (await sendLargeMessage(this.#session, this.output, row, sequence, this.#selections)) this.#answered++
  }

  /** @param octets of the message from its first one on, as far as the items need */
  #write(row: FetchRow, octets: Uint8Array | undefined): void {
    const sequence = this.output.sequenceOf(row.uid)
    if (sequence === 0 || this.#cannotDecode(row.message)) return
    this.#answered++
    const bytes = octets === undefined ? undefined : asBuffer(octets)
    this.output.openMessage(row, sequence)
    const { items } = this.output
    for (let index = 0; index < items.length; index++) {
      if (index > 0) this.output.writer.text(' ')
      const item = items[index]!
      if (item.kind === 'section') this.#section(item, row.message, bytes)
      else if (isDecoded(item)) writeDecoded(this.output.writer, item, row.message, bytes!)
      else this.output.writeItem(item, row)
    }
    this.output.closeMessage()
  }

  #cannotDecode(message: MessageView): boolean {
    if (this.#plan.source !== 'octets') return false
    const { items } = this.output
    if (!items.some((item) => isDecoded(item) && hasUnknownEncoding(item, message))) return false
    this.#answered++
    this.unknownEncoding = true
    return true
  }

  #section(item: SectionItem, message: MessageView, octets: Buffer | undefined): void {
    const { writer } = this.output
    if (octets === undefined) {
      writeSummaryItem(writer, item, message, this.#selections)
      return
    }
    writer.text(item.label).text(' ')
    const range = octetRange(item, message, message.prefix.length)
    if (range !== undefined && selectsFields(item)) {
      const selection = this.#selections.of(item)
      selection.add(octets, range.start, range.end)
      writeFields(writer, selection, item.partial, message.nul)
      return
    }
    writeOctets(this.output, range && octets.subarray(range.start, range.end), message.nul)
  }
}

function mayMark({ mailbox }: SelectedSession): boolean {
  return mailbox.access === 'read-write' && mailbox.may('s')
}

function hasUnseen({ flags0 }: MessageBatch): boolean {
  return flags0.some((word) => (word & systemFlag.seen) === 0)
}

/** Sets \Seen where it is not set. RFC 9051 §6.4.5. */
async function markSeen(session: SelectedSession, batch: MessageBatch): Promise<MessageBatch | undefined> {
  const unseen = batch.uids.filter((_, at) => (batch.flags0[at]! & systemFlag.seen) === 0)
  if (unseen.length === 0) return undefined
  const { mailbox, store } = session
  const flags = { system: systemFlag.seen, keywords: [] }
  const { changed, keywords, span } = await store.messages.changeFlags(mailbox.id, unseen, {
    op: 'add',
    flags,
  })
  mailbox.updateKeywords(keywords)
  mailbox.acknowledge(changed, span)
  return changed
}

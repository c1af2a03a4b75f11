/** Answers a FETCH: reads batch by batch what the plan wants, and sends each message as it comes. */
import { decodeSummary, type MessageSummary, octetsOf } from '@posthorn/mail'
import { type MessageBatch, systemFlag } from '@posthorn/storage'
import type { SelectedSession } from '../session/session.ts'
import type { SectionItem } from '../wire/fetch-items.ts'
import { FetchOutput, type FetchRow } from './fetch-output.ts'
import type { FetchPlan } from './fetch-plan.ts'
import { octetRange, selects, writeFields, writeSection } from './section-octets.ts'
import { sendLargeMessage } from './send-large-message.ts'

/** Messages above this are read and sent in pieces, and only as far as asked for. */
const wholeBytes = 64 * 1024

/** Gives the number of messages that were there. @param uids ascending */
export async function answerFetch(
  session: SelectedSession,
  plan: FetchPlan,
  uids: Uint32Array,
): Promise<number> {
  const answer = new FetchAnswer(session, plan)
  const { messages } = session.store
  for await (const batch of messages.fetch(session.mailbox.id, uids, plan.want)) {
    await answer.batch(batch)
    if (session.gone) break
  }
  await answer.output.flush()
  return answer.answered
}

class FetchAnswer {
  answered = 0
  readonly output: FetchOutput
  readonly #session: SelectedSession
  readonly #plan: FetchPlan

  constructor(session: SelectedSession, plan: FetchPlan) {
    this.#session = session
    this.#plan = plan
    this.output = new FetchOutput(session, plan.items)
  }

  async batch(batch: MessageBatch): Promise<void> {
    const { plan, session } = { plan: this.#plan, session: this.#session }
    if (plan.source === 'columns') {
      this.answered += batch.uids.length
      await this.output.writeColumns(batch)
      return
    }
    const marked =
      plan.marks && session.mailbox.access === 'read-write' ? await markSeen(session, batch) : undefined
    const rows = new Rows(batch, marked)
    if (plan.source === 'octets') await this.#withOctets(rows)
    else await this.#withoutOctets(rows)
  }

  /** Everything stands in the summary, or in the header that came with it. */
  async #withoutOctets(rows: Rows): Promise<void> {
    for (let at = 0; at < rows.length; at++) {
      const row = rows.row(at)
      const header = rows.batch.bytes?.[at]
      if (header === undefined && this.#lacksFields(row)) await this.#large(rows, row)
      else this.#write(rows, row, header)
      if (this.output.full) await this.output.flush()
      if (this.#session.gone) return
    }
  }

  /** The header was too large for its fields to be kept. */
  #lacksFields({ summary }: FetchRow): boolean {
    return summary?.fieldsComplete === false && this.#plan.items.some((item) => item.kind === 'section')
  }

  async #withOctets(rows: Rows): Promise<void> {
    const sizes = rows.batch.facts!.sizeBytes
    let at = 0
    while (at < rows.length && !this.#session.gone) {
      if (sizes[at]! > wholeBytes) {
        await this.#large(rows, rows.row(at++))
        continue
      }
      const from = at
      while (at < rows.length && sizes[at]! <= wholeBytes) at++
      await this.#small(rows, from, at)
    }
  }

  /** A run of small messages, read together. */
  async #small(rows: Rows, from: number, to: number): Promise<void> {
    const { store, mailbox } = this.#session
    const uids = rows.batch.uids.subarray(from, to)
    let at = from
    for await (const { uids: found, bytes } of store.messages.fetch(mailbox.id, uids, { bytes: 'all' })) {
      for (let index = 0; index < found.length; index++) {
        while (rows.batch.uids[at]! < found[index]!) at++
        this.#write(rows, rows.row(at), bytes![index])
        if (this.output.full) await this.output.flush()
        if (this.#session.gone) return
      }
    }
  }

  async #large(rows: Rows, row: FetchRow): Promise<void> {
    const sequence = this.output.sequenceOf(row.uid)
    if (sequence === 0) return
    const sent = await sendLargeMessage(this.#session, this.output, row, sequence, rows.prefixBytes(row.at))
    if (sent) this.answered++
  }

  /** @param octets of the message from its first one on, as far as the items need */
  #write(rows: Rows, row: FetchRow, octets: Uint8Array | undefined): void {
    const sequence = this.output.sequenceOf(row.uid)
    if (sequence === 0) return
    this.answered++
    const { writer } = this.output
    const summary = row.summary!
    const prefixBytes = rows.prefixBytes(row.at)
    this.output.writeMessage(row, sequence, (item: SectionItem) => {
      if (octets === undefined) {
        writer.text(item.label).text(' ')
        writeFields(writer, item, rows.prefix(row.at) + summary.fields)
        return
      }
      const range = octetRange(item, summary, prefixBytes)
      const part = range && asBuffer(octets).subarray(range.start, range.end)
      writeSection(writer, item, part, summary.octetKinds.nul && !selects(item) ? 'may-have-nul' : 'no-nul')
    })
  }
}

/** The rows of a batch, with the flags as they are after this command's own change. */
class Rows {
  readonly batch: MessageBatch
  readonly #marked: MessageBatch | undefined
  #markedAt = 0

  constructor(batch: MessageBatch, marked: MessageBatch | undefined) {
    this.batch = batch
    this.#marked = marked
  }

  get length(): number {
    return this.batch.uids.length
  }

  /** Ask in ascending order. */
  row(at: number): FetchRow & { readonly summary: MessageSummary } {
    const { batch } = this
    const uid = batch.uids[at]!
    const marked = this.#marked
    const summary = decodeSummary(batch.summaries![at]!)
    if (marked !== undefined) {
      while (marked.uids[this.#markedAt]! < uid) this.#markedAt++
      const place = this.#markedAt
      if (marked.uids[place] === uid) {
        const [flags0, flags1, modSeq] = [
          marked.flags0[place]!,
          marked.flags1[place]!,
          marked.modSeqs[place]!,
        ]
        return { batch, at, uid, flags0, flags1, modSeq, marked: true, summary }
      }
    }
    const [flags0, flags1, modSeq] = [batch.flags0[at]!, batch.flags1[at]!, batch.modSeqs[at]!]
    return { batch, at, uid, flags0, flags1, modSeq, marked: false, summary }
  }

  prefix(at: number): string {
    const prefix = this.batch.prefixes?.[at]
    return prefix === undefined || prefix.length === 0 ? '' : octetsOf(prefix)
  }

  prefixBytes(at: number): number {
    return this.batch.prefixes?.[at]?.length ?? 0
  }
}

/** Sets \Seen where it is not set. RFC 9051 §6.4.5. */
async function markSeen(session: SelectedSession, batch: MessageBatch): Promise<MessageBatch | undefined> {
  const unseen = batch.uids.filter((_, at) => (batch.flags0[at]! & systemFlag.seen) === 0)
  if (unseen.length === 0) return undefined
  const { mailbox, store } = session
  const flags = { system: systemFlag.seen, keywords: [] }
  const { changed, keywords } = await store.messages.changeFlags(mailbox.id, unseen, { op: 'add', flags })
  mailbox.updateKeywords(keywords)
  mailbox.acknowledge(changed)
  return changed
}

function asBuffer(octets: Uint8Array): Buffer {
  return Buffer.isBuffer(octets) ? octets : Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength)
}

import { type MessageBatch, OwnTurn, StoreError } from '@posthorn/storage'
import type { SelectedSession } from '../session/session.ts'
import { ResponseWriter } from '../wire/response.ts'
import type { FetchOutput } from './fetch-output.ts'
import { FieldSelections } from './field-selections.ts'
import { MessageView } from './message-view.ts'
import type { RenderedRows } from './rendered-cache.ts'
import { isSummaryItem, type SummaryItem, writeSummaryItem } from './summary-item.ts'

/** UIDs that share all but their lowest bits are kept together. */
const groupShift = 5
/** So many are read and rendered at a time: some milliseconds even before the code is compiled. */
const fillCount = 64

interface Group {
  readonly number: number
  readonly end: number
}

/** Sends items that stand in columns and summaries; what was rendered before, by any session, is copied. */
export class SummaryAnswer {
  answered = 0
  /** Of messages that could not be read. */
  damage: StoreError | undefined
  readonly #session: SelectedSession
  readonly #output: FetchOutput
  readonly #items: readonly SummaryItem[]
  readonly #signature: number | undefined
  readonly #message = new MessageView()
  readonly #selections = new FieldSelections()
  readonly #scratch = new ResponseWriter()
  readonly #turn = new OwnTurn()
  /** Read for the groups that come next; undefined: has a message whose header must be read. */
  #filled = new Map<number, RenderedRows | undefined>()

  constructor(session: SelectedSession, output: FetchOutput) {
    this.#session = session
    this.#output = output
    this.#items = output.items.filter(isSummaryItem)
    this.#signature = session.services.rendered.signature(this.#items.map(nameOf).join(' '))
  }

  /** @param directly answers what cannot be answered from summaries alone; UIDs ascending */
  async batch(batch: MessageBatch, directly: (uids: Uint32Array) => Promise<void>): Promise<void> {
    let at = 0
    while (at < batch.uids.length && !this.#session.gone) {
      const group = groupAt(batch.uids, at)
      let rows = this.#known(batch, at, group)
      if (rows === undefined) {
        if (!this.#filled.has(group.number)) {
          await this.#turn.pass()
          await this.#fill(batch, at)
        }
        rows = this.#filled.get(group.number)
        if (rows === undefined && this.#filled.has(group.number)) {
          await directly(batch.uids.subarray(at, group.end))
        }
      }
      if (rows !== undefined) this.#write(batch, at, group.end, rows)
      if (this.#output.full) await this.#output.flush()
      at = group.end
    }
    this.#filled.clear()
  }

  #known(batch: MessageBatch, from: number, group: Group): RenderedRows | undefined {
    const rows = this.#session.services.rendered.find(this.#key(group.number))
    if (rows === undefined) return undefined
    const { messageIds } = batch.facts!
    let row = 0
    for (let at = from; at < group.end; at++, row++) {
      while (row < rows.messageIds.length && rows.messageIds[row] !== messageIds[at]) row++
      if (row === rows.messageIds.length) return undefined
    }
    return rows
  }

  #key(group: number): string {
    return `${this.#signature} ${this.#session.mailbox.id} ${group}`
  }

  #write(batch: MessageBatch, from: number, to: number, rows: RenderedRows): void {
    const { messageIds } = batch.facts!
    let row = 0
    for (let at = from; at < to; at++) {
      let found = row
      while (found < rows.messageIds.length && rows.messageIds[found] !== messageIds[at]) found++
      // Expunged meanwhile, by somebody else.
      if (found === rows.messageIds.length) continue
      row = found
      const sequence = this.#output.sequenceOf(batch.uids[at]!)
      if (sequence !== 0) this.#writeOne(batch, at, sequence, rows, row)
    }
  }

  #writeOne(batch: MessageBatch, at: number, sequence: number, rows: RenderedRows, row: number): void {
    const output = this.#output
    const { writer, items } = output
    this.answered++
    output.begin(sequence)
    let end = row * this.#items.length
    for (let index = 0; index < items.length; index++) {
      if (index > 0) writer.text(' ')
      const item = items[index]!
      if (isSummaryItem(item)) {
        writer.span(rows.octets, end === 0 ? 0 : rows.ends[end - 1]!, rows.ends[end]!)
        end++
      } else output.writeColumn(item, batch, at)
    }
    output.endCopied()
  }

  /** Reads and renders the group at `from` and those after it that are not known. */
  async #fill(batch: MessageBatch, from: number): Promise<void> {
    const { store, mailbox } = this.#session
    const wanted: number[] = []
    this.#filled = new Map()
    for (let at = from; at < batch.uids.length && wanted.length < fillCount; ) {
      const group = groupAt(batch.uids, at)
      if (at === from || this.#known(batch, at, group) === undefined) {
        for (; at < group.end; at++) wanted.push(batch.uids[at]!)
        this.#filled.set(group.number, noRows)
      }
      at = group.end
    }
    const want = { facts: true, summary: true } as const
    for await (const found of this.#readable(
      store.messages.fetch(mailbox.id, Uint32Array.from(wanted), want),
    )) {
      for (let at = 0; at < found.uids.length; ) {
        const group = groupAt(found.uids, at)
        // The store's batches end where they like, in the middle of a group too.
        const former = this.#filled.get(group.number)
        const rows = joinedRows(former, this.#render(found, at, group.end))
        this.#filled.set(group.number, rows)
        if (rows !== undefined) this.#keep(group.number, rows)
        at = group.end
      }
    }
  }

  /** A damaged message must not end the answer: the others come first. */
  async *#readable(batches: AsyncIterable<MessageBatch>): AsyncGenerator<MessageBatch> {
    try {
      yield* batches
    } catch (error) {
      if (!(error instanceof StoreError && error.kind === 'corrupt')) throw error
      this.damage = error
    }
  }

  #keep(group: number, rows: RenderedRows): void {
    if (this.#signature !== undefined) this.#session.services.rendered.put(this.#key(group), rows)
  }

  #render(batch: MessageBatch, from: number, to: number): RenderedRows | undefined {
    const scratch = this.#scratch
    const message = this.#message
    const facts = batch.facts!
    const ends = new Uint32Array((to - from) * this.#items.length)
    let end = 0
    scratch.rewind(0)
    for (let at = from; at < to; at++) {
      message.open(batch.summaries![at], batch.prefixes?.[at], facts.sizeBytes[at]!)
      if (!message.hasFields) return undefined
      for (const item of this.#items) {
        writeSummaryItem(scratch, item, message, this.#selections)
        ends[end++] = scratch.length
      }
    }
    return { messageIds: facts.messageIds.slice(from, to), ends, octets: ownCopy(scratch.written(0)) }
  }
}

const noRows: RenderedRows = {
  messageIds: new Float64Array(0),
  ends: new Uint32Array(0),
  octets: Buffer.alloc(0),
}

function joinedRows(
  first: RenderedRows | undefined,
  second: RenderedRows | undefined,
): RenderedRows | undefined {
  if (first === undefined || second === undefined) return undefined
  if (first.messageIds.length === 0) return second
  const { length } = first.octets
  return {
    messageIds: Float64Array.of(...first.messageIds, ...second.messageIds),
    ends: Uint32Array.of(...first.ends, ...second.ends.map((end) => end + length)),
    octets: ownCopy(Buffer.concat([first.octets, second.octets])),
  }
}

/** Not of Node's shared pool, which would be kept alive as a whole. */
function ownCopy(octets: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(octets.length)
  octets.copy(copy)
  return copy
}

function groupAt(uids: Uint32Array, at: number): Group {
  const number = uids[at]! >>> groupShift
  let end = at + 1
  while (end < uids.length && uids[end]! >>> groupShift === number) end++
  return { number, end }
}

/** All that the octets of an item depend on. */
function nameOf(item: SummaryItem): string {
  if (item.kind !== 'section') return item.kind
  const { section, label, partial } = item
  return `${label} ${section.what} ${[...section.names].join()} ${partial?.start}+${partial?.length}`
}

import type { Listing, ListingColumn, MessageBatch } from '@posthorn/storage'
import { envelopeAndStructure, type ListedItem, listedItem } from '../listing/listed-items.ts'
import type { SelectedSession } from '../session/session.ts'
import type { FetchItem } from '../wire/fetch-items.ts'
import type { FetchOutput } from './fetch-output.ts'

type Write = (batch: MessageBatch, row: number) => void

/** Sends what stands in columns and listings: nothing but copies. */
export class ListedAnswer {
  answered = 0
  /** Of the store's listings. */
  readonly columns: readonly ListingColumn[]
  readonly #session: SelectedSession
  readonly #output: FetchOutput
  readonly #writes: readonly Write[]

  private constructor(session: SelectedSession, output: FetchOutput, columns: readonly ListingColumn[]) {
    this.#session = session
    this.#output = output
    this.columns = columns
    this.#writes = this.#plan(output.items)
  }

  /** undefined: some item needs more than the listings. */
  static for(session: SelectedSession, output: FetchOutput): ListedAnswer | undefined {
    const columns = new Set<ListingColumn>()
    for (const item of output.items) {
      if (!inSummaries.has(item.kind)) continue
      const listed = listedItem(item)
      if (listed === undefined) return undefined
      columns.add(listed.column)
    }
    return new ListedAnswer(session, output, [...columns])
  }

  /** @param otherwise answers messages without listing; UIDs ascending */
  async batch(batch: MessageBatch, otherwise: (batch: MessageBatch) => Promise<void>): Promise<void> {
    const { length } = batch.uids
    for (let at = 0; at < length && !this.#session.gone; ) {
      if (!this.#has(batch, at)) {
        const from = at
        while (at < length && !this.#has(batch, at)) at++
        await otherwise(slice(batch, from, at))
        continue
      }
      this.#write(batch, at++)
      if (this.#output.full) await this.#output.flush()
    }
  }

  #has({ listing }: MessageBatch, row: number): boolean {
    if (listing === undefined) return false
    for (let index = 0; index < listing.length; index++) {
      const { starts, ends } = listing[index]!
      if (starts[row] === ends[row]) return false
    }
    return true
  }

  #write(batch: MessageBatch, row: number): void {
    const output = this.#output
    const sequence = output.sequenceOf(batch.uids[row]!)
    if (sequence === 0) return
    this.answered++
    output.begin(sequence)
    const writes = this.#writes
    for (let index = 0; index < writes.length; index++) {
      if (index > 0) output.writer.text(' ')
      writes[index]!(batch, row)
    }
    output.endCopied()
  }

  #plan(items: readonly FetchItem[]): Write[] {
    const writes: Write[] = []
    for (let at = 0; at < items.length; at++) {
      const item = items[at]!
      if (item.kind === 'envelope' && items[at + 1]?.kind === 'body-structure') {
        writes.push(this.#listed(envelopeAndStructure))
        at++
        continue
      }
      const listed = listedItem(item)
      writes.push(
        listed === undefined
          ? (batch, row) => this.#output.writeColumn(item, batch, row)
          : this.#listed(listed),
      )
    }
    return writes
  }

  #listed({ column, write }: ListedItem): Write {
    const at = this.columns.indexOf(column)
    const { writer } = this.#output
    return ({ listing }, row) => write(writer, (listing as readonly Listing[])[at]!, row)
  }
}

const inSummaries: ReadonlySet<FetchItem['kind']> = new Set(['section', 'envelope', 'body', 'body-structure'])

function slice(
  { uids, flags0, flags1, modSeqs, facts }: MessageBatch,
  from: number,
  to: number,
): MessageBatch {
  return {
    uids: uids.subarray(from, to),
    flags0: flags0.subarray(from, to),
    flags1: flags1.subarray(from, to),
    modSeqs: modSeqs.subarray(from, to),
    ...(facts && {
      facts: {
        messageIds: facts.messageIds.subarray(from, to),
        sizeBytes: facts.sizeBytes.subarray(from, to),
        internalDatesMs: facts.internalDatesMs.subarray(from, to),
        saveDatesMs: facts.saveDatesMs.subarray(from, to),
      },
    }),
  }
}

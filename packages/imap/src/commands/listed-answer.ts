import type { ListingColumn, MessageBatch } from '@posthorn/storage'
import type { SelectedSession } from '../session/session.ts'
import type { FetchOutput } from './fetch-output.ts'
import { ListedRows } from './listed-rows.ts'

/** Sends what stands in columns and listings. */
export class ListedAnswer {
  readonly #session: SelectedSession
  readonly #output: FetchOutput
  readonly #rows: ListedRows

  private constructor(session: SelectedSession, output: FetchOutput, rows: ListedRows) {
    this.#session = session
    this.#output = output
    this.#rows = rows
  }

  /** undefined: some item needs more than the listings. */
  static for(session: SelectedSession, output: FetchOutput): ListedAnswer | undefined {
    const form = session.enabled('UIDONLY') ? 'uid-only' : 'numbered'
    const rows = ListedRows.for(output.items, session.mailbox, form)
    return rows && new ListedAnswer(session, output, rows)
  }

  get answered(): number {
    return this.#rows.answered
  }

  /** Of the store's listings. */
  get columns(): readonly ListingColumn[] {
    return this.#rows.columns
  }

  /** @param otherwise answers messages without listing; UIDs ascending */
  async batch(batch: MessageBatch, otherwise: (batch: MessageBatch) => Promise<void>): Promise<void> {
    const rows = this.#rows
    const { length } = batch.uids
    for (let at = 0; at < length; ) {
      at = await this.#output.writeListed(rows, batch, at)
      if (this.#session.gone) return
      const from = at
      while (at < length && rows.roomFor(batch, at) === 0) at++
      if (at > from) await otherwise(slice(batch, from, at))
    }
  }
}

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

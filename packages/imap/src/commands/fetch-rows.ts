import type { MessageBatch } from '@posthorn/storage'
import type { FetchRow } from './fetch-output.ts'
import type { MessageView } from './message-view.ts'

/** The rows of a batch, with the flags as they are after this command's own change. */
export class FetchRows {
  readonly batch: MessageBatch
  readonly #marked: MessageBatch | undefined
  readonly #message: MessageView
  #markedAt = 0

  constructor(batch: MessageBatch, marked: MessageBatch | undefined, message: MessageView) {
    this.batch = batch
    this.#marked = marked
    this.#message = message
  }

  get length(): number {
    return this.batch.uids.length
  }

  /** Ask in ascending order; the row before is not valid any more. */
  row(at: number): FetchRow {
    const { batch } = this
    const message = this.#message
    const nul = batch.noNul?.[at] === 1 ? 'no-nul' : 'may-have-nul'
    message.open(batch.summaries?.[at], batch.prefixes?.[at], batch.facts!.sizeBytes[at]!, nul)
    const uid = batch.uids[at]!
    const place = this.#markedPlace(uid)
    const { flags0, flags1, modSeqs } = place < 0 ? batch : this.#marked!
    const from = place < 0 ? at : place
    const [word0, word1, modSeq] = [flags0[from]!, flags1[from]!, modSeqs[from]!]
    return { batch, at, uid, flags0: word0, flags1: word1, modSeq, marked: place >= 0, message }
  }

  #markedPlace(uid: number): number {
    const marked = this.#marked
    if (marked === undefined) return -1
    while (marked.uids[this.#markedAt]! < uid) this.#markedAt++
    return marked.uids[this.#markedAt] === uid ? this.#markedAt : -1
  }
}

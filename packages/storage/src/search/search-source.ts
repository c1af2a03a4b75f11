import type { FetchWant, MessageBatch } from '../contract.ts'

/** What a search reads of one mailbox. */
export interface SearchSource {
  /** All UIDs, ascending. */
  readonly uids: Uint32Array
  /** `Mailbox.keywords`. */
  readonly keywords: readonly string[]
  /** As MessageStore.fetch: batches ascending by UID, missing messages left out. */
  fetch(uids: Uint32Array, want: FetchWant): AsyncIterable<MessageBatch>
}

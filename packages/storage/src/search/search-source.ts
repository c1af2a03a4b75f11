import type { FetchWant, MessageBatch, Uid } from '../contract.ts'
import type { KeptText } from '../texts/kept-message-texts.ts'
import type { TextNeedle } from '../texts/needle.ts'
import type { HeaderColumn } from './header-columns.ts'
import type { ReadKind } from './read-candidates.ts'
import type { SharedReading } from './shared-reading.ts'

export interface StoredBatch {
  readonly batch: MessageBatch
  /** See `answer`. */
  readonly answers: readonly Uint8Array[]
  /** The kept texts of some of the rows (ascending), of those that have any. */
  readonly texts: (rows: readonly number[]) => AsyncIterable<StoredTexts>
}

export interface StoredTexts {
  readonly row: number
  readonly texts: readonly KeptText[]
}

/** What a search reads of one mailbox. */
export interface SearchSource {
  /** All UIDs, ascending. */
  readonly uids: Uint32Array
  /** `Mailbox.keywords`. */
  readonly keywords: readonly string[]
  /** As MessageStore.fetch: batches ascending by UID, missing messages left out. */
  fetch(uids: Uint32Array, want: FetchWant): AsyncIterable<MessageBatch> | Iterable<MessageBatch>
  /** As MessageStore.read: octets [start, end) with the prefix. Without it large messages are fetched whole. */
  readonly read?: (uid: Uid, start: number, end: number) => Promise<Uint8Array | undefined>
  /**
   * What kept texts say of messages, in batches ascending by UID with facts: for each needle an answer for each
   * row. Without it every message is read itself.
   */
  readonly stored?: (
    uids: Uint32Array,
    needles: readonly TextNeedle[],
    signal?: AbortSignal,
  ) => AsyncIterable<StoredBatch>
  /** What reads messages of this mailbox for all searches of it. Without it each one reads for itself. */
  readonly reading?: (kind: ReadKind) => SharedReading
  /** Values of a header field (lower case) that summaries keep, as far as they are known. */
  readonly columnOf?: (name: string) => HeaderColumn | undefined
  /** The name of a message's conversation, of messages that have one. */
  readonly conversationOf?: (messageId: number) => string | undefined
}

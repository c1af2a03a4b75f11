import type { MessageId, ModSeq, Uid } from './ids.ts'

/** Neutral search tree (RFC 9051 §6.4.4, RFC 5032, RFC 7162 §3.1.5). Texts are Unicode. */
export type SearchCriteria =
  | { readonly kind: 'all' }
  | { readonly kind: 'and' | 'or'; readonly of: readonly SearchCriteria[] }
  | { readonly kind: 'not'; readonly of: SearchCriteria }
  /** Sorted, non-overlapping [from, to] pairs, inclusive. */
  | { readonly kind: 'uids'; readonly ranges: readonly (readonly [number, number])[] }
  | { readonly kind: 'flag'; readonly mask: number }
  /** RFC 8474 §6 EMAILID. */
  | { readonly kind: 'message-id'; readonly messageId: MessageId }
  /** RFC 8474 §6 THREADID: a name of `MessageBatch.conversations`. */
  | { readonly kind: 'conversation'; readonly id: string }
  | { readonly kind: 'keyword'; readonly name: string }
  | { readonly kind: 'recent'; readonly since: Uid }
  /** Words that stand in a text about so (RFC 6203); `name` lower case, of field 'header' only. */
  | {
      readonly kind: 'fuzzy'
      readonly field: 'header' | 'body' | 'text'
      readonly name: string
      readonly value: string
    }
  /** Decoded header substring; `name` lower case; '' value = field present. */
  | { readonly kind: 'header'; readonly name: string; readonly value: string }
  | { readonly kind: 'body' | 'text'; readonly value: string }
  | { readonly kind: 'larger' | 'smaller'; readonly sizeBytes: number }
  /** INTERNALDATE, SAVEDATE in ms since 1970, half-open [fromMs, toMs). */
  | { readonly kind: 'internal-date' | 'save-date'; readonly fromMs: number; readonly toMs: number }
  /** Calendar date of the Date header, its own zone disregarded: days since 1970, half-open. */
  | { readonly kind: 'sent-date'; readonly fromDay: number; readonly toDay: number }
  | { readonly kind: 'modseq'; readonly atLeast: ModSeq }

export interface SearchFound {
  readonly uids: Uint32Array
  /** Highest MODSEQ among the found (RFC 7162 §3.1.5). */
  readonly highestModSeq: ModSeq
  /** With 'fuzzy' among the criteria: how well each of `uids` fits, 1 to 100. */
  readonly scores?: Uint8Array
}

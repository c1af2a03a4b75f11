import type { FlagChange, FlagMask, Flags } from './flags.ts'
import type { MailboxId, MessageId, ModSeq, Uid } from './ids.ts'
import type { Mailbox } from './mailboxes.ts'
import type { SearchCriteria, SearchFound } from './search.ts'

/** A message being received; bytes go to disk as they come. Not durable and invisible until placed. */
export interface MessageWriter {
  /**
   * Returns a promise only when the caller should wait (back-pressure).
   * @param octets 'given': the caller will not change or use them again, so they are not copied
   */
  write(chunk: Uint8Array, octets?: 'lent' | 'given'): Promise<void> | undefined
  readonly sizeBytes: number
  /** Completes the frame. The result must be placed (append, accept) or aborted. */
  finish(): Promise<StagedMessage>
  abort(): Promise<void>
}

/** Complete octets with their summary (envelope fields, MIME structure), waiting to be placed. */
export interface StagedMessage {
  readonly sizeBytes: number
  /** Encoded by @posthorn/mail `encodeSummary`. */
  readonly summary: Uint8Array
  /** CRs and LFs that do not stand together. */
  readonly missingOctets: number
  /** The message while it is in memory, before it is placed; undefined: it is not, or not any more. */
  octets(): readonly Uint8Array[] | undefined
  abort(): Promise<void>
}

export interface AppendItem {
  readonly message: StagedMessage
  readonly flags: Flags
  readonly internalDateMs: number
  /** The UID it had on another server; used when it is not below UIDNEXT, else the next one is. */
  readonly uid?: Uid
}

export interface Placed {
  readonly mailbox: MailboxId
  readonly uidValidity: number
  readonly uid: Uid
  readonly modSeq: ModSeq
  readonly messageId: MessageId
}

/** What `fetch` should bring beside uids, flags and modSeqs. */
export interface FetchWant {
  readonly facts?: true
  /** The names of their conversations; where some have none yet, they are given first. Brings `facts`. */
  readonly conversation?: true
  /** The compact summary (decode with @posthorn/mail `decodeSummary`). */
  readonly summary?: true
  /** 'header': prefix + header block with its empty line; 'all': every octet. */
  readonly bytes?: 'header' | 'all'
  /** Columns of what `StoreOptions.listing` makes. */
  readonly listing?: readonly ListingColumn[]
  /** With `bytes: 'all'`: a message of more octets (prefix included) comes with none. */
  readonly maxBytes?: number
  /**
   * With `bytes: 'all'`: how many octets of a message, from the first one of its prefix on, are needed; it may come with
   * more. Asked of some messages only, before their octets are read. `summary` is missing where it is not wanted, or kept
   * elsewhere.
   */
  readonly upTo?: (summary: Uint8Array | undefined, prefix: Uint8Array, sizeBytes: number) => number
  /**
   * Asked before each batch but the first: true = nobody needs the `bytes` of this batch (0 = the first) and of those
   * before it any more, and their memory is used again.
   */
  readonly memoryIsFree?: (batch: number) => boolean
  /** With `bytes: 'all'` and `memoryIsFree`: batches may have `together` in place of `bytes` and `prefixes`. */
  readonly together?: true
  /** With `memoryIsFree`: about how many octets a batch has; 1 MB by default. */
  readonly batchBytes?: number
}

export type ListingColumn = 0 | 1

/** What is kept of one message, by column. */
export type ListedOctets = readonly [Uint8Array, Uint8Array]

/** One column: row r is octets [starts[r], ends[r]); none: not made yet, or nothing is kept of this message. */
export interface Listing {
  readonly octets: Buffer
  readonly starts: Uint32Array
  readonly ends: Uint32Array
}

/**
 * Whole messages in one piece of memory, in order: row r is octets [starts[r], ends[r]), prefix included. All of the
 * memory is the reader's to write over, what lies between two messages, too.
 */
export interface OctetsTogether {
  readonly memory: Buffer
  readonly starts: Uint32Array
  readonly ends: Uint32Array
}

/** Column arrays of the same length, ascending by UID. Views may be shared: never modify them. */
export interface MessageBatch {
  readonly uids: Uint32Array
  readonly flags0: Uint32Array
  readonly flags1: Uint32Array
  readonly modSeqs: Float64Array
  /** Present with `facts`, `summary`, `bytes` or `listing`. Sizes include the trace prefix. */
  readonly facts?: {
    readonly messageIds: Float64Array
    readonly sizeBytes: Float64Array
    readonly internalDatesMs: Float64Array
    readonly saveDatesMs: Float64Array
  }
  /**
   * With `conversation`: the same name for all messages that belong together, for ever. undefined: gone meanwhile.
   * RFC 8474 §5.2.
   */
  readonly conversations?: readonly (string | undefined)[]
  /** Trace fields put before the body at delivery (Return-Path, Delivered-To …), '' length when none. */
  readonly prefixes?: readonly Uint8Array[]
  readonly summaries?: readonly Uint8Array[]
  /** With `bytes`: prefix included; '' length for a message above `maxBytes`. */
  readonly bytes?: readonly Uint8Array[]
  readonly together?: OctetsTogether
  /** With `bytes` or `together`: 1 for a message that is known to have no NUL. */
  readonly noNul?: Uint8Array
  /** With `listing`: its columns, valid until the next batch is asked for. */
  readonly listing?: readonly Listing[]
}

/** Of a quick reader. */
export interface QuickMessage {
  /** All of it, prefix included, verified: valid until any quick reader of the store reads again. */
  readonly octets: Uint8Array
  /**
   * From here on no octet need be looked at to send it with dots stuffed (RFC 1939 §3): there is no NUL, each line ends
   * with CRLF and none begins with a dot. Its length where that is not known.
   */
  readonly plainFrom: number
}

/** In the order of the UIDs asked for, prefix included, 0 for a message that is gone. */
export interface MessageSizes {
  readonly stored: Float64Array
  /** With CRLF at the end of each line that has an end (RFC 1939 §11); the same array when no message is sent otherwise. */
  readonly sent: Float64Array
}

/** Reads messages at once, as long as memory has what the disk has. */
export interface QuickReader {
  /** undefined: messages are to be read for that, see `sizesInTurns`. */
  sizes(): MessageSizes | undefined
  /** In turns of the event loop: 100,000 take 40 ms, where no message has hundreds of lines that end with LF alone. */
  sizesInTurns(): Promise<MessageSizes>
  /**
   * The message at `index`. undefined: more than `maxBytes`, gone, damaged, or the disk is slow just now; `read`
   * knows more. What went a moment ago may still be there.
   */
  read(index: number, maxBytes: number): QuickMessage | undefined
}

/** The mailbox as one session sees it: shared and immutable. */
export interface MailboxView {
  readonly mailbox: Mailbox
  readonly uids: Uint32Array
  readonly modSeq: ModSeq
  /** UID of the first message without \Seen, or undefined. */
  readonly firstUnseen: Uid | undefined
}

/** What happened in a mailbox after a MODSEQ. `vanished` ascending; `changed` includes new messages. */
export interface MailboxChanges {
  readonly modSeq: ModSeq
  readonly uidNext: Uid
  readonly keywords: readonly string[]
  readonly changed: MessageBatch
  readonly vanished: Uint32Array
  /** False when history was pruned: `vanished` then names every UID below uidNext that is not there. */
  readonly complete: boolean
  /** All UIDs now present. Shared, immutable. */
  readonly uids: Uint32Array
}

export interface FlagsChanged {
  /** The messages addressed, with their flags and MODSEQ as they now are (one already so keeps its MODSEQ). */
  readonly changed: MessageBatch
  /** Of `changed`: the MODSEQ of each message before this change. */
  readonly formerModSeqs: Float64Array
  /** UIDs refused by `unchangedSince`. */
  readonly modified: Uint32Array
  readonly keywords: readonly string[]
  /** The mailbox's MODSEQ before and behind it; undefined: others changed the mailbox between its parts. */
  readonly span: ModSeqSpan | undefined
}

export interface ModSeqSpan {
  readonly from: ModSeq
  readonly to: ModSeq
}

export interface Copied {
  readonly uidValidity: number
  readonly from: Uint32Array
  readonly to: Uint32Array
}

export interface Moved extends Copied {
  /** Of the source. */
  readonly modSeq: ModSeq
  /** Of the given UIDs, those behind the place where the signal ended it. */
  readonly leftCount: number
}

export interface MessageStore {
  stage(): MessageWriter
  /** All or nothing (RFC 3502). Durable on return. */
  append(mailbox: MailboxId, items: readonly AppendItem[]): Promise<readonly Placed[]>
  view(mailbox: MailboxId): Promise<MailboxView>
  /** HIGHESTMODSEQ as it is now, without waiting; undefined: there is no such mailbox, or its row is damaged. */
  modSeqNow(mailbox: MailboxId): ModSeq | undefined
  /** `Mailbox.keywords` as they are now, without waiting; undefined: their row is damaged. */
  keywordsNow(mailbox: MailboxId): readonly string[] | undefined
  /**
   * `uids` ascending; missing ones are left out. Batches are bounded in count and octets. Messages whose octets or
   * rows are damaged are left out, too: after the others it throws StoreError 'corrupt'.
   */
  fetch(mailbox: MailboxId, uids: Uint32Array, want: FetchWant): AsyncIterable<MessageBatch>
  /**
   * As `fetch` of few messages, without waiting. All of it is valid until any reader of this store reads at once again;
   * octets come with one message at a time only. undefined: one is gone, damaged, more than `maxBytes`, something takes
   * longer (conversations, headers alone), or octets are not in memory; `fetch` knows more.
   */
  fetchNow(mailbox: MailboxId, uids: Uint32Array, want: FetchWant): MessageBatch | undefined
  /**
   * Octets [start, end) of one message, prefix included. undefined when it is gone. They may lie in `into`, where that
   * is long enough for them.
   */
  read(
    mailbox: MailboxId,
    uid: Uid,
    start?: number,
    end?: number,
    into?: Buffer,
  ): Promise<Uint8Array | undefined>
  /** For one who goes through messages one by one and would lose more by waiting than by reading. */
  quickReader(mailbox: MailboxId, uids: Uint32Array): QuickReader
  /** The signal ends it early: throws its reason, and each message is changed or left as it is. */
  changeFlags(
    mailbox: MailboxId,
    uids: Uint32Array,
    change: FlagChange,
    signal?: AbortSignal,
  ): Promise<FlagsChanged>
  /** All or nothing, INTERNALDATE kept, and of the flags those `within`. Throws the signal's reason: nothing was copied. */
  copy(
    from: MailboxId,
    uids: Uint32Array,
    to: MailboxId,
    within?: FlagMask,
    signal?: AbortSignal,
  ): Promise<Copied>
  /** Each message is moved or left as it is. The signal ends it early: the answer has what was moved by then. */
  move(
    from: MailboxId,
    uids: Uint32Array,
    to: MailboxId,
    within?: FlagMask,
    signal?: AbortSignal,
  ): Promise<Moved>
  /** The message goes, the new one comes (RFC 8508): one unit. Throws 'no-such-message'. */
  replace(from: MailboxId, uid: Uid, to: MailboxId, item: AppendItem): Promise<Placed>
  /** Removes those of `uids` (all when undefined) that carry \Deleted. The signal ends it early: throws its reason. */
  expunge(
    mailbox: MailboxId,
    uids?: Uint32Array,
    signal?: AbortSignal,
  ): Promise<{ readonly uids: Uint32Array; readonly modSeq: ModSeq }>
  /** Removes the given messages whatever their flags (POP3 UPDATE). */
  discard(
    mailbox: MailboxId,
    uids: Uint32Array,
  ): Promise<{ readonly uids: Uint32Array; readonly modSeq: ModSeq }>
  /** As of now. Rejects with 'no-such-mailbox'. */
  highestModSeq(mailbox: MailboxId): Promise<ModSeq>
  changesSince(mailbox: MailboxId, modSeq: ModSeq): Promise<MailboxChanges>
  search(mailbox: MailboxId, criteria: SearchCriteria, signal?: AbortSignal): Promise<SearchFound>
}

import type { MailboxId, ModSeq } from '@posthorn/storage'
import type { SelectedSession } from '../session/session.ts'
import type { FetchItem } from '../wire/fetch-items.ts'

/** Fewer are made as quickly, see `answerPage`. */
const minRows = 128
/** Parts of mailboxes that were asked for last. */
const maxParts = 64
/** One mailbox of 40,000 messages, or several smaller ones. */
const defaultMaxBytes = 4 * 1024 * 1024

interface Entry {
  /** Of the mailbox, when the answer was made. */
  readonly modSeq: ModSeq
  /** The mailbox as its client knew it. */
  readonly uids: Uint32Array
  readonly keywords: readonly string[]
  readonly octets: Buffer
}

/**
 * Answers to `FETCH 1:* (UID FLAGS)` and their like, for all sessions of a process: clients poll, and mostly nothing has
 * changed. An answer is that of a state of the mailbox: whatever changes in it raises its HIGHESTMODSEQ (RFC 7162
 * §3.1.1), and numbers are those of one array of UIDs, which sessions share. The ones used longest ago make room.
 */
export class KeptRows {
  readonly #maxBytes: number
  readonly #entries = new Map<string, Entry>()
  readonly #parts = new Set<string>()
  #bytes = 0

  constructor(maxBytes = defaultMaxBytes) {
    this.#maxBytes = maxBytes
  }

  get sizeBytes(): number {
    return this.#bytes
  }

  /**
   * Only for items that are the same for everybody who may read the mailbox.
   * @param uids of the session's mailbox; undefined when they are too few, or not neighbours
   */
  ask(session: SelectedSession, items: readonly FetchItem[], uids: Uint32Array): RowsAsked | undefined {
    const { mailbox } = session
    const known = mailbox.uids
    if (uids.length < minRows || uids.buffer !== known.buffer) return undefined
    const modSeq = session.store.messages.modSeqNow(mailbox.id)
    if (modSeq === undefined) return undefined
    const first = (uids.byteOffset - known.byteOffset) / known.BYTES_PER_ELEMENT
    const key = `${mailbox.id} ${first} ${uids.length} ${items.map(({ kind }) => kind).join(' ')}`
    if (uids.length < known.length && !this.#wasAsked(key)) return undefined
    return new RowsAsked(this, session, { key, modSeq, uids: known, keywords: mailbox.keywords })
  }

  /** Few ask for the same part of a mailbox again: it is kept from the second time on. */
  #wasAsked(part: string): boolean {
    const before = this.#parts.delete(part)
    this.#parts.add(part)
    if (this.#parts.size <= maxParts) return before
    for (const oldest of this.#parts) {
      this.#parts.delete(oldest)
      break
    }
    return before
  }

  find({ key, modSeq, uids, keywords }: Question): Buffer | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    if (entry.modSeq !== modSeq || entry.uids !== uids || !sameNames(entry.keywords, keywords))
      return undefined
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    return entry.octets
  }

  /** Longer answers are not kept. */
  get mostBytes(): number {
    return this.#maxBytes / 2
  }

  put({ key, ...of }: Question, octets: Buffer): void {
    const former = this.#entries.get(key)
    if (former !== undefined) this.#drop(key, former)
    const entry = { ...of, octets }
    this.#entries.set(key, entry)
    this.#bytes += sizeOf(entry)
    for (const [oldest, each] of this.#entries) {
      if (this.#bytes <= this.#maxBytes) break
      this.#drop(oldest, each)
    }
  }

  #drop(key: string, entry: Entry): void {
    this.#entries.delete(key)
    this.#bytes -= sizeOf(entry)
  }
}

/** Asked in a state of the mailbox. */
export interface Question extends Omit<Entry, 'octets'> {
  readonly key: string
}

/** One command's question: its answer is there, or is kept when it has been made. */
export class RowsAsked {
  readonly mailbox: MailboxId
  readonly #kept: KeptRows
  readonly #session: SelectedSession
  readonly #opened: SelectedSession['mailbox']
  readonly #question: Question
  #pieces: Buffer[] = []
  #rows = 0
  #bytes = 0

  constructor(kept: KeptRows, session: SelectedSession, question: Question) {
    this.mailbox = session.mailbox.id
    this.#kept = kept
    this.#session = session
    this.#opened = session.mailbox
    this.#question = question
  }

  /** Shared: never modify. */
  known(): Buffer | undefined {
    return this.#kept.find(this.#question)
  }

  /** What was sent, piece after piece. It is copied. */
  sent(octets: Buffer, rows: number): void {
    this.#rows += rows
    this.#bytes += octets.length
    if (this.#bytes <= this.#kept.mostBytes) this.#pieces.push(Buffer.from(octets))
    else this.#pieces = []
  }

  /** Keeps it, if it is one state of the mailbox. @param rows that there should be */
  complete(rows: number): void {
    if (this.#rows !== rows || this.#bytes > this.#kept.mostBytes) return
    if (this.#session.store.messages.modSeqNow(this.mailbox) !== this.#question.modSeq) return
    // Keywords were learnt on the way: others would get them before the FLAGS response that names them.
    if (this.#opened.keywords !== this.#question.keywords) return
    const octets = Buffer.allocUnsafeSlow(this.#bytes)
    let end = 0
    for (const piece of this.#pieces) end += piece.copy(octets, end)
    this.#kept.put(this.#question, octets)
  }
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a === b || (a.length === b.length && a.every((name, at) => name === b[at]))
}

/** What an entry costs beside its octets. */
const entryBytes = 400

function sizeOf({ octets, uids }: Entry): number {
  return octets.length + uids.byteLength + entryBytes
}

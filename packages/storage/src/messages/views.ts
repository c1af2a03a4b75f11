import { type Mailbox, type MailboxView, type ModSeq, systemFlag, type Uid } from '../contract.ts'
import type { Reader } from '../kv/unit.ts'
import { at, chunkHeadBytes, chunkRows, placementBytes } from '../rows/chunk.ts'
import { expungedSince } from '../rows/expunged-row.ts'

interface CachedView {
  /** As the mailbox was at this MODSEQ, or later. */
  readonly modSeq: number
  readonly uidNext: number
  readonly uids: Uint32Array
}

/** Octets of UID arrays that one process keeps. */
const maxCachedBytes = 64 * 1024 * 1024
/** What an entry costs beside its UIDs: that of an empty mailbox, too. */
const entryBytes = 400

/** What a view needs to know of a mailbox. */
interface Counted {
  readonly id: number
  readonly highestModSeq: number
  readonly messages: number
  readonly unseen: number
  readonly uidNext: number
  readonly historyFloor: number
}

/** UIDs of mailboxes, shared by all sessions: one array for each mailbox and MODSEQ. */
export class ViewCache {
  readonly #views = new Map<number, CachedView>()
  /** First messages without \Seen, by mailbox. */
  readonly #unseen = new Map<number, { readonly modSeq: number; readonly uid: Uid | undefined }>()
  readonly #preparing = new Map<number, Promise<void>>()
  readonly #partUids: number
  #octets = 0

  /** @param partUids larger mailboxes are read in parts of so many UIDs, others are let in between */
  constructor(partUids: number) {
    this.#partUids = partUids
  }

  view(reader: Reader, mailbox: Mailbox, state: Counted): MailboxView {
    const uids = this.uids(reader, state)
    return {
      mailbox,
      uids,
      modSeq: mailbox.highestModSeq as ModSeq,
      firstUnseen: this.#firstUnseen(reader, state),
    }
  }

  /** The UIDs as they are in `reader`: from those that are known, as far as they go. */
  uids(reader: Reader, mailbox: Counted): Uint32Array {
    const cached = this.#views.get(mailbox.id)
    // Nothing came, so nothing went: only flags have changed.
    const known =
      cached?.uidNext === mailbox.uidNext && cached.uids.length === mailbox.messages
        ? cached.uids
        : ((cached && follow(reader, mailbox, cached)) ?? readUids(reader, mailbox))
    this.#keep(mailbox, known)
    return known
  }

  /** Whether the next `uids` costs next to nothing. */
  knows({ id, messages }: Pick<Counted, 'id' | 'messages'>): boolean {
    return messages <= this.#partUids || this.#views.has(id)
  }

  /**
   * Reads the UIDs of a large mailbox in parts, once for all who open it; `uids` adds what changes meanwhile.
   * @param read gives a reader of now for each part
   * @param pause lets others in
   */
  prepare(mailbox: Counted, read: () => Reader, pause: () => Promise<void>): Promise<void> {
    const { id } = mailbox
    const known = this.#preparing.get(id)
    if (known !== undefined) return known
    const preparing = this.#prepare(mailbox, read, pause).finally(() => this.#preparing.delete(id))
    this.#preparing.set(id, preparing)
    return preparing
  }

  async #prepare(mailbox: Counted, read: () => Reader, pause: () => Promise<void>): Promise<void> {
    const found: number[] = []
    for (let from = 1; from < mailbox.uidNext; from += this.#partUids) {
      const last = Math.min(from + this.#partUids, mailbox.uidNext) - 1
      for (const { chunk, bytes } of chunkRows(read(), mailbox.id, from, last)) {
        const first = chunk * 32
        for (let base = chunkHeadBytes; base < bytes.length; base += placementBytes) {
          const uid = first + (bytes[base + at.uidLow] as number)
          if (uid >= from && uid <= last) found.push(uid)
        }
      }
      await pause()
    }
    if (!this.#views.has(mailbox.id)) this.#keep(mailbox, Uint32Array.from(found))
  }

  #keep({ id, highestModSeq, uidNext }: Counted, uids: Uint32Array): void {
    const former = this.#views.get(id)
    this.#octets += sizeOf(uids) - (former === undefined ? 0 : sizeOf(former.uids))
    this.#views.delete(id)
    this.#views.set(id, { modSeq: highestModSeq, uidNext, uids })
    for (const [oldest, view] of this.#views) {
      if (this.#octets <= maxCachedBytes || oldest === id) break
      this.#views.delete(oldest)
      this.#unseen.delete(oldest)
      this.#octets -= sizeOf(view.uids)
    }
  }

  #firstUnseen(reader: Reader, { id, highestModSeq, unseen, uidNext }: Counted): Uid | undefined {
    if (unseen === 0) return undefined
    const known = this.#unseen.get(id)
    if (known?.modSeq === highestModSeq) return known.uid
    const uid = findUnseen(reader, id, uidNext)
    this.#unseen.delete(id)
    this.#unseen.set(id, { modSeq: highestModSeq, uid })
    return uid
  }
}

const sizeOf = (uids: Uint32Array): number => uids.byteLength + entryBytes

/** What came and went since a view was made; undefined when that cannot be told. */
const follow = (reader: Reader, mailbox: Counted, former: CachedView): Uint32Array | undefined => {
  const { id, uidNext, messages, highestModSeq, historyFloor } = mailbox
  if (uidNext < former.uidNext || highestModSeq < former.modSeq || former.modSeq < historyFloor)
    return undefined
  const came: number[] = []
  if (uidNext > former.uidNext) {
    for (const { chunk, bytes } of chunkRows(reader, id, former.uidNext, uidNext - 1))
      for (let base = chunkHeadBytes; base < bytes.length; base += placementBytes) {
        const uid = chunk * 32 + (bytes[base + at.uidLow] as number)
        if (uid >= former.uidNext && uid < uidNext) came.push(uid)
      }
  }
  const stayed =
    former.uids.length + came.length === messages
      ? former.uids
      : without(former.uids, expungedSince(reader, id, former.modSeq))
  if (stayed === undefined || stayed.length + came.length !== messages) return undefined
  const uids = new Uint32Array(messages)
  uids.set(stayed)
  uids.set(came, stayed.length)
  return uids
}

/** Both ascending. */
const without = (uids: Uint32Array, gone: Uint32Array | undefined): Uint32Array | undefined => {
  if (gone === undefined) return undefined
  let next = 0
  return uids.filter((uid) => {
    while ((gone[next] as number) < uid) next++
    return gone[next] !== uid
  })
}

const readUids = (reader: Reader, { id, messages }: Counted): Uint32Array => {
  const uids = new Uint32Array(messages)
  let count = 0
  for (const { chunk, bytes } of chunkRows(reader, id)) {
    if (count === messages) break
    const first = chunk * 32
    for (let base = chunkHeadBytes; base < bytes.length && count < messages; base += placementBytes)
      uids[count++] = first + (bytes[base + at.uidLow] as number)
  }
  return count === messages ? uids : uids.slice(0, count)
}

const findUnseen = (reader: Reader, mailbox: number, uidNext: number): Uid | undefined => {
  for (const { chunk, bytes } of chunkRows(reader, mailbox, 0, uidNext - 1))
    for (let base = chunkHeadBytes; base < bytes.length; base += placementBytes)
      if (((bytes[base + at.flags0 + 3] as number) & systemFlag.seen) === 0)
        return (chunk * 32 + (bytes[base + at.uidLow] as number)) as Uid
  return undefined
}

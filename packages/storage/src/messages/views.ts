import { type Mailbox, type MailboxView, type ModSeq, systemFlag, type Uid } from '../contract.ts'
import type { Reader } from '../kv/unit.ts'
import { at, chunkHeadBytes, chunkRows, placementBytes } from '../rows/chunk.ts'

interface CachedView {
  readonly modSeq: number
  readonly uidNext: number
  readonly uids: Uint32Array
  readonly firstUnseen: Uid | undefined
}

/** Octets of UID arrays that one process keeps. */
const maxCachedBytes = 64 * 1024 * 1024

/** UIDs of mailboxes, shared by all sessions: one array for each mailbox and MODSEQ. */
export class ViewCache {
  readonly #views = new Map<number, CachedView>()
  #octets = 0

  view(reader: Reader, mailbox: Mailbox): MailboxView {
    const { uids, firstUnseen } = this.#cached(reader, mailbox)
    return { mailbox, uids, modSeq: mailbox.highestModSeq as ModSeq, firstUnseen }
  }

  uids(reader: Reader, mailbox: Counted): Uint32Array {
    const cached = this.#views.get(mailbox.id)
    // Nothing came, so nothing went: only flags have changed.
    if (cached?.uidNext === mailbox.uidNext && cached.uids.length === mailbox.messages) return cached.uids
    return this.#cached(reader, mailbox).uids
  }

  #cached(reader: Reader, mailbox: Counted): CachedView {
    const cached = this.#views.get(mailbox.id)
    if (cached?.modSeq === mailbox.highestModSeq) {
      this.#views.delete(mailbox.id)
      this.#views.set(mailbox.id, cached)
      return cached
    }
    const view = build(reader, mailbox, cached?.uids)
    this.#octets += view.uids.byteLength - (cached?.uids.byteLength ?? 0)
    this.#views.delete(mailbox.id)
    this.#views.set(mailbox.id, view)
    for (const [id, oldest] of this.#views) {
      if (this.#octets <= maxCachedBytes || id === mailbox.id) break
      this.#views.delete(id)
      this.#octets -= oldest.uids.byteLength
    }
    return view
  }
}

interface Counted {
  readonly id: number
  readonly highestModSeq: number
  readonly messages: number
  readonly uidNext: number
}

const build = (reader: Reader, mailbox: Counted, former: Uint32Array | undefined): CachedView => {
  const uids = new Uint32Array(mailbox.messages)
  let count = 0
  let firstUnseen: number | undefined
  for (const { chunk, bytes } of chunkRows(reader, mailbox.id)) {
    if (count === uids.length) break
    const first = chunk * 32
    for (let base = chunkHeadBytes; base < bytes.length && count < uids.length; base += placementBytes) {
      const uid = first + (bytes[base + at.uidLow] as number)
      uids[count++] = uid
      if (firstUnseen === undefined && ((bytes[base + at.flags0 + 3] as number) & systemFlag.seen) === 0) {
        firstUnseen = uid
      }
    }
  }
  const built = count === uids.length ? uids : uids.slice(0, count)
  // A change of flags leaves the UIDs as they were: sessions go on sharing one array.
  const same = former !== undefined && former.length === built.length && equal(former, built)
  return {
    modSeq: mailbox.highestModSeq,
    uidNext: mailbox.uidNext,
    uids: same ? former : built,
    firstUnseen: firstUnseen as Uid | undefined,
  }
}

const equal = (a: Uint32Array, b: Uint32Array): boolean =>
  Buffer.from(a.buffer, a.byteOffset, a.byteLength).equals(Buffer.from(b.buffer, b.byteOffset, b.byteLength))

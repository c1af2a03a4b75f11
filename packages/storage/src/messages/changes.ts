import type { MailboxChanges, ModSeq, Uid } from '../contract.ts'
import type { Reader } from '../kv/unit.ts'
import { at, chunkHeadBytes, chunkModSeq, chunkRows, placementBytes } from '../rows/chunk.ts'
import { expungedSince } from '../rows/expunged-row.ts'
import { readKeywords } from '../rows/mailbox-row.ts'
import { ColumnBuilder } from './collect.ts'
import type { OpenMailbox } from './place.ts'
import type { ViewCache } from './views.ts'

const maxCachedAnswers = 256
/** An answer with more messages than this is not kept. */
const maxCachedCount = 2_000

/** "What changed since": computed once for all sessions that stand at the same MODSEQ. */
export class ChangeCache {
  readonly #answers = new Map<string, MailboxChanges>()

  since(reader: Reader, mailbox: OpenMailbox, modSeq: number, views: ViewCache): MailboxChanges {
    const key = `${mailbox.id}:${modSeq}:${mailbox.state.highestModSeq}`
    const known = this.#answers.get(key)
    if (known !== undefined) return known
    const answer = changesSince(reader, mailbox, modSeq, views)
    if (answer.changed.uids.length + answer.vanished.length <= maxCachedCount) {
      this.#answers.set(key, answer)
      for (const oldest of this.#answers.keys()) {
        if (this.#answers.size <= maxCachedAnswers) break
        this.#answers.delete(oldest)
      }
    }
    return answer
  }
}

const changesSince = (
  reader: Reader,
  mailbox: OpenMailbox,
  since: number,
  views: ViewCache,
): MailboxChanges => {
  const { id, state } = mailbox
  const uids = views.uids(reader, { id, highestModSeq: state.highestModSeq, messages: state.messages })
  const complete = since >= state.historyFloor || state.historyFloor === 1
  return {
    modSeq: state.highestModSeq as ModSeq,
    uidNext: state.uidNext as Uid,
    keywords: readKeywords(reader, id),
    changed: changedSince(reader, mailbox, since, uids.length),
    vanished: complete ? expungedSince(reader, id, since) : absentUids(uids, state.uidNext),
    complete,
    uids,
  }
}

const changedSince = (reader: Reader, { id, state }: OpenMailbox, since: number, capacity: number) => {
  const isBehind = since < state.highestModSeq
  const builder = new ColumnBuilder(isBehind ? capacity : 0, 'flags')
  if (isBehind) {
    for (const { chunk, bytes } of chunkRows(reader, id, 0, state.uidNext - 1)) {
      if (chunkModSeq(bytes) <= since) continue
      for (let base = chunkHeadBytes; base < bytes.length; base += placementBytes) {
        if (bytes.readUIntBE(base + at.modSeq, 6) <= since) continue
        builder.add(chunk * 32 + (bytes[base + at.uidLow] as number), bytes, base)
      }
    }
  }
  return builder.finish().batch
}

/** Every UID below `uidNext` that is not present. */
const absentUids = (uids: Uint32Array, uidNext: number): Uint32Array => {
  const absent = new Uint32Array(Math.max(0, uidNext - 1 - uids.length))
  let count = 0
  let expected = 1
  for (const uid of uids) {
    while (expected < uid) absent[count++] = expected++
    expected = uid + 1
  }
  while (expected < uidNext && count < absent.length) absent[count++] = expected++
  return absent
}

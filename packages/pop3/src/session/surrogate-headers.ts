import { headerEnd, LineEnds, SummaryReader, summaryFlag } from '@posthorn/mail'
import type { MailboxId, Store } from '@posthorn/storage'
import { surrogateHeader } from '../wire/surrogate.ts'

/** By message number: what is sent in place of the first octets. */
export type SurrogateHeaders = ReadonlyMap<number, SurrogateHeader>

export interface SurrogateHeader {
  readonly header: Buffer
  readonly formerBytes: number
  /** With CRLF at each line's end. */
  readonly formerSentBytes: number
}

/** A longer header goes as it is. */
const maxHeaderBytes = 262_144

/** RFC 6856 §2.1, RFC 6858. Reads the headers of those messages that may need it, and of no others. */
export async function surrogateHeaders(
  store: Store,
  mailbox: MailboxId,
  uids: Uint32Array,
): Promise<SurrogateHeaders | undefined> {
  const suspects: number[] = []
  const summary = new SummaryReader()
  for await (const batch of store.messages.fetch(mailbox, uids, { summary: true })) {
    batch.summaries?.forEach((encoded, at) => {
      summary.open(encoded)
      if ((summary.flags & summaryFlag.utf8Header) !== 0) suspects.push(batch.uids[at]!)
    })
  }
  if (suspects.length === 0) return undefined
  const made = new Map<number, SurrogateHeader>()
  const wanted = Uint32Array.from(suspects)
  let next = 0
  for await (const batch of store.messages.fetch(mailbox, wanted, { bytes: 'header' })) {
    batch.bytes?.forEach((bytes, at) => {
      while (uids[next]! < batch.uids[at]!) next++
      const formerBytes = headerEnd(bytes)
      if (formerBytes > maxHeaderBytes) return
      const former = Buffer.from(bytes.subarray(0, formerBytes))
      const header = surrogateHeader(former)
      if (header === undefined) return
      made.set(next + 1, { header, formerBytes, formerSentBytes: formerBytes + missingOctets(former) })
    })
  }
  return made.size === 0 ? undefined : made
}

function missingOctets(header: Buffer): number {
  const ends = new LineEnds()
  ends.open(header)
  for (let from = ends.next(0); from >= 0; from = ends.next(from + 1));
  return ends.missingOctets
}

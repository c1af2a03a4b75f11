import type { QueuedRecipient, QueueEntry, QueueStore } from '@posthorn/storage'
import type { DeliveryJob } from '../delivery/attempt.ts'

export const pieceBytes = 131_072

/** A message as stored. Its first piece is read once for all that ask for it in one attempt. */
export class QueuedMessage {
  readonly #queue: Pick<QueueStore, 'read'>
  readonly #entry: QueueEntry
  #head: Promise<Uint8Array> | undefined

  /** `octets`: the whole message, when it need not be read. */
  constructor(
    queue: Pick<QueueStore, 'read'>,
    entry: QueueEntry,
    octets?: readonly Uint8Array[] | undefined,
  ) {
    this.#queue = queue
    this.#entry = entry
    if (octets === undefined || entry.sizeBytes > pieceBytes) return
    this.#head = Promise.resolve(octets.length === 1 ? (octets[0] as Uint8Array) : Buffer.concat(octets))
  }

  /** The first octets: the whole header of any sane message. */
  head(): Promise<Uint8Array> {
    this.#head ??= this.#piece(0)
    return this.#head
  }

  /** Behind the recipients' own trace fields. */
  async *content(prefix: Uint8Array | undefined): AsyncGenerator<Uint8Array> {
    if (prefix !== undefined && prefix.length > 0) yield prefix
    for (let at = 0; at < this.#entry.sizeBytes; at += pieceBytes) {
      yield at === 0 ? await this.head() : await this.#piece(at)
    }
  }

  async #piece(at: number): Promise<Uint8Array> {
    const { queueId, sizeBytes } = this.#entry
    const end = Math.min(at + pieceBytes, sizeBytes)
    const piece = await this.#queue.read(queueId, at, end)
    if (piece?.length === end - at) return piece
    throw new Error(`Cannot read message ${queueId}: octets ${at} to ${end} are missing`)
  }
}

/** Recipients that may share one transaction, at most `limitOf` their transport together. */
export const jobsOf = (
  entry: QueueEntry,
  message: QueuedMessage,
  limitOf: (transport: string) => number,
  signal: AbortSignal,
): DeliveryJob[] => {
  const groups = new Map<string, QueuedRecipient[]>()
  const lists: QueuedRecipient[][] = []
  const jobs: DeliveryJob[] = []
  for (const recipient of entry.recipients) {
    const { transport, nextHop, sender, prefix } = recipient
    const key = JSON.stringify([transport, nextHop, sender, prefix && Buffer.from(prefix).toString('latin1')])
    const group = groups.get(key)
    if (group !== undefined && group.length < limitOf(transport)) group.push(recipient)
    else {
      const started = [recipient]
      groups.set(key, started)
      lists.push(started)
    }
  }
  for (const recipients of lists) {
    const { transport, nextHop, sender, prefix } = recipients[0] as QueuedRecipient
    jobs.push({
      entry,
      recipients,
      transport,
      nextHop,
      sender: sender ?? entry.sender,
      prefix,
      content: () => message.content(prefix),
      sizeBytes: entry.sizeBytes + (prefix?.length ?? 0),
      signal,
    })
  }
  return jobs
}

const lineFeed = 10

/** Number of Received fields. RFC 5321 §6.3: many of them are a loop. */
export const countHops = (header: Uint8Array): number => {
  const octets = Buffer.from(header.buffer, header.byteOffset, header.byteLength)
  let hops = 0
  for (let at = 0; at < octets.length; ) {
    const end = octets.indexOf(lineFeed, at)
    const first = octets[at] as number
    // An empty line ends the header.
    if (first === lineFeed || (first === 13 && end === at + 1)) break
    if ((first | 32) === 0x72 && isReceived(octets, at)) hops++
    if (end < 0) break
    at = end + 1
  }
  return hops
}

const isReceived = (octets: Buffer, at: number): boolean => {
  const line = octets.toString('latin1', at, Math.min(at + 72, octets.length))
  return /^received[ \t]*:/i.test(line)
}

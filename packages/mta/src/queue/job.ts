import type { QueuedRecipient, QueueEntry, QueueStore } from '@posthorn/storage'
import type { DeliveryJob } from '../delivery/attempt.ts'

export const pieceBytes = 131_072

/** A message as stored. Its first piece is read once for all that ask for it in one attempt. */
export class QueuedMessage {
  readonly #queue: Pick<QueueStore, 'read'>
  readonly #entry: QueueEntry
  /** All of it. */
  readonly #octets: readonly Uint8Array[] | undefined
  #head: Promise<Uint8Array> | undefined

  /** `octets`: the whole message, when it need not be read. */
  constructor(
    queue: Pick<QueueStore, 'read'>,
    entry: QueueEntry,
    octets?: readonly Uint8Array[] | undefined,
  ) {
    this.#queue = queue
    this.#entry = entry
    this.#octets = entry.sizeBytes > pieceBytes ? undefined : octets
  }

  /** Number of Received fields. RFC 5321 §6.3: many of them are a loop. */
  hops(): number | Promise<number> {
    const first = this.#octets?.[0]
    if (first !== undefined && (this.#octets?.length === 1 || endsHeader(first))) return countHops(first)
    return this.#first().then(countHops)
  }

  /** What there is in memory, behind the recipients' own trace fields. */
  pieces(prefix: Uint8Array | undefined): readonly Uint8Array[] | undefined {
    if (this.#octets === undefined || prefix === undefined || prefix.length === 0) return this.#octets
    return [prefix, ...this.#octets]
  }

  /** The first octets: the whole header of any sane message. */
  #first(): Promise<Uint8Array> {
    this.#head ??= this.#octets === undefined ? this.#piece(0) : Promise.resolve(Buffer.concat(this.#octets))
    return this.#head
  }

  /** Behind the recipients' own trace fields. */
  async *content(prefix: Uint8Array | undefined): AsyncGenerator<Uint8Array> {
    const pieces = this.pieces(prefix)
    if (pieces !== undefined) {
      yield* pieces
      return
    }
    if (prefix !== undefined && prefix.length > 0) yield prefix
    for (let at = 0; at < this.#entry.sizeBytes; at += pieceBytes) {
      yield at === 0 ? await this.#first() : await this.#piece(at)
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
  const jobs: DeliveryJob[] = []
  for (const recipients of sharing(entry.recipients, limitOf)) {
    const { transport, nextHop, sender, prefix } = recipients[0] as QueuedRecipient
    const pieces = message.pieces(prefix)
    jobs.push({
      entry,
      recipients,
      transport,
      nextHop,
      sender: sender ?? entry.sender,
      prefix,
      content: () => message.content(prefix),
      ...(pieces === undefined ? {} : { pieces }),
      sizeBytes: entry.sizeBytes + (prefix?.length ?? 0),
      signal,
    })
  }
  return jobs
}

const sharing = (
  recipients: readonly QueuedRecipient[],
  limitOf: (transport: string) => number,
): readonly (readonly QueuedRecipient[])[] => {
  if (recipients.length === 1) return [recipients]
  const groups = new Map<string, QueuedRecipient[]>()
  const lists: QueuedRecipient[][] = []
  for (const recipient of recipients) {
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
  return lists
}

const lineFeed = 10

const endsHeader = (octets: Uint8Array): boolean =>
  Buffer.from(octets.buffer, octets.byteOffset, octets.length).includes('\n\r\n')

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

import { type MessageWriter, type StagedMessage, StoreError } from '../contract.ts'
import { refusalOf } from '../kv/no-space.ts'
import type { FileLayer } from '../segments/file-layer.ts'
import {
  checksum,
  type DeliveryFacts,
  encodeFrameHeader,
  type FrameHeader,
  frameBytes,
  frameHeaderBytes,
} from '../segments/frame.ts'
import type { OpenSegment } from '../segments/make-segment.ts'
import { blobIdAt, type PendingFrame, type SegmentWriter } from '../segments/segment-writer.ts'
import { type DigestFacts, digestOf, MessageDigest } from './message-digest.ts'
import { SlabMemory } from './slab-memory.ts'

/** A message longer than this streams into a segment of its own … */
const spillBytes = 1024 * 1024
/** … and a shorter one, too, when all that are being received hold more memory than this. */
const memoryBudgetBytes = 64 * 1024 * 1024
const crowdedSpillBytes = 64 * 1024

/** So much is looked at when it is placed, and never when it is not: it may be on its way to another server. */
const lateDigestBytes = 128 * 1024

/** Where a staged message's frame is, for the unit of work that places it. */
export interface FramePlace {
  readonly header: FrameHeader
  readonly summary: Buffer
  readonly frame: PendingFrame
}

export class Stager {
  readonly #files: FileLayer
  readonly #writer: SegmentWriter
  #heldBytes = 0

  constructor(files: FileLayer, writer: SegmentWriter) {
    this.#files = files
    this.#writer = writer
  }

  stage(): MessageWriter {
    return new Writer(this)
  }

  get files(): FileLayer {
    return this.#files
  }

  hold(octets: number): void {
    this.#heldBytes += octets
  }

  shouldSpill(heldBytes: number): boolean {
    return heldBytes > (this.#heldBytes > memoryBudgetBytes ? crowdedSpillBytes : spillBytes)
  }

  settle(frame: PendingFrame): void {
    this.#writer.settle(frame)
  }

  createSegment(): Promise<OpenSegment> {
    return this.#writer.create('single')
  }

  dropSegment(segment: OpenSegment): Promise<void> {
    return this.#writer.drop(segment)
  }

  /** Writes the frame (a small one with its group). Queue the unit of work in the turn this resolves. */
  async place(message: StagedMessage, facts: DeliveryFacts, nowMs: number): Promise<FramePlace> {
    if (!(message instanceof Staged)) throw new TypeError('Not a message of this store')
    const encoded = Buffer.from(JSON.stringify(facts))
    const { summary, crc, headBytes, headCrc } = message.digest
    const tail = [encoded, summary]
    const tailCrc = checksum(tail)
    const header = (blobId: number): FrameHeader => ({
      kind: 'message',
      blobId,
      receivedMs: nowMs,
      bodyBytes: message.sizeBytes,
      bodyCrc: crc,
      headBytes,
      headCrc,
      factsBytes: encoded.length,
      summaryBytes: summary.length,
      tailCrc,
    })
    if (message.segment !== undefined) return this.#placeSingle(message, message.segment, header, tail)
    const sizeBytes = frameBytes(header(0))
    while (!this.#writer.hasRoom(sizeBytes)) await this.#writer.makeRoom()
    let placed: FrameHeader | undefined
    const frame = this.#writer.append(sizeBytes, (segment, offset) => {
      placed = header(blobIdAt(segment, offset))
      return [encodeFrameHeader(placed), ...message.chunks, ...tail]
    })
    return {
      header: placed ?? header(blobIdAt(frame.segment, frame.offset)),
      summary,
      frame,
    }
  }

  async #placeSingle(
    message: Staged,
    segment: OpenSegment,
    headerFor: (blobId: number) => FrameHeader,
    tail: readonly Buffer[],
  ): Promise<FramePlace> {
    const header = headerFor(blobIdAt(segment.number, 0))
    try {
      await this.#files.write(segment.file, tail, frameHeaderBytes + header.bodyBytes)
      await this.#files.write(segment.file, [encodeFrameHeader(header)], 0)
      await this.#files.dataSync(segment.file)
    } catch (error) {
      throw refusalOf(error)
    }
    const frame = {
      segment: segment.number,
      offset: 0,
      sizeBytes: frameBytes(header),
      state: 'written' as const,
    }
    return { header, summary: message.digest.summary, frame }
  }
}

/** Complete octets: in memory, or streamed into a segment of their own. */
export class Staged implements StagedMessage {
  readonly sizeBytes: number
  chunks: readonly Buffer[]
  readonly segment: OpenSegment | undefined
  readonly #stager: Stager
  #digest: DigestFacts | undefined
  #over = false

  /** @param digest undefined: not made yet. */
  constructor(
    stager: Stager,
    facts: Pick<Staged, 'sizeBytes' | 'chunks' | 'segment'>,
    digest: DigestFacts | undefined,
  ) {
    this.#stager = stager
    this.sizeBytes = facts.sizeBytes
    this.chunks = facts.chunks
    this.segment = facts.segment
    this.#digest = digest
  }

  get digest(): DigestFacts {
    if (this.#digest === undefined && this.#over)
      throw new StoreError('closed', 'Cannot read: the message was aborted')
    this.#digest ??= digestOf(this.chunks)
    return this.#digest
  }

  get summary(): Buffer {
    return this.digest.summary
  }

  get missingOctets(): number {
    return this.digest.missingOctets
  }

  octets(): readonly Uint8Array[] | undefined {
    return this.segment === undefined && !this.#over ? this.chunks : undefined
  }

  /** Its frame is in the index now. */
  placed(): void {
    if (this.#over) return
    this.#release()
    if (this.segment !== undefined) this.#stager.files.close(this.segment.file)
  }

  async abort(): Promise<void> {
    if (this.#over) return
    this.#release()
    if (this.segment !== undefined) await this.#stager.dropSegment(this.segment)
  }

  #release(): void {
    this.#over = true
    if (this.segment === undefined) this.#stager.hold(-this.sizeBytes)
    this.chunks = []
  }
}

class Writer implements MessageWriter {
  readonly #stager: Stager
  #digest: MessageDigest | undefined
  #chunks: Buffer[] = []
  #heldBytes = 0
  /** Of what is held, octets in memory that is not used again. */
  #freshBytes = 0
  #slabs: SlabMemory | undefined
  #sizeBytes = 0
  #segment: OpenSegment | undefined
  #spilling: Promise<void> | undefined
  #failure: unknown
  #over = false

  constructor(stager: Stager) {
    this.#stager = stager
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  write(chunk: Uint8Array, octets: 'lent' | 'given' = 'lent'): Promise<void> | undefined {
    if (this.#over) throw new StoreError('closed', 'Cannot write: the message was finished or aborted')
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    const bytes = octets === 'lent' ? this.#copy(chunk) : this.#taken(asBuffer(chunk))
    this.#chunks.push(bytes)
    this.#sizeBytes += bytes.length
    this.#heldBytes += bytes.length
    if (this.#digest !== undefined) this.#digest.push(bytes)
    else if (this.#sizeBytes > lateDigestBytes) this.#startDigest()
    if (this.#spilling !== undefined) return this.#heldBytes > spillBytes ? this.#spilling : undefined
    if (this.#segment === undefined && !this.#stager.shouldSpill(this.#heldBytes)) return undefined
    if (this.#segment !== undefined && this.#heldBytes < spillBytes) return undefined
    return this.#startSpill()
  }

  async finish(): Promise<StagedMessage> {
    await this.#spilling
    if (this.#segment !== undefined && this.#heldBytes > 0) await this.#startSpill()
    if (this.#failure !== undefined) throw this.#failure
    this.#over = true
    this.#slabs?.close()
    const facts = { sizeBytes: this.#sizeBytes, chunks: this.#chunks, segment: this.#segment }
    return new Staged(this.#stager, facts, this.#digest?.finish())
  }

  #copy(chunk: Uint8Array): Buffer {
    return this.#slabs?.copy(chunk) ?? this.#taken(Buffer.from(chunk))
  }

  #taken(bytes: Buffer): Buffer {
    this.#freshBytes += bytes.length
    this.#stager.hold(bytes.length)
    return bytes
  }

  #startDigest(): void {
    this.#digest = new MessageDigest()
    for (const chunk of this.#chunks) this.#digest.push(chunk)
  }

  async abort(): Promise<void> {
    if (this.#over) return
    this.#over = true
    await this.#spilling?.catch(() => {})
    this.#stager.hold(-this.#freshBytes)
    this.#slabs?.close()
    this.#chunks = []
    if (this.#segment !== undefined) await this.#stager.dropSegment(this.#segment)
  }

  #startSpill(): Promise<void> {
    // What is written is not at hand any more.
    if (this.#digest === undefined) this.#startDigest()
    this.#spilling = this.#spill()
      .catch((error) => {
        this.#failure = refusalOf(error)
        throw this.#failure
      })
      .finally(() => {
        this.#spilling = undefined
      })
    return this.#spilling
  }

  async #spill(): Promise<void> {
    this.#segment ??= await this.#stager.createSegment()
    const chunks = this.#chunks
    const freshBytes = this.#freshBytes
    const slabs = this.#slabs?.take() ?? []
    const start = frameHeaderBytes + this.#sizeBytes - this.#heldBytes
    this.#chunks = []
    this.#heldBytes = 0
    this.#freshBytes = 0
    if (this.#digest?.keepsOctets === false)
      this.#slabs ??= new SlabMemory((octets) => this.#stager.hold(octets))
    try {
      await this.#stager.files.write(this.#segment.file, chunks, start)
    } finally {
      this.#slabs?.release(slabs)
      this.#stager.hold(-freshBytes)
    }
  }
}

const asBuffer = ({ buffer, byteOffset, length }: Uint8Array): Buffer =>
  Buffer.from(buffer, byteOffset, length)

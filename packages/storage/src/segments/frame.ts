import { crc32 } from '../checksum.ts'
import type { EnvelopeOptions } from '../contract.ts'
import { read64, write64 } from '../kv/keys.ts'
import { unsigned32, unsigned64 } from '../kv/numbers.ts'

/**
 * A frame: 64 octets of header, the message's octets, then what is known of it (delivery facts as JSON,
 * the encoded summary). Enough to rebuild the index from segments alone.
 */
export interface FrameHeader {
  readonly kind: FrameKind
  readonly blobId: number
  readonly receivedMs: number
  readonly bodyBytes: number
  readonly bodyCrc: number
  /** Header block of the message with its empty line. */
  readonly headBytes: number
  readonly headCrc: number
  readonly factsBytes: number
  readonly summaryBytes: number
  /** CRC-32 of facts and summary. */
  readonly tailCrc: number
}

/** 'moved' frames are copies made by compaction. */
export type FrameKind = 'message' | 'moved'

export const frameHeaderBytes = 64
const magic = 0x50484631
const kinds: readonly FrameKind[] = ['message', 'moved']

export const frameBytes = (header: FrameHeader): number =>
  frameHeaderBytes + header.bodyBytes + header.factsBytes + header.summaryBytes

export const encodeFrameHeader = (header: FrameHeader): Buffer => {
  const bytes = Buffer.alloc(frameHeaderBytes)
  bytes.writeUInt32BE(magic, 0)
  bytes[8] = kinds.indexOf(header.kind)
  bytes[9] = 1
  bytes.writeUInt32BE(header.factsBytes, 12)
  bytes.writeUInt32BE(header.summaryBytes, 16)
  bytes.writeUInt32BE(header.headBytes, 20)
  write64(bytes, header.bodyBytes, 24)
  write64(bytes, header.blobId, 32)
  bytes.writeDoubleBE(header.receivedMs, 40)
  bytes.writeUInt32BE(header.bodyCrc, 48)
  bytes.writeUInt32BE(header.headCrc, 52)
  bytes.writeUInt32BE(header.tailCrc, 56)
  bytes.writeUInt32BE(crc32(bytes.subarray(8)), 4)
  return bytes
}

/** undefined when these octets are no frame header, or a damaged one. */
export const decodeFrameHeader = (bytes: Buffer): FrameHeader | undefined => {
  if (bytes.length < frameHeaderBytes || bytes.readUInt32BE(0) !== magic) return undefined
  if (bytes.readUInt32BE(4) !== crc32(bytes.subarray(8, frameHeaderBytes))) return undefined
  const kind = kinds[bytes[8] as number]
  if (kind === undefined || bytes[9] !== 1) return undefined
  return {
    kind,
    factsBytes: bytes.readUInt32BE(12),
    summaryBytes: bytes.readUInt32BE(16),
    headBytes: bytes.readUInt32BE(20),
    bodyBytes: read64(bytes, 24),
    blobId: read64(bytes, 32),
    receivedMs: bytes.readDoubleBE(40),
    bodyCrc: bytes.readUInt32BE(48),
    headCrc: bytes.readUInt32BE(52),
    tailCrc: bytes.readUInt32BE(56),
  }
}

/**
 * The checksum of a message's octets, when the frame at `at` is of this message; else -1. The header's own checksum is
 * not looked at: what is used of it is proved by the message and by who asks.
 */
export const bodyCrcAt = (
  memory: Uint8Array,
  at: number,
  blobId: number,
  bodyBytes: number,
  headBytes: number,
): number => {
  const isOf =
    unsigned32(memory, at) === magic &&
    (memory[at + 8] as number) < kinds.length &&
    memory[at + 9] === 1 &&
    unsigned64(memory, at + 32) === blobId &&
    unsigned64(memory, at + 24) === bodyBytes &&
    unsigned32(memory, at + 20) === headBytes
  return isOf ? unsigned32(memory, at + 48) : -1
}

export const checksum = (chunks: readonly Uint8Array[]): number => {
  let value = 0
  for (const chunk of chunks) value = crc32(chunk, value)
  return value
}

/** What a rebuild needs when the journal does not yet know where the message went. */
export type DeliveryFacts =
  | {
      readonly kind: 'append'
      readonly account: string
      readonly mailbox: string
      readonly flags: { readonly system: number; readonly keywords: readonly string[] }
      readonly internalDateMs: number
    }
  | {
      readonly kind: 'accept'
      readonly queueId: string
      readonly sender: string
      readonly options?: EnvelopeOptions
      readonly recipients: readonly {
        readonly address: string
        /** Its address. */
        readonly account?: string
        readonly mailbox?: string
        /** Trace fields, base64. */
        readonly prefix?: string
        readonly transport?: string
        readonly nextHop?: string
      }[]
    }

import { createMessageScanner, encodeSummary, summaryVersion } from '@posthorn/mail'
import { crc32 } from '../checksum.ts'

/** What a frame says of the message in it. */
export interface DigestFacts {
  /** Encoded. */
  readonly summary: Buffer
  readonly headBytes: number
  readonly headCrc: number
  readonly crc: number
  /** CRs and LFs that do not stand together. */
  readonly missingOctets: number
}

/** False of one that another version of this program wrote, or that is missing: `digestOf` the message says it again. */
export const isReadableSummary = (encoded: Uint8Array): boolean => encoded[0] === summaryVersion

/** A header longer than this has no checksum of its own. */
const longestHeadBytes = 1024 * 1024

/** Summary and checksums of a message, octets in any pieces. */
export class MessageDigest {
  readonly #scanner = createMessageScanner()
  #crc = 0
  #head: Buffer[] = []
  #headBytes = 0
  // A message may begin with its empty line.
  #lastOctets = Buffer.from('\n')
  #headDone = false

  /** Until the header ends what is pushed is looked at once more. */
  get keepsOctets(): boolean {
    return !this.#headDone
  }

  push(bytes: Buffer): void {
    this.#scanner.push(bytes)
    this.#crc = crc32(bytes, this.#crc)
    this.#keepHead(bytes)
  }

  finish(): DigestFacts {
    const summary = this.#scanner.finish()
    const encoded = encodeSummary(summary)
    return {
      summary: Buffer.from(encoded.buffer, encoded.byteOffset, encoded.length),
      headBytes: summary.headerBytes,
      headCrc: checksumOfFirst(this.#head, summary.headerBytes),
      crc: this.#crc,
      missingOctets: this.#scanner.missingOctets,
    }
  }

  /** Keeps the chunks of the header block, for its checksum. */
  #keepHead(bytes: Buffer): void {
    if (this.#headDone) return
    this.#head.push(bytes)
    this.#headBytes += bytes.length
    this.#headDone = hasEmptyLine(bytes) || this.#headBytes > longestHeadBytes
    if (this.#headDone) return
    this.#headDone = hasEmptyLine(Buffer.concat([this.#lastOctets, bytes.subarray(0, 2)]))
    this.#lastOctets = Buffer.concat([this.#lastOctets, bytes.subarray(-2)]).subarray(-2)
  }
}

export const digestOf = (chunks: readonly Buffer[]): DigestFacts => {
  const digest = new MessageDigest()
  for (const chunk of chunks) digest.push(chunk)
  return digest.finish()
}

/** 0 when the chunks are shorter. */
const checksumOfFirst = (chunks: readonly Buffer[], sizeBytes: number): number => {
  let crc = 0
  let left = sizeBytes
  for (const chunk of chunks) {
    if (left === 0) break
    const part = chunk.length <= left ? chunk : chunk.subarray(0, left)
    crc = crc32(part, crc)
    left -= part.length
  }
  return left === 0 ? crc : 0
}

const hasEmptyLine = (bytes: Buffer): boolean => bytes.includes('\n\r\n') || bytes.includes('\n\n')

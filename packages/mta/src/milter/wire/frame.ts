import { maxFrameBytes } from './constants.ts'

/** Octets sent to a filter that cannot be what it says. */
export class MilterSyntaxError extends Error {
  override readonly name = 'MilterSyntaxError'
}

/** Octets of the first frame: a length, a letter, data. Throws MilterSyntaxError. */
export function frameLength(received: Buffer): number | undefined {
  if (received.length < 4) return undefined
  const length = received.readUInt32BE(0)
  if (length === 0 || length > maxFrameBytes)
    throw new MilterSyntaxError(`bad length of a reply: ${length} octets`)
  return received.length < length + 4 ? undefined : length + 4
}

/** One frame: `parts` behind its letter. */
export function encodeFrame(letter: string, ...parts: readonly Uint8Array[]): Buffer {
  let length = 1
  for (const part of parts) length += part.length
  const frame = Buffer.allocUnsafe(length + 4)
  frame.writeUInt32BE(length, 0)
  frame.write(letter, 4, 1, 'latin1')
  let at = 5
  for (const part of parts) {
    frame.set(part, at)
    at += part.length
  }
  return frame
}

const nul = Buffer.from([0])

/** Each ended by NUL; NULs within are taken out, for what follows them would be read as another string. */
export function strings(...texts: readonly (string | Uint8Array)[]): Buffer {
  return Buffer.concat(
    texts.flatMap((text) => {
      const octets = typeof text === 'string' ? Buffer.from(text) : Buffer.from(text)
      return [octets.includes(0) ? Buffer.from(octets.filter((octet) => octet !== 0)) : octets, nul]
    }),
  )
}

export function uint32(...values: readonly number[]): Buffer {
  const octets = Buffer.allocUnsafe(values.length * 4)
  values.forEach((value, i) => {
    octets.writeUInt32BE(value >>> 0, i * 4)
  })
  return octets
}

/** Reads the data of a frame. Each method throws MilterSyntaxError when there is less. */
export class FrameReader {
  readonly #octets: Buffer
  #at = 0

  constructor(octets: Buffer) {
    this.#octets = octets
  }

  get rest(): Buffer {
    return this.#octets.subarray(this.#at)
  }

  get atEnd(): boolean {
    return this.#at >= this.#octets.length
  }

  uint32(): number {
    if (this.#octets.length - this.#at < 4) throw new MilterSyntaxError('a number is missing in a reply')
    const value = this.#octets.readUInt32BE(this.#at)
    this.#at += 4
    return value
  }

  /** Up to the next NUL. */
  octets(): Buffer {
    const end = this.#octets.indexOf(0, this.#at)
    if (end === -1) throw new MilterSyntaxError('a string without its end in a reply')
    const octets = this.#octets.subarray(this.#at, end)
    this.#at = end + 1
    return octets
  }

  text(): string {
    return this.octets().toString('utf8')
  }
}

import { asBuffer } from './octets.ts'
import type { OctetDecoder } from './transfer-encoding.ts'

const skip = 64
const padding = 65
const values = new Uint8Array(256).fill(skip)
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
for (const [i, character] of [...alphabet].entries()) values[character.charCodeAt(0)] = i
values['='.charCodeAt(0)] = padding

/** RFC 2045 §6.8; other characters are skipped, padding in the middle begins anew (joined encodings). */
export const createBase64Decoder = (): OctetDecoder => new Base64Decoder()

/** Looking at each is quicker. */
const fewCharacters = 64

class Base64Decoder implements OctetDecoder {
  #bits = 0
  /** Characters of the current group of four. */
  #count = 0

  push(chunk: Uint8Array): Uint8Array {
    if (chunk.length < fewCharacters) return this.#pushAny(chunk)
    const from = this.#endOfGroup(chunk)
    const first = this.#pushAny(chunk.subarray(0, from))
    const lines = chunk.subarray(from)
    const rest = this.#pushLines(lines) ?? this.#pushAny(lines)
    return first.length === 0 ? rest : Buffer.concat([first, rest])
  }

  /** Where the group of four that was begun before is complete. */
  #endOfGroup(chunk: Uint8Array): number {
    let at = 0
    for (let count = this.#count; count % 4 !== 0 && at < chunk.length; at++) {
      const value = values[chunk[at] as number] as number
      if (value < skip) count++
      else if (value === padding) count = 0
    }
    return at
  }

  /** Lines, and what begins a group of four behind them; undefined: something else is among it. */
  #pushLines(chunk: Uint8Array): Uint8Array | undefined {
    const characters = asBuffer(chunk)
      .toString('latin1')
      .replace(/[\r\n]+/g, '')
    if (/[-_=]/.test(characters)) return undefined
    const rest = characters.length % 4
    const decoded = Buffer.from(rest === 0 ? characters : characters.slice(0, -rest), 'base64')
    // Node passes over what is not in its alphabet.
    if (decoded.length !== ((characters.length - rest) / 4) * 3) return undefined
    for (let at = characters.length - rest; at < characters.length; at++) {
      const value = values[characters.charCodeAt(at) & 0xff] as number
      if (value >= skip) {
        this.#bits = this.#count = 0
        return undefined
      }
      this.#bits = (this.#bits << 6) | value
      this.#count++
    }
    return decoded
  }

  #pushAny(chunk: Uint8Array): Uint8Array {
    const out = Buffer.allocUnsafe(Math.ceil((chunk.length * 3) / 4) + 3)
    let length = 0
    let bits = this.#bits
    let count = this.#count
    for (let i = 0; i < chunk.length; i++) {
      const value = values[chunk[i] as number] as number
      if (value < skip) {
        bits = (bits << 6) | value
        if (++count < 4) continue
        out[length++] = bits >> 16
        out[length++] = bits >> 8
        out[length++] = bits
        bits = 0
        count = 0
      } else if (value === padding) {
        length = writeRest(out, length, bits, count)
        bits = 0
        count = 0
      }
    }
    this.#bits = bits
    this.#count = count
    return out.subarray(0, length)
  }

  finish(): Uint8Array {
    const out = Buffer.allocUnsafe(2)
    const length = writeRest(out, 0, this.#bits, this.#count)
    this.#count = 0
    this.#bits = 0
    return out.subarray(0, length)
  }
}

/** Two or three characters give one or two octets; a single one gives none. */
const writeRest = (out: Buffer, at: number, bits: number, count: number): number => {
  if (count < 2) return at
  if (count === 2) out[at] = bits >> 4
  else {
    out[at] = bits >> 10
    out[at + 1] = bits >> 2
  }
  return at + count - 1
}

const equals = 0x3d

/** All at once; Node's decoder where it would say the same. */
export const decodeBase64 = (bytes: Uint8Array): Uint8Array => {
  const buffer = asBuffer(bytes)
  const pad = buffer.indexOf(equals)
  const end = pad < 0 ? buffer.length : pad
  let rest = end
  while (rest < buffer.length && (values[buffer[rest] as number] as number) >= skip) rest++
  const urlSafe = buffer.includes('-') || buffer.includes('_')
  if (rest === buffer.length && !urlSafe) return Buffer.from(buffer.toString('latin1', 0, end), 'base64')
  const decoder = createBase64Decoder()
  return Buffer.concat([decoder.push(bytes), decoder.finish()])
}

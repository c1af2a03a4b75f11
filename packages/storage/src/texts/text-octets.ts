import { separator } from './text-record.ts'

const firstBytes = 64 * 1024
/** More is given back after a batch. */
const keptBytes = 4 * 1024 * 1024
const fewCharacters = 256 * 1024

/** Texts in UTF-8 one behind the other, each with a separator behind it; the same memory for batch after batch. */
export class TextOctets {
  #bytes = Buffer.allocUnsafeSlow(firstBytes)
  #length = 0

  get length(): number {
    return this.#length
  }

  clear(): void {
    this.#length = 0
    if (this.#bytes.length > keptBytes) this.#bytes = Buffer.allocUnsafeSlow(firstBytes)
  }

  write(text: string): void {
    // Counting takes longer than writing; room for more than is needed costs nothing, as long as it is little.
    this.#reserve((text.length < fewCharacters ? text.length * 3 : Buffer.byteLength(text)) + 1)
    this.#length += this.#bytes.write(text, this.#length)
    this.#bytes[this.#length++] = separator
  }

  /** Until `clear`, or until more is written. */
  written(start = 0): Buffer {
    return this.#bytes.subarray(start, this.#length)
  }

  /** What was written behind `length` is void. */
  cut(length: number): void {
    this.#length = length
  }

  #reserve(octets: number): void {
    if (this.#length + octets <= this.#bytes.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#length + octets, this.#bytes.length * 2))
    this.#bytes.copy(larger, 0, 0, this.#length)
    this.#bytes = larger
  }
}

/** A growing buffer with the few forms a summary is made of. */
export class OctetWriter {
  #bytes: Buffer
  #length = 0

  /** @param room written over; left behind when it is too small */
  constructor(room = Buffer.allocUnsafe(1024)) {
    this.#bytes = room
  }

  get length(): number {
    return this.#length
  }

  byte(value: number): void {
    if (this.#length === this.#bytes.length) this.#grow(1)
    this.#bytes[this.#length++] = value
  }

  /** Seven bits an octet, the lowest first; up to 2^53 - 1. */
  varint(value: number): void {
    let rest = value
    while (rest > 127) {
      this.byte((rest % 128) + 128)
      rest = Math.floor(rest / 128)
    }
    this.byte(rest)
  }

  /** Small for small magnitudes. */
  signed(value: number): void {
    this.varint(value < 0 ? -value * 2 - 1 : value * 2)
  }

  octets(text: string): void {
    if (this.#length + text.length > this.#bytes.length) this.#grow(text.length)
    this.#bytes.write(text, this.#length, 'latin1')
    this.#length += text.length
  }

  /** Puts the length of what `write` writes before it. */
  measured(write: () => void): void {
    const start = this.#length
    write()
    const length = this.#length - start
    const size =
      length < 128 ? 1 : length < 16_384 ? 2 : length < 2_097_152 ? 3 : length < 268_435_456 ? 4 : 5
    if (this.#length + size > this.#bytes.length) this.#grow(size)
    this.#bytes.copyWithin(start + size, start, this.#length)
    this.#length = start
    this.varint(length)
    this.#length += length
  }

  /** A copy of exactly what was written. */
  bytes(): Buffer {
    return Buffer.from(this.#bytes.subarray(0, this.#length))
  }

  #grow(more: number): void {
    const larger = Buffer.allocUnsafe(Math.max(this.#length + more, this.#bytes.length * 2))
    this.#bytes.copy(larger, 0, 0, this.#length)
    this.#bytes = larger
  }
}

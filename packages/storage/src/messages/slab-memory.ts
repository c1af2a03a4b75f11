const slabBytes = 64 * 1024

/**
 * Copies of a long message's octets until they are written, in memory that is used again then: fresh memory is made
 * page by page, which takes longer than to write what is put there.
 */
export class SlabMemory {
  readonly #hold: (octets: number) => void
  #free: Buffer[] = []
  #filled: Buffer[] = []
  #current: Buffer | undefined
  #usedBytes = 0
  #heldBytes = 0

  /** @param hold told of the memory as it grows, and when it is given back */
  constructor(hold: (octets: number) => void) {
    this.#hold = hold
  }

  copy(chunk: Uint8Array): Buffer {
    const slab = this.#slabFor(chunk.length)
    const from = this.#usedBytes
    slab.set(chunk, from)
    this.#usedBytes += chunk.length
    return slab.subarray(from, this.#usedBytes)
  }

  /** All slabs with copies in them, which are not added to any more. To be given to `release`. */
  take(): readonly Buffer[] {
    const taken = this.#current === undefined ? this.#filled : [...this.#filled, this.#current]
    this.#filled = []
    this.#current = undefined
    return taken
  }

  /** Nobody looks at what is in them any more. */
  release(slabs: readonly Buffer[]): void {
    for (const slab of slabs) {
      if (slab.length === slabBytes) this.#free.push(slab)
      else this.#count(-slab.length)
    }
  }

  close(): void {
    this.#count(-this.#heldBytes)
    this.#free = []
    this.take()
  }

  #slabFor(lengthBytes: number): Buffer {
    if (this.#current !== undefined) {
      if (this.#current.length - this.#usedBytes >= lengthBytes) return this.#current
      this.#filled.push(this.#current)
    }
    this.#usedBytes = 0
    this.#current = (lengthBytes <= slabBytes ? this.#free.pop() : undefined) ?? this.#make(lengthBytes)
    return this.#current
  }

  #make(lengthBytes: number): Buffer {
    const slab = Buffer.allocUnsafeSlow(Math.max(slabBytes, lengthBytes))
    this.#count(slab.length)
    return slab
  }

  #count(octets: number): void {
    this.#heldBytes += octets
    this.#hold(octets)
  }
}

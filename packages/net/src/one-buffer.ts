/** Copies what is to be sent together into one place, again and again the same. */
export class OneBuffer {
  readonly #sizeBytes: number
  #memory: Buffer | undefined

  constructor(sizeBytes: number) {
    this.#sizeBytes = sizeBytes
  }

  /** undefined: it has no room for all of them. Valid until the next call, unless `leave` comes first. */
  join(pieces: readonly (Uint8Array | string)[]): Buffer | undefined {
    let mostBytes = 0
    for (const piece of pieces) {
      // A character of a string has at most three octets in UTF-8.
      mostBytes += typeof piece === 'string' ? piece.length * 3 : piece.length
    }
    if (mostBytes > this.#sizeBytes) return undefined
    this.#memory ??= Buffer.allocUnsafeSlow(this.#sizeBytes)
    const memory = this.#memory
    let end = 0
    for (const piece of pieces) {
      if (typeof piece === 'string') end += memory.write(piece, end, 'utf8')
      else {
        memory.set(piece, end)
        end += piece.length
      }
    }
    return memory.subarray(0, end)
  }

  /** Somebody still needs what was given last. */
  leave(): void {
    this.#memory = undefined
  }
}

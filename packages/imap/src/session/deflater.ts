import { constants, createDeflateRaw, type DeflateRaw } from 'node:zlib'

/** 64 KB + 64 KB while it works. */
const settings = { flush: constants.Z_SYNC_FLUSH, level: 6, windowBits: 14, memLevel: 7, chunkSize: 16_384 }

/**
 * Octets → raw deflate, each batch ending where the other side can read all of it (RFC 4978 §4, RFC 1951).
 * After such an end a new compressor may go on where the old one stopped: what is idle keeps none.
 */
export class Deflater {
  readonly #out: (octets: Buffer) => void
  #zlib: DeflateRaw | undefined
  #settled: PromiseWithResolvers<void> | undefined
  /** Octets given and not yet compressed: their memory is in use. */
  pendingBytes = 0
  #closed = false

  constructor(out: (octets: Buffer) => void) {
    this.#out = out
  }

  /** @param octets not to be changed before `pendingBytes` is 0 */
  push(octets: Uint8Array): void {
    if (this.#closed) return
    this.pendingBytes += octets.length
    const zlib = this.#open()
    zlib.write(octets, () => {
      this.pendingBytes -= octets.length
      if (this.pendingBytes > 0) return
      this.#settled?.resolve()
      this.#settled = undefined
    })
  }

  /** Resolves when all that was pushed is out, or will never be. */
  get settled(): Promise<void> | undefined {
    if (this.pendingBytes === 0 || this.#closed) return undefined
    this.#settled ??= Promise.withResolvers<void>()
    return this.#settled.promise
  }

  /** Gives back what is only good for speed; false when it is at work. */
  rest(): boolean {
    if (this.pendingBytes > 0) return false
    this.#zlib?.close()
    this.#zlib = undefined
    return true
  }

  close(): void {
    this.#closed = true
    this.#zlib?.close()
    this.#zlib = undefined
    this.#settled?.resolve()
    this.#settled = undefined
  }

  #open(): DeflateRaw {
    if (this.#zlib !== undefined) return this.#zlib
    const zlib = createDeflateRaw(settings)
    zlib.on('data', (octets: Buffer) => {
      if (!this.#closed) this.#out(octets)
    })
    this.#zlib = zlib
    return zlib
  }
}

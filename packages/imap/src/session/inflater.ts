import { createInflateRaw, type InflateRaw } from 'node:zlib'

/** RFC 1951 §2: nothing refers further back. */
const windowBytes = 32_768
const chunkSize = 8_192
/** What a flush ends with (RFC 1951 §3.2.4: an empty stored block): here another decompressor may go on. */
const flushEnd = Buffer.from([0x00, 0x00, 0xff, 0xff])

export interface InflaterEvents {
  octets(octets: Buffer): void
  /** What was pushed waits, or does no longer: the connection should be read or not. */
  full(state: 'full' | 'room'): void
  /** This is not raw deflate. */
  damaged(): void
}

/**
 * Raw deflate → octets (RFC 4978), no more than the session takes: what a small packet grows to waits inside
 * zlib. At rest only the last octets remain, which those to come may refer to.
 */
export class Inflater {
  readonly #events: InflaterEvents
  #zlib: InflateRaw | undefined
  #history: Buffer[] = []
  #historyBytes = 0
  /** The last four octets that came. */
  #tail: Buffer = Buffer.alloc(0)
  #pendingBytes = 0
  #paused = false
  /** The stream has said that nothing follows. */
  #over = false
  #settled: (() => void) | undefined

  constructor(events: InflaterEvents) {
    this.#events = events
  }

  push(octets: Buffer): void {
    if (this.#over) return
    this.#tail = Buffer.from(
      octets.length >= 4 ? octets.subarray(-4) : Buffer.concat([this.#tail, octets]).subarray(-4),
    )
    this.#pendingBytes += octets.length
    const zlib = this.#open()
    const more = zlib.write(octets, () => {
      this.#pendingBytes -= octets.length
      if (this.#pendingBytes === 0) this.#settled?.()
    })
    if (!more) this.#events.full('full')
  }

  /** Calls once when everything pushed has been given out. */
  whenSettled(then: () => void): void {
    if (this.#pendingBytes === 0) then()
    else this.#settled = then
  }

  pause(): void {
    this.#paused = true
    this.#zlib?.pause()
  }

  resume(): void {
    this.#paused = false
    this.#zlib?.resume()
  }

  /** When no more are expected soon; false while something is under way. */
  rest(): boolean {
    const zlib = this.#zlib
    if (zlib === undefined || this.#over) return true
    if (this.#pendingBytes > 0 || zlib.readableLength > 0) return false
    // Elsewhere the stream cannot be taken up again: it keeps what it has.
    if (!this.#tail.equals(flushEnd)) return true
    zlib.close()
    this.#zlib = undefined
    this.#history = [Buffer.from(this.#window())]
    this.#historyBytes = this.#history[0]!.length
    return true
  }

  close(): void {
    this.#over = true
    this.#zlib?.close()
    this.#zlib = undefined
    this.#history = []
  }

  #open(): InflateRaw {
    if (this.#zlib !== undefined) return this.#zlib
    const dictionary = this.#window()
    const zlib = createInflateRaw({ chunkSize, ...(dictionary.length > 0 ? { dictionary } : {}) })
    zlib.on('data', (octets: Buffer) => {
      this.#remember(octets)
      this.#events.octets(octets)
    })
    zlib.on('drain', () => this.#events.full('room'))
    zlib.on('end', () => {
      this.#over = true
    })
    zlib.on('error', () => {
      if (this.#over) return
      this.#over = true
      this.#events.damaged()
    })
    if (this.#paused) zlib.pause()
    this.#zlib = zlib
    return zlib
  }

  #remember(octets: Buffer): void {
    this.#history.push(octets)
    this.#historyBytes += octets.length
    // Now and then: many small pieces would keep their larger memory.
    if (this.#historyBytes < 2 * windowBytes && this.#history.length < 64) return
    this.#history = [Buffer.from(this.#window())]
    this.#historyBytes = this.#history[0]!.length
  }

  #window(): Buffer {
    const all = this.#history.length === 1 ? this.#history[0]! : Buffer.concat(this.#history)
    return all.subarray(-windowBytes)
  }
}

import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'

/** For tests: what is written between `hold` and `release` leaves in one segment. */
export class HeldSocket extends Duplex {
  readonly #below: Socket
  #held: Buffer[] | undefined

  constructor(below: Socket) {
    super()
    this.#below = below
    below.on('data', (chunk) => this.push(chunk))
    // What has come is still read.
    below.on('close', () => this.push(null))
  }

  hold(): void {
    this.#held = []
  }

  release(): void {
    this.#below.write(Buffer.concat(this.#held ?? []))
    this.#held = undefined
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (this.#held === undefined) this.#below.write(chunk)
    else this.#held.push(chunk)
    done()
  }
}

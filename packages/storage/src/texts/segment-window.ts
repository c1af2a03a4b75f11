import * as fs from 'node:fs'
import { segmentPath } from '../segments/segment-path.ts'

/** Read at once, where more than one frame is wanted. */
const windowBytes = 1024 * 1024

/** Octets of segments, neighbours with one read, into the same memory again. */
export class SegmentWindow {
  readonly #directory: string
  #segment = -1
  #file: number | undefined
  #memory = Buffer.alloc(0)
  #start = 0
  #end = 0

  constructor(segmentDirectory: string) {
    this.#directory = segmentDirectory
  }

  /** False: it is gone. */
  open(segment: number): boolean {
    if (this.#segment === segment) return this.#file !== undefined
    this.close()
    this.#segment = segment
    try {
      this.#file = fs.openSync(segmentPath(this.#directory, segment), 'r')
    } catch {
      this.#file = undefined
    }
    return this.#file !== undefined
  }

  close(): void {
    if (this.#file !== undefined) fs.closeSync(this.#file)
    this.#file = undefined
    this.#segment = -1
    this.#start = this.#end = 0
  }

  /**
   * Octets of the open segment, valid until more are read; undefined: the file ends before.
   * @param ahead octets from `position` on that will be asked for next
   */
  read(position: number, lengthBytes: number, ahead = 0): Buffer | undefined {
    if (position < this.#start || position + lengthBytes > this.#end) {
      this.#fill(position, Math.max(lengthBytes, Math.min(ahead, windowBytes)))
      if (position + lengthBytes > this.#end) return undefined
    }
    return this.#memory.subarray(position - this.#start, position - this.#start + lengthBytes)
  }

  #fill(position: number, lengthBytes: number): void {
    if (this.#memory.length < lengthBytes) {
      // One message is over the size of the window at most now and then: what it needed is kept.
      this.#memory = Buffer.allocUnsafeSlow(Math.max(lengthBytes, windowBytes))
    }
    let filled = 0
    while (filled < lengthBytes) {
      const rest = lengthBytes - filled
      const count = fs.readSync(this.#file as number, this.#memory, filled, rest, position + filled)
      if (count === 0) break
      filled += count
    }
    this.#start = position
    this.#end = position + filled
  }
}

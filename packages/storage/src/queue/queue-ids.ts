import { randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'
import type { QueueId } from '../contract.ts'
import type { GroupCommit } from '../kv/group-commit.ts'
import { keyOfText, tables } from '../kv/keys.ts'
import { takeSequence } from '../rows/sequence.ts'

/** Numbers that a process takes at a time. */
const blockSize = 20_000
const halfBits = 20
const halfMask = (1 << halfBits) - 1
const scrambleKey = keyOfText(tables.meta, 'queue-id-key')

/**
 * Queue ids: ten upper-case hexadecimal digits, as Postfix's short ones. A counter, scrambled one to one
 * by a key of the store, so that they never repeat and do not tell how much mail there is.
 */
export class QueueIds {
  readonly #commit: GroupCommit
  /** The key, room for a round's input, the key again. */
  readonly #round: { readonly keyed: Buffer; readonly at: number }
  #next: number
  #end: number
  #refilling = false

  private constructor(commit: GroupCommit, key: Buffer, first: number) {
    this.#commit = commit
    this.#round = { keyed: Buffer.concat([key, Buffer.alloc(4), key]), at: key.length }
    this.#next = first
    this.#end = first + blockSize
  }

  static async open(commit: GroupCommit): Promise<QueueIds> {
    const { key, first } = await commit.run((unit) => {
      let secret = unit.get(scrambleKey)
      if (secret === undefined) {
        secret = randomBytes(16)
        unit.put(scrambleKey, secret)
      }
      return { key: secret, first: takeSequence(unit, 'next-queue', blockSize) }
    })
    return new QueueIds(commit, key, first)
  }

  next(): QueueId {
    // Without a block (20,000 ids during one commit) chance is as good as a counter.
    if (this.#next >= this.#end) return randomBytes(10).toString('hex').toUpperCase() as QueueId
    const number = this.#next++
    if (this.#end - this.#next < blockSize / 2) void this.#refill()
    return this.#scramble(number).toString(16).toUpperCase().padStart(10, '0') as QueueId
  }

  async #refill(): Promise<void> {
    if (this.#refilling) return
    this.#refilling = true
    try {
      const first = await this.#commit.run((unit) => takeSequence(unit, 'next-queue', blockSize))
      if (this.#end === first) this.#end += blockSize
      else {
        this.#next = first
        this.#end = first + blockSize
      }
    } catch {
      // The next call tries again.
    } finally {
      this.#refilling = false
    }
  }

  /** A Feistel network over 40 bits: a permutation whatever the round function. */
  #scramble(number: number): number {
    const { keyed, at } = this.#round
    let left = Math.floor(number / 2 ** halfBits) & halfMask
    let right = number % 2 ** halfBits
    for (let round = 0; round < 4; round++) {
      keyed[at] = round
      keyed[at + 1] = right & 255
      keyed[at + 2] = (right >> 8) & 255
      keyed[at + 3] = right >> 16
      const mixed = (crc32(keyed) * 2654435761) % 2 ** 32
      const next = left ^ ((mixed >>> 7) & halfMask)
      left = right
      right = next
    }
    return left * 2 ** halfBits + right
  }
}

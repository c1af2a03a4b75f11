import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const memoryBytes = 1_048_576
const pieceBytes = 65_536

/**
 * Octets that are read again: in memory, and in a file of no name once there are many. Written in order and to
 * the end before anything is read.
 */
export class BodySpool {
  readonly #held: Buffer[] = []
  #heldBytes = 0
  #file: FileHandle | undefined
  #fileBytes = 0
  #writing: Promise<void> | undefined

  get sizeBytes(): number {
    return this.#fileBytes + this.#heldBytes
  }

  /** The octets are copied. A promise asks to wait. */
  write(octets: Uint8Array): Promise<void> | undefined {
    if (octets.length === 0) return undefined
    this.#held.push(Buffer.from(octets))
    this.#heldBytes += octets.length
    if (this.#heldBytes < memoryBytes && this.#file === undefined) return undefined
    if (this.#heldBytes < pieceBytes) return undefined
    const before = this.#writing
    const after = before === undefined ? this.#flush() : before.then(() => this.#flush())
    this.#writing = after
    return after
  }

  async *read(): AsyncGenerator<Buffer> {
    await this.#writing
    if (this.#file !== undefined) {
      for (let at = 0; at < this.#fileBytes; ) {
        const piece = Buffer.allocUnsafe(Math.min(pieceBytes, this.#fileBytes - at))
        const { bytesRead } = await this.#file.read(piece, 0, piece.length, at)
        if (bytesRead === 0) throw new Error('a spooled message has become shorter')
        at += bytesRead
        yield piece.subarray(0, bytesRead)
      }
    }
    yield* this.#held
  }

  async close(): Promise<void> {
    await this.#writing?.catch(() => {})
    this.#held.length = 0
    this.#heldBytes = 0
    await this.#file?.close()
    this.#file = undefined
    this.#fileBytes = 0
  }

  async #flush(): Promise<void> {
    this.#file ??= await openNameless()
    const octets = Buffer.concat(this.#held.splice(0))
    this.#heldBytes -= octets.length
    for (let at = 0; at < octets.length; ) {
      const { bytesWritten } = await this.#file.write(octets, at, octets.length - at, this.#fileBytes)
      at += bytesWritten
      this.#fileBytes += bytesWritten
    }
  }
}

/** A file that is gone with its handle, whatever happens to the process. */
async function openNameless(): Promise<FileHandle> {
  const folder = await mkdtemp(join(tmpdir(), 'posthorn-spool-'))
  try {
    return await open(join(folder, 'body'), 'wx+', 0o600)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

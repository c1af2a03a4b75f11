import { closeSync, existsSync, fsyncSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Room that is given free when the disk is full, so that mail can still be deleted. */
const reserveBytes = 4 * 1024 * 1024
/** On a disk that is nearly full the reserve would only take what compaction needs. */
const roomBytes = 4 * reserveBytes

export class Reserve {
  readonly #path: string

  constructor(storeDirectory: string) {
    this.#path = join(storeDirectory, 'reserve')
  }

  /** Makes the file when there is room for it. */
  keep(): void {
    if (existsSync(this.#path)) return
    try {
      const { bavail, bsize } = statfsSync(dirname(this.#path))
      if (bavail * bsize < roomBytes) return
      const file = openSync(this.#path, 'wx', 0o600)
      try {
        const zeros = Buffer.alloc(256 * 1024)
        for (let at = 0; at < reserveBytes; at += zeros.length) {
          if (writeSync(file, zeros, 0, zeros.length, at) < zeros.length) throw new Error('Short write')
        }
        fsyncSync(file)
      } finally {
        closeSync(file)
      }
    } catch {
      this.release()
    }
  }

  /** True when there was something to give free. Never throws: it is asked for when something else has failed. */
  release(): boolean {
    if (!existsSync(this.#path)) return false
    try {
      rmSync(this.#path, { force: true })
      return true
    } catch {
      // A disk that can only be read.
      return false
    }
  }
}

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isAlive, type ProcessIdentity } from '../process-identity.ts'
import type { FileLayer } from '../segments/file-layer.ts'

const seenForMs = 1_000
/** More than a tick of the clock that stamps files. */
const tickMs = 50

/**
 * One small file for each process that has the store open, outside the index so that a rebuild sees them,
 * too. A marker whose process is gone tells that it did not close the store.
 */
export class ProcessMarkers {
  readonly #directory: string
  readonly #files: FileLayer
  #seen: { readonly mtimeMs: number; readonly atMs: number; readonly isAlone: boolean } | undefined

  constructor(storeDirectory: string, files: FileLayer) {
    this.#directory = join(storeDirectory, 'processes')
    this.#files = files
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 })
  }

  /** Durable on return: before this process writes anything else. */
  async place(self: ProcessIdentity): Promise<void> {
    writeFileSync(this.#path(self.token), JSON.stringify(self), { mode: 0o600 })
    await this.#files.syncDirectory(this.#directory)
  }

  remove(token: number): void {
    rmSync(this.#path(token), { force: true })
  }

  living(): ProcessIdentity[] {
    return this.#all().filter(isAlive)
  }

  /** Tokens of processes that ended without closing the store. */
  dead(): number[] {
    return this.#all()
      .filter((identity) => !isAlive(identity))
      .map((identity) => identity.token)
  }

  /**
   * No other process has the store open. Cheap: the folder is read again when it has changed, or may have
   * changed within a tick of its clock, and once a second, because processes end without a word.
   */
  isAlone(token: number): boolean {
    const nowMs = Date.now()
    const { mtimeMs } = statSync(this.#directory)
    const seen = this.#seen
    const isFresh = seen !== undefined && seen.mtimeMs === mtimeMs && Math.abs(nowMs - seen.atMs) < seenForMs
    if (isFresh && seen.atMs - mtimeMs > tickMs) return seen.isAlone
    const isAlone = this.living().every((identity) => identity.token === token)
    this.#seen = { mtimeMs, atMs: nowMs, isAlone }
    return isAlone
  }

  isLiving(token: number): boolean {
    const identity = existsSync(this.#path(token)) ? this.#read(`${token}.json`) : undefined
    return identity !== undefined && isAlive(identity)
  }

  #path(token: number): string {
    return join(this.#directory, `${token}.json`)
  }

  #all(): ProcessIdentity[] {
    return readdirSync(this.#directory)
      .filter((name) => /^\d+\.json$/.test(name))
      .map((name) => this.#read(name))
      .filter((identity) => identity !== undefined)
  }

  /** A marker that power failure cut short belongs to no living process. */
  #read(name: string): ProcessIdentity | undefined {
    const token = Number(name.slice(0, -5))
    try {
      return { ...(JSON.parse(readFileSync(join(this.#directory, name), 'utf8')) as ProcessIdentity), token }
    } catch {
      return { pid: 0, startTicks: -1, boot: '', token }
    }
  }
}

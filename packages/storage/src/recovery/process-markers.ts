import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { StoreError } from '../contract.ts'
import { isAlive, type ProcessIdentity } from '../process-identity.ts'
import type { FileLayer } from '../segments/file-layer.ts'

/** The last octet of a marker; white space to JSON. */
const free = ' '
const held = '\n'
/** Far longer than an event loop is ever busy. */
const holderTimeoutMs = 20_000
const lookAgainMs = 3
const seenForMs = 1_000
/** More than a tick of the clock that stamps files. */
const tickMs = 50
/** A marker is written at once: one that is older and says nothing belongs to nobody. */
const unfinishedMs = 60_000

/**
 * One small file for each process that has the store open, outside the index so that a rebuild sees them,
 * too. A marker whose process is gone tells that it did not close the store.
 */
export class ProcessMarkers {
  readonly #directory: string
  readonly #files: FileLayer
  #own: { readonly token: number; readonly file: number; readonly lengthBytes: number } | undefined
  #seen: { readonly mtimeMs: number; readonly atMs: number; readonly isAlone: boolean } | undefined

  constructor(storeDirectory: string, files: FileLayer) {
    this.#directory = join(storeDirectory, 'processes')
    this.#files = files
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 })
  }

  /**
   * Durable on return: before this process writes anything else. It gets its name when it is whole: one that
   * says nothing would be taken for that of a dead process.
   */
  async place(self: ProcessIdentity): Promise<void> {
    this.#removeUnfinished()
    const text = JSON.stringify(self)
    const path = this.#path(self.token)
    const file = openSync(`${path}.new`, 'w', 0o600)
    try {
      writeSync(file, text + free)
      renameSync(`${path}.new`, path)
    } catch (error) {
      closeSync(file)
      rmSync(`${path}.new`, { force: true })
      throw error
    }
    this.#own = { token: self.token, file, lengthBytes: Buffer.byteLength(text) }
    await this.#files.syncDirectory(this.#directory)
  }

  /** Of processes that ended before theirs had its name. */
  #removeUnfinished(): void {
    for (const name of readdirSync(this.#directory)) {
      if (!/^\d+\.json\.new$/.test(name)) continue
      const path = join(this.#directory, name)
      const age = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0)
      const identity = identityIn(path)
      // One that says nothing yet is perhaps being written.
      if (identity === undefined ? age > unfinishedMs : !isAlive(identity)) rmSync(path, { force: true })
    }
  }

  remove(token: number): void {
    if (this.#own?.token === token) {
      closeSync(this.#own.file)
      this.#own = undefined
    }
    rmSync(this.#path(token), { force: true })
  }

  /** That this process keeps a transaction of the index open, or does not any more. */
  announce(isHeld: boolean): void {
    if (this.#own !== undefined) writeSync(this.#own.file, isHeld ? held : free, this.#own.lengthBytes)
  }

  /**
   * Waits until no other process holds the index. To wait for it inside LMDB would stop the event loop, and for
   * ever when the other one waits for this process. Throws 'in-use' when one does not go on.
   */
  async awaitHolders(self: ProcessIdentity, timeoutMs = holderTimeoutMs): Promise<void> {
    const endMs = performance.now() + timeoutMs
    for (const other of this.living()) {
      if (other.pid === self.pid) continue
      while (this.#isHolding(other.token) && isAlive(other)) {
        if (performance.now() > endMs) {
          throw new StoreError(
            'in-use',
            `Cannot open the store: process ${other.pid} has it and does not go on`,
          )
        }
        await new Promise((resolve) => setTimeout(resolve, lookAgainMs))
      }
    }
  }

  #isHolding(token: number): boolean {
    try {
      return readFileSync(this.#path(token), 'latin1').endsWith(held)
    } catch {
      return false
    }
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
    const identity = identityIn(join(this.#directory, name))
    return { ...(identity ?? { pid: 0, startTicks: -1, boot: '' }), token }
  }
}

const identityIn = (path: string): ProcessIdentity | undefined => {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as ProcessIdentity
  } catch {
    return undefined
  }
}

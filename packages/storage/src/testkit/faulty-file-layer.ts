import {
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { type FileLayer, realFileLayer } from '../segments/file-layer.ts'

const pageBytes = 4096
const sectorBytes = 512

const isOfThisBoot = (path: string): boolean =>
  /^volatile-|\.mdb-lock$/.test(basename(path)) || dirname(path).endsWith('/processes')

interface Tracked {
  readonly path: string
  /** As of the last sync. */
  durable: Buffer
  /** Its name survives only after its folder was synced. */
  named: boolean
  pending: { position: number; bytes: Buffer }[]
}

export type Fault =
  /** At this call the power fails: it and all later ones never end. */
  | { readonly kind: 'power'; readonly atCall: number }
  /** This call fails with the code; a write has written half. */
  | { readonly kind: 'error'; readonly atCall: number; readonly code: 'ENOSPC' | 'EIO' }
  | { readonly kind: 'none' }

/**
 * Real files, with the memory of what was synced. `loseUnsynced` makes them what they could be after the
 * power failed: unsynced writes dropped, torn or kept in any order, unsynced names gone (SQLite's way).
 */
export class FaultyFileLayer implements FileLayer {
  readonly #fault: Fault
  readonly #files = new Map<number, Tracked>()
  readonly #byPath = new Map<string, Tracked>()
  /** What was taken away, and may be back. */
  readonly #unlinked = new Map<string, Buffer>()
  /** Files that others wrote and that are open here to be synced; and those that were. */
  readonly #copies = new Map<number, string>()
  readonly #syncedCopies = new Set<string>()
  readonly #random: () => number
  calls = 0
  isDown = false
  readonly down: Promise<void>
  #goDown: () => void = () => {}

  constructor(fault: Fault, seed = 1) {
    this.#fault = fault
    this.#random = randomFrom(seed)
    this.down = new Promise((resolve) => {
      this.#goDown = resolve
    })
  }

  create(path: string): number {
    this.#enter('sync')
    const file = realFileLayer.create(path)
    const tracked: Tracked = { path, durable: Buffer.alloc(0), named: false, pending: [] }
    this.#files.set(file, tracked)
    this.#byPath.set(path, tracked)
    return file
  }

  openRead(path: string): number {
    const file = realFileLayer.openRead(path)
    const tracked = this.#byPath.get(path)
    if (tracked) this.#files.set(file, tracked)
    else this.#copies.set(file, path)
    return file
  }

  openReadWrite(path: string): number {
    const file = realFileLayer.openReadWrite(path)
    const tracked = this.#byPath.get(path) ?? {
      path,
      durable: readFileSync(path),
      named: true,
      pending: [],
    }
    this.#files.set(file, tracked)
    this.#byPath.set(path, tracked)
    return file
  }

  writeSync(file: number, chunks: readonly Uint8Array[], position: number): void {
    const fails = this.#enter('sync')
    this.#write(file, chunks, position, fails)
  }

  async write(file: number, chunks: readonly Uint8Array[], position: number): Promise<void> {
    const fails = await this.#enterAsync()
    this.#write(file, chunks, position, fails)
  }

  read(file: number, target: Uint8Array, position: number): Promise<number> {
    return realFileLayer.read(file, target, position)
  }

  readSync(file: number, target: Uint8Array, position: number): number {
    return realFileLayer.readSync(file, target, position)
  }

  async dataSync(file: number): Promise<void> {
    const fails = await this.#enterAsync()
    if (fails) throw fails
    this.#synced(file)
  }

  dataSyncNow(file: number): void {
    const fails = this.#enter('sync')
    if (fails) throw fails
    this.#synced(file)
  }

  #synced(file: number): void {
    const tracked = this.#files.get(file)
    const copy = this.#copies.get(file)
    if (copy !== undefined) this.#syncedCopies.add(copy)
    if (!tracked) return
    tracked.durable = readFileSync(tracked.path)
    tracked.pending = []
  }

  truncate(file: number, lengthBytes: number): void {
    realFileLayer.truncate(file, lengthBytes)
  }

  close(file: number): void {
    this.#files.delete(file)
    this.#copies.delete(file)
    realFileLayer.close(file)
  }

  unlink(path: string): void {
    const tracked = this.#byPath.get(path)
    this.#byPath.delete(path)
    if (this.isDown) return
    if (existsSync(path) && tracked?.named !== false)
      this.#unlinked.set(path, tracked?.durable ?? readFileSync(path))
    realFileLayer.unlink(path)
  }

  sizeOf(path: string): number | undefined {
    return realFileLayer.sizeOf(path)
  }

  async syncDirectory(path: string): Promise<void> {
    const fails = await this.#enterAsync()
    if (fails) throw fails
    for (const tracked of this.#byPath.values()) if (dirname(tracked.path) === path) tracked.named = true
    for (const unlinked of this.#unlinked.keys())
      if (dirname(unlinked) === path) this.#unlinked.delete(unlinked)
  }

  /** The folder as it could be after the power failed, in a new place. Processes are gone with it. */
  loseUnsynced(directory: string, target: string): void {
    cpSync(directory, target, { recursive: true, filter: (path) => !isOfThisBoot(path) })
    for (const tracked of this.#byPath.values()) {
      const path = tracked.path.replace(directory, target)
      if (!existsSync(path)) continue
      if (!tracked.named) rmSync(path)
      else if (path.endsWith('.mdb')) writeFileSync(path, this.#mixPages(tracked.durable, readFileSync(path)))
      else writeFileSync(path, this.#losePending(tracked))
    }
    for (const [path, content] of this.#unlinked) {
      const back = path.replace(directory, target)
      if (path.startsWith(directory) && !existsSync(back) && this.#random() < 0.5)
        writeFileSync(back, content)
    }
  }

  /** The same, of a folder that was not there before: files that were copied to it, and not synced, are there or not. */
  loseCopies(directory: string, target: string): void {
    if (!existsSync(directory)) return
    cpSync(directory, target, { recursive: true })
    for (const name of readdirSync(target, { recursive: true, encoding: 'utf8' })) {
      const path = join(target, name)
      const former = join(directory, name)
      // A new name changes nothing of what was synced under the one before.
      const isSynced = this.#syncedCopies.has(former) || this.#syncedCopies.has(`${former}.restoring`)
      if (!statSync(path).isFile() || isSynced) continue
      const dice = this.#random()
      if (dice < 0.34) rmSync(path)
      else if (dice < 0.67) truncateSync(path, Math.floor(this.#random() * statSync(path).size))
    }
  }

  #losePending(tracked: Tracked): Buffer {
    let content = tracked.durable
    const order = tracked.pending.toSorted(() => this.#random() - 0.5)
    for (const { position, bytes } of order) {
      const dice = this.#random()
      if (dice < 0.34) continue
      const kept = dice < 0.67 ? bytes : bytes.subarray(0, Math.floor(this.#random() * bytes.length))
      const grown = Buffer.alloc(Math.max(content.length, position + kept.length))
      content.copy(grown)
      kept.copy(grown, position)
      content = grown
    }
    return content
  }

  /** LMDB writes by itself: of what it wrote since the last sync any sectors may have come to the disk. */
  #mixPages(durable: Buffer, present: Buffer): Buffer {
    const share = this.#random()
    const mixed = Buffer.alloc(Math.max(durable.length, present.length))
    durable.copy(mixed)
    for (let at = 0; at < present.length; at += pageBytes) {
      if (this.#random() < share) continue
      const isTorn = this.#random() < 0.1
      for (let sector = at; sector < at + pageBytes; sector += sectorBytes) {
        if (!isTorn || this.#random() < 0.5) present.copy(mixed, sector, sector, sector + sectorBytes)
      }
    }
    return mixed
  }

  #write(file: number, chunks: readonly Uint8Array[], position: number, fails: Error | undefined): void {
    const whole = Buffer.concat(chunks)
    const bytes = fails ? whole.subarray(0, Math.floor(whole.length / 2)) : whole
    this.#files.get(file)?.pending.push({ position, bytes })
    realFileLayer.writeSync(file, [bytes], position)
    if (fails) throw fails
  }

  #enter(way: 'sync' | 'async'): Error | undefined {
    const call = ++this.calls
    const { kind } = this.#fault
    if (kind === 'power' && call >= this.#fault.atCall) {
      this.isDown = true
      this.#goDown()
      if (way === 'sync') throw Object.assign(new Error('EIO: power failed'), { code: 'EIO' })
    }
    if (kind === 'error' && call === this.#fault.atCall) {
      return Object.assign(new Error(`${this.#fault.code}: injected`), { code: this.#fault.code })
    }
    return undefined
  }

  async #enterAsync(): Promise<Error | undefined> {
    const fails = this.#enter('async')
    if (this.isDown) await new Promise(() => {})
    // As the real ones: not in the same turn.
    await new Promise((resolve) => setImmediate(resolve))
    return fails
  }
}

/** Mulberry32. */
export const randomFrom = (seed: number): (() => number) => {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

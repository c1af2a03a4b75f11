import type { FileLayer } from '../segments/file-layer.ts'
import { isUnreadable } from '../segments/readable-octets.ts'
import {
  bigValue,
  childOf,
  flag,
  headBytes,
  lastPageAt,
  lowerAt,
  metaBytes,
  nodeBytes,
  noRoot,
  pageCountAt,
  pageFlags,
  transactionAt,
  tree,
  trees,
  upperAt,
  writtenBy,
  youngestMeta,
} from './page-layout.ts'

const maxDepth = 32
/** A terabyte. */
const mostPages = 2 ** 28
const kind = { unknown: 0, used: 1, free: 2 } as const

/** Of the pages behind the two meta pages: named by a tree, listed as free, or neither: nobody will use these again. */
export interface PageCount {
  readonly used: number
  readonly free: number
  readonly lost: number
}

/**
 * Follows both trees of the index's youngest state through every page, without LMDB, which ends the process on a page
 * that is not what it should be. Says what is wrong; undefined when nothing is. Nobody may have the file open.
 */
export const findBrokenPage = (files: FileLayer, file: number, pageBytes: number): string | undefined => {
  const metas = Buffer.alloc(2 * metaBytes)
  for (const number of [0, 1])
    files.readSync(file, metas.subarray(number * metaBytes, (number + 1) * metaBytes), number * pageBytes)
  const walk = walkPages({ files, file, pageBytes, meta: youngestMeta(metas) })
  let step = walk.next()
  while (step.done !== true) step = walk.next()
  return typeof step.value === 'string' ? step.value : undefined
}

export interface WalkPlace {
  readonly files: FileLayer
  readonly file: number
  readonly pageBytes: number
  /** Head of the meta page of a state whose pages nobody uses again meanwhile. */
  readonly meta: Buffer
}

/** One page a step. Gives what is wrong, or how many pages there are of each kind. */
export function* walkPages({ files, file, pageBytes, meta }: WalkPlace): Generator<void, string | PageCount> {
  const lastPage = Number(meta.readBigUInt64LE(lastPageAt))
  if (lastPage > mostPages) return `it counts ${lastPage} pages`
  const walk = new PageWalk(files, file, pageBytes, {
    lastPage,
    youngest: meta.readBigUInt64LE(transactionAt),
  })
  try {
    yield* walk.follow(meta, trees.free, 'numbers')
    yield* walk.follow(meta, trees.main, 'octets')
    return walk.count()
  } catch (error) {
    if (error instanceof BrokenPage) return error.message
    throw error
  }
}

class BrokenPage extends Error {}

interface Place {
  readonly page: number
  /** 1 = leaf. */
  readonly level: number
}

class PageWalk {
  readonly #files: FileLayer
  readonly #file: number
  readonly #pageBytes: number
  readonly #lastPage: number
  readonly #youngest: bigint
  readonly #seen: Uint8Array
  readonly #bytes: Buffer
  /** Pages and how many of them follow one another, in turn. */
  readonly #free: number[] = []
  #counts = { branches: 0, leaves: 0, entries: 0 }

  constructor(
    files: FileLayer,
    file: number,
    pageBytes: number,
    { lastPage, youngest }: { readonly lastPage: number; readonly youngest: bigint },
  ) {
    this.#files = files
    this.#file = file
    this.#pageBytes = pageBytes
    this.#lastPage = lastPage
    this.#youngest = youngest
    this.#seen = new Uint8Array(lastPage + 1)
    this.#bytes = Buffer.alloc(pageBytes)
  }

  *follow(meta: Buffer, at: number, keys: 'octets' | 'numbers'): Generator<void> {
    const root = meta.readBigUInt64LE(at + tree.root)
    const depth = meta.readUInt16LE(at + tree.depth)
    this.#counts = { branches: 0, leaves: 0, entries: 0 }
    if (root !== noRoot) {
      if (depth < 1 || depth > maxDepth) throw new BrokenPage(`a tree has ${depth} levels`)
      const open: Place[] = [{ page: Number(root), level: depth }]
      for (let place = open.pop(); place !== undefined; place = open.pop()) {
        this.#visit(place, keys, open)
        yield
      }
    }
    for (const name of ['branches', 'leaves', 'entries'] as const) {
      const should = Number(meta.readBigUInt64LE(at + tree[name]))
      if (this.#counts[name] !== should)
        throw new BrokenPage(`a tree has ${this.#counts[name]} ${name}, not ${should}`)
    }
  }

  #visit({ page, level }: Place, keys: 'octets' | 'numbers', open: Place[]): void {
    const bytes = this.#read(page)
    if ((bytes.readUInt16LE(pageFlags) & 0xff) !== (level === 1 ? flag.leaf : flag.branch))
      throw new BrokenPage(`page ${page} is of another kind`)
    const lower = bytes.readUInt16LE(lowerAt)
    const upper = bytes.readUInt16LE(upperAt)
    const room = this.#pageBytes - headBytes
    if (lower > upper || upper > room || lower % 2 !== 0)
      throw new BrokenPage(`page ${page} has wrong bounds`)
    const count = lower / 2
    if (count === 0 || (level > 1 && count < 2)) throw new BrokenPage(`page ${page} has ${count} nodes`)
    if (level === 1) this.#counts.leaves++
    else this.#counts.branches++
    let former: Buffer | undefined
    for (let index = 0; index < count; index++) {
      const node = headBytes + bytes.readUInt16LE(headBytes + index * 2)
      if (node < headBytes + upper || node + nodeBytes > this.#pageBytes)
        throw new BrokenPage(`page ${page}: node ${index} is outside`)
      const keyEnd = node + nodeBytes + bytes.readUInt16LE(node + 6)
      if (keyEnd > this.#pageBytes) throw new BrokenPage(`page ${page}: a key is too long`)
      if (level > 1) open.push({ page: childOf(bytes, node), level: level - 1 })
      else this.#value(bytes, { page, node, keyEnd }, keys === 'numbers')
      // The first key of a branch counts as the least, and is not kept up.
      const isKept = keys === 'octets' && (level === 1 || index > 0)
      const key = isKept ? bytes.subarray(node + nodeBytes, keyEnd) : undefined
      if (key && former && Buffer.compare(former, key) >= 0)
        throw new BrokenPage(`page ${page}: keys are out of order`)
      former = key
    }
  }

  #value(
    bytes: Buffer,
    { page, node, keyEnd }: { page: number; node: number; keyEnd: number },
    isFreeList: boolean,
  ): void {
    this.#counts.entries++
    const valueBytes = bytes.readUInt32LE(node)
    if ((bytes.readUInt16LE(node + 4) & bigValue) === 0) {
      if (keyEnd + valueBytes > this.#pageBytes) throw new BrokenPage(`page ${page}: a value is too long`)
      if (isFreeList) this.#listFree(bytes.subarray(keyEnd, keyEnd + valueBytes), page)
      return
    }
    if (keyEnd + 8 > this.#pageBytes) throw new BrokenPage(`page ${page}: a value is too long`)
    const first = Number(bytes.readBigUInt64LE(keyEnd))
    const kept = Buffer.from(bytes)
    const head = this.#read(first)
    const pages = head.readUInt32LE(pageCountAt)
    const needed = Math.ceil((headBytes + valueBytes) / this.#pageBytes)
    if ((head.readUInt16LE(pageFlags) & 0xff) !== flag.overflow || pages < needed)
      throw new BrokenPage(`page ${first} is no long value`)
    for (let each = first + 1; each < first + pages; each++) this.#take(each)
    if (isFreeList) {
      const value = Buffer.alloc(valueBytes)
      this.#files.readSync(this.#file, value, first * this.#pageBytes + headBytes)
      this.#listFree(value, first)
    }
    kept.copy(this.#bytes)
  }

  /** A number of entries, then these: a page, or less than 0 how many from the page on that follows, or 0. */
  #listFree(value: Buffer, page: number): void {
    const words = Math.floor(value.length / 8) - 1
    const entries = words < 0 ? 0 : Number(value.readBigUInt64LE(0))
    if (entries > words) throw new BrokenPage(`page ${page}: a list of free pages is too long`)
    for (let at = 1; at <= entries; at++) {
      const entry = Number(value.readBigInt64LE(at * 8))
      if (entry > 0) this.#free.push(entry, 1)
      else if (entry < 0 && at < entries) this.#free.push(Number(value.readBigInt64LE(++at * 8)), -entry)
    }
  }

  /** LMDB leaves out what it finds listed twice; what is in use and listed it would overwrite. */
  count(): PageCount {
    const seen = this.#seen
    for (let at = 0; at < this.#free.length; at += 2) {
      const first = this.#free[at] as number
      const pages = this.#free[at + 1] as number
      if (!(first >= 2 && first + pages - 1 <= this.#lastPage))
        throw new BrokenPage(`free page ${first} is outside of the file`)
      for (let page = first; page < first + pages; page++) {
        if (seen[page] === kind.used) throw new BrokenPage(`page ${page} is in use and listed as free`)
        seen[page] = kind.free
      }
    }
    const count = { used: 0, free: 0, lost: 0 }
    for (let page = 2; page <= this.#lastPage; page++) {
      if (seen[page] === kind.used) count.used++
      else if (seen[page] === kind.free) count.free++
      else count.lost++
    }
    return count
  }

  #take(page: number): void {
    if (!(page >= 2 && page <= this.#lastPage)) throw new BrokenPage(`page ${page} is outside of the file`)
    if (this.#seen[page] !== kind.unknown) throw new BrokenPage(`page ${page} is used twice`)
    this.#seen[page] = kind.used
  }

  #read(page: number): Buffer {
    this.#take(page)
    const bytes = this.#bytes
    if (this.#readAt(bytes, page) < bytes.length) throw new BrokenPage(`page ${page} is cut short`)
    if (Number(bytes.readBigUInt64LE(0)) !== page) throw new BrokenPage(`page ${page} is another one`)
    // LMDB would take it for a page of the transaction under way, and look for it in its memory.
    if (bytes.readBigUInt64LE(writtenBy) > this.#youngest)
      throw new BrokenPage(`page ${page} is of a later state`)
    return bytes
  }

  #readAt(bytes: Buffer, page: number): number {
    try {
      return this.#files.readSync(this.#file, bytes, page * this.#pageBytes)
    } catch (error) {
      if (!isUnreadable(error)) throw error
      throw new BrokenPage(`page ${page}: the disk cannot read it`)
    }
  }
}

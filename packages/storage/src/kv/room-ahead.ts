import { closeSync, fstatSync, openSync, statfsSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { isCopyOnWrite } from './copy-on-write.ts'

/** What is asked of LMDB inside a write transaction. */
export interface PageCounts {
  /** Number of the transaction. */
  transaction(): number
  /** Greatest page of the last committed state. */
  lastPage(): number
  /** Of the tree as it is in this transaction. */
  leafPages(): number
  branchPages(): number
}

const pageBytes = 4096
/** To fill 2 MB takes a few milliseconds, of all sessions. */
const mostAheadPages = 512
const leastAheadPages = 256
/** Of the room on the disk. */
const shareOfDisk = 1 / 16
/** Levels that a row may change, and a page for a split: a bound that costs nothing to know. */
const pagesForRow = 6
/** Of the list of free pages, and the meta pages. */
const besidePages = 24
const zeros = Buffer.alloc(256 * 1024)
/** Left free where overwriting takes room: for the lock file too, and what the file system notes of each change. */
const spareBytes = { adding: 6 * 1024 * 1024, freeing: 2 * 1024 * 1024 }
/** What removes mail may go on for longer. */
export type Spare = keyof typeof spareBytes
/** In the first page, behind the index id; LMDB leaves it alone. */
const probePlace = (pageBytes / 4) * 3 + 16
const probe = Buffer.alloc(4)

/**
 * Before a transaction ends, the file has octets on the disk for every page that it may write, so that no write of
 * LMDB's fails: what lmdb-js says of one that does (3.5.6: up to 110 octets, formatted into 100 of the heap) damages
 * the process. So a full disk, and one that can only be read, are found out here, while the transaction can still be
 * given up. Where a page that is overwritten goes to another place, room for all of them is to be free, and more.
 */
export class RoomAhead {
  readonly #path: string
  readonly #file: number
  readonly #counts: PageCounts
  readonly #isCopyOnWrite: boolean
  #sizePages = 0
  /** All pages below this may be in use when what was counted is committed. */
  #usedPages = 0
  #transaction = -1
  /** Of the transaction under way. */
  #rows = 0
  #octets = 0
  #counted = 0
  #isProbed = false

  constructor(path: string, counts: PageCounts) {
    this.#path = path
    this.#file = openSync(path, 'r+')
    this.#counts = counts
    this.#isCopyOnWrite = isCopyOnWrite(dirname(path))
  }

  /** A row is written; 0 octets: removed. */
  count(octets: number): void {
    this.#rows++
    this.#octets += octets
  }

  /** Inside the transaction, before its end and as often as wanted. Throws the system's error, ENOSPC or another. */
  ensure(spare: Spare): void {
    const transaction = this.#counts.transaction()
    if (transaction !== this.#transaction) this.#begin(transaction)
    if (this.#isCopyOnWrite) this.#ensureOverwriting(spareBytes[spare])
    if (!this.#isProbed) writeSync(this.#file, probe, 0, probe.length, probePlace)
    this.#isProbed = true
    const cheap = this.#rows * pagesForRow + this.#octets / pageBytes + besidePages
    this.#usedPages += cheap - this.#counted
    this.#counted = cheap
    if (this.#usedPages <= this.#sizePages) return
    this.#sizePages = Math.floor(fstatSync(this.#file).size / pageBytes)
    const needed = this.#counts.lastPage() + 1 + this.#bound()
    this.#usedPages = needed
    this.#counted = cheap
    if (needed > this.#sizePages) this.#extend(needed)
  }

  /** The transaction was open for a while: the disk may have become another. */
  doubt(): void {
    this.#isProbed = false
  }

  /** It has ended, one way or the other: what was counted for it is over. */
  ended(): void {
    this.#isProbed = false
    this.#rows = 0
    this.#octets = 0
    this.#counted = 0
  }

  close(): void {
    closeSync(this.#file)
  }

  /** Other processes may have written since this one did. */
  #begin(transaction: number): void {
    if (transaction !== this.#transaction + 1) this.#usedPages = Number.POSITIVE_INFINITY
    this.#transaction = transaction
  }

  #ensureOverwriting(leastBytes: number): void {
    const { bavail, bsize } = statfsSync(dirname(this.#path))
    if (bavail * bsize >= leastBytes + 2 * this.#bound() * pageBytes) return
    throw Object.assign(new Error('ENOSPC: too little room to write anew what is there'), { code: 'ENOSPC' })
  }

  #bound(): number {
    const leaves = Math.min(this.#rows, this.#counts.leafPages() + 1)
    const branches = Math.min(this.#rows, this.#counts.branchPages() + 1)
    const splits = this.#octets === 0 ? 0 : Math.min(this.#rows, (4 * this.#octets) / pageBytes + 2)
    const pages = leaves + branches + splits + this.#octets / pageBytes
    return Math.ceil(pages * 1.02) + besidePages
  }

  #extend(needed: number): void {
    const { bavail, bsize } = statfsSync(dirname(this.#path))
    const share = (bavail * bsize * shareOfDisk) / pageBytes
    const ahead = Math.min(mostAheadPages, Math.max(leastAheadPages, needed), Math.floor(share))
    try {
      this.#fill(needed + ahead)
    } catch (error) {
      this.#sizePages = Math.floor(fstatSync(this.#file).size / pageBytes)
      if (this.#sizePages < needed) throw error
    }
  }

  #fill(upToPages: number): void {
    let at = this.#sizePages * pageBytes
    const end = upToPages * pageBytes
    while (at < end) at += writeSync(this.#file, zeros, 0, Math.min(zeros.length, end - at), at)
    this.#sizePages = upToPages
  }
}

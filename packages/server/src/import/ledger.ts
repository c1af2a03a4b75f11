import { createHash } from 'node:crypto'
import { appendFileSync, closeSync, existsSync, fsyncSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Uid } from '@posthorn/storage'
import { syncFolder } from '../durable-file.ts'
import { makeFolders } from '../make-folders.ts'

/** A message that was brought here. */
export interface Brought {
  readonly key: string
  readonly uid: Uid
  /** SHA-256 of its octets, hex. */
  readonly hash: string
  /** As they were there when they were last looked at: `1 $Forwarded Work`. */
  readonly flags: string
}

/** What was about to be appended when the import ended without a word. */
export interface Unfinished {
  readonly fromUid: Uid
  readonly items: readonly Omit<Brought, 'uid'>[]
}

type Line =
  | ({ readonly type: 'begin'; readonly mailbox: string; readonly validity: number } & Unfinished)
  | {
      readonly type: 'brought'
      readonly mailbox: string
      readonly validity: number
      readonly items: readonly Brought[]
    }
  | {
      readonly type: 'gone'
      readonly mailbox: string
      readonly validity: number
      readonly keys: readonly string[]
    }

/**
 * What was brought from one source into one account, so that an import can be broken off and gone on with, and a
 * last pass brings the difference only. One JSON object a line, only ever appended to.
 */
export class Ledger {
  readonly #fd: number | undefined
  readonly #mailboxes = new Map<
    string,
    { brought: Map<string, Brought>; unfinished: Unfinished | undefined }
  >()

  private constructor(file: string, fd: number | undefined) {
    this.#fd = fd
    for (const line of existsSync(file) ? readFileSync(file, 'utf8').split('\n') : []) {
      const entry = parseLine(line)
      if (entry !== undefined) this.#enter(entry)
    }
  }

  /** 'read-only' for a dry run: nothing is made. */
  static open(folder: string, source: string, account: string, use: 'read-only' | 'write'): Ledger {
    const name = createHash('sha256').update(`${account}\n${source}`).digest('hex').slice(0, 24)
    const file = join(folder, `${name}.jsonl`)
    if (use === 'read-only') return new Ledger(file, undefined)
    makeFolders(folder, 0o700)
    const isNew = !existsSync(file)
    const fd = openSync(file, 'a', 0o600)
    if (isNew) {
      appendFileSync(fd, `${JSON.stringify({ type: 'source', account, source })}\n`)
      syncFolder(folder)
    }
    // A line that a crash cut short must not swallow the next one.
    else appendFileSync(fd, '\n')
    return new Ledger(file, fd)
  }

  brought(mailbox: string, validity: number): ReadonlyMap<string, Brought> {
    return this.#of(mailbox, validity).brought
  }

  unfinished(mailbox: string, validity: number): Unfinished | undefined {
    return this.#of(mailbox, validity).unfinished
  }

  /** On disk before the messages are: after a crash those between can be told from strangers. */
  begin(mailbox: string, validity: number, unfinished: Unfinished): void {
    this.#write({ type: 'begin', mailbox, validity, ...unfinished })
    if (this.#fd !== undefined) fsyncSync(this.#fd)
  }

  add(mailbox: string, validity: number, items: readonly Brought[]): void {
    this.#write({ type: 'brought', mailbox, validity, items })
  }

  forget(mailbox: string, validity: number, keys: readonly string[]): void {
    if (keys.length > 0) this.#write({ type: 'gone', mailbox, validity, keys })
  }

  close(): void {
    if (this.#fd === undefined) return
    fsyncSync(this.#fd)
    closeSync(this.#fd)
  }

  #write(line: Line): void {
    this.#enter(line)
    if (this.#fd !== undefined) appendFileSync(this.#fd, `${JSON.stringify(line)}\n`)
  }

  #of(mailbox: string, validity: number) {
    const name = `${validity} ${mailbox}`
    let found = this.#mailboxes.get(name)
    if (found === undefined) {
      found = { brought: new Map(), unfinished: undefined }
      this.#mailboxes.set(name, found)
    }
    return found
  }

  #enter(line: Line): void {
    const known = this.#of(line.mailbox, line.validity)
    if (line.type === 'begin') known.unfinished = { fromUid: line.fromUid, items: line.items }
    else if (line.type === 'gone') for (const key of line.keys) known.brought.delete(key)
    else {
      for (const item of line.items) known.brought.set(item.key, item)
      known.unfinished = undefined
    }
  }
}

function parseLine(line: string): Line | undefined {
  try {
    const entry = JSON.parse(line) as Line | { type: 'source' }
    return entry.type === 'source' ? undefined : entry
  } catch {
    return undefined
  }
}

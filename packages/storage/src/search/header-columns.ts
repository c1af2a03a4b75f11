/** Decoded, case folded fields; a message with several fields of the name has them joined by line ends. */
export class HeaderColumn {
  /** null: no such field. */
  readonly #values = new Map<number, string | null>()
  sizeBytes = 0

  /** undefined: not known. */
  get(uid: number): string | null | undefined {
    return this.#values.get(uid)
  }

  set(uid: number, value: string | null): void {
    if (this.#values.has(uid) || (value !== null && value.length > maxValueLength)) return
    this.#values.set(uid, value === null ? null : ownText(value))
    this.sizeBytes += entryBytes + (value?.length ?? 0)
  }
}

const defaultMaxBytes = 16 * 1024 * 1024
/** Longer values are read each time. */
const maxValueLength = 2_048
/** What a value costs beside its characters. */
const entryBytes = 64

/**
 * Header fields that were searched before, for all sessions of a process: a message never changes and its UID
 * is never used again. Bounded; the columns used longest ago make room.
 */
export class HeaderColumns {
  readonly #maxBytes: number
  readonly #columns = new Map<string, HeaderColumn>()

  constructor(maxBytes = defaultMaxBytes) {
    this.#maxBytes = maxBytes
  }

  of(mailbox: number, name: string): HeaderColumn {
    const key = `${mailbox} ${name}`
    const column = this.#columns.get(key) ?? new HeaderColumn()
    this.#columns.delete(key)
    this.#columns.set(key, column)
    return column
  }

  get sizeBytes(): number {
    let sum = 0
    for (const { sizeBytes } of this.#columns.values()) sum += sizeBytes
    return sum
  }

  /** After each search. */
  trim(): void {
    let bytes = this.sizeBytes
    for (const [key, column] of this.#columns) {
      if (bytes <= this.#maxBytes) break
      bytes -= column.sizeBytes
      this.#columns.delete(key)
    }
  }
}

/** A part of a longer text would keep all of it in memory. */
const ownText = (text: string): string => {
  const own = Buffer.from(text).toString()
  return own === text ? own : text
}

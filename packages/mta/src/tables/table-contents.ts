import type { LongFiles } from './table.ts'

interface Kept {
  /** State of the file that it was read from. */
  readonly identity: string
  readonly content: unknown
}

/** Each of them is found by opening anew; more than that changes faster than it can be read. */
const maxReadBeside = 200

/** What was read of tables, by table. Outlives a reload, so that a file that is as it was is not read again. */
export class TableContents {
  readonly #kept = new Map<string, Kept>()

  get(table: string): Kept | undefined {
    return this.#kept.get(table)
  }

  set(table: string, kept: Kept): void {
    this.#kept.set(table, kept)
  }

  /**
   * Opens tables while others are served: long files that are new or changed are read in slices of the event loop, one
   * after the other, and `open` is called again after each. What it throws otherwise is thrown. What is opened later
   * (a table that a table names) is read at once.
   */
  async prepare<T>(open: (longFiles: () => LongFiles) => T | Promise<T>): Promise<T> {
    for (let left = maxReadBeside; ; left--) {
      let longFiles: LongFiles = left > 0 ? 'throw' : 'read'
      try {
        const opened = await open(() => longFiles)
        longFiles = 'read'
        return opened
      } catch (error) {
        if (!(error instanceof TableUnread)) throw error
        await error.read()
      }
    }
  }
}

/** A long file must be read first, which takes more than one turn. See `TableContents.prepare`. */
export class TableUnread extends Error {
  /** Throws TableError. */
  readonly read: () => Promise<void>
  constructor(path: string, read: () => Promise<void>) {
    super(`${path} is not read yet`)
    this.name = 'TableUnread'
    this.read = read
  }
}

import type { Environment } from './environment.ts'
import type { Changes } from './unit.ts'

/**
 * What a group's transaction changes. A row goes into the index when the group is complete, or when a range is
 * read: many units change the same few rows, and most messages change one of theirs twice.
 */
export class GroupRows {
  readonly changes: Changes = new Map()
  readonly #environment: Environment
  /** Keys of rows that the index lacks, by their names. */
  readonly #unwritten = new Map<string, Buffer>()
  /** The transaction has failed. */
  #failure: unknown

  constructor(environment: Environment) {
    this.#environment = environment
  }

  set(name: string, key: Buffer, value: Buffer | null): void {
    this.changes.set(name, value)
    this.#unwritten.set(name, key)
  }

  /**
   * Inside the transaction. One in which LMDB failed commits nothing any more, and to write more into it may end the
   * process: then this throws what it threw first.
   */
  write(): void {
    if (this.#failure !== undefined) throw this.#failure
    try {
      for (const [name, key] of this.#unwritten) {
        const value = this.changes.get(name) ?? null
        if (value === null) this.#environment.removeSync(key)
        else this.#environment.putSync(key, value)
      }
      this.#unwritten.clear()
    } catch (error) {
      if (endsTransaction(error)) this.#failure = error
      throw error
    }
  }
}

const badValueSize = -30781

/** LMDB's errors, and those of the system that it passes on, have numbers for codes. A key too long harms nothing. */
const endsTransaction = (error: unknown): boolean => {
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined
  return typeof code === 'number' && code !== badValueSize
}

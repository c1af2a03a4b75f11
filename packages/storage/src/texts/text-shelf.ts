import { statSync } from 'node:fs'
import { workTurns } from '../work-turns.ts'
import { TextGeneration } from './text-generation.ts'
import { indexPath } from './text-record.ts'

/** Records that one process keeps in memory, of all accounts; and open accounts. */
const maxRecords = 400_000
const maxAccounts = 64

/** The texts that this process has looked at, by account; those used longest ago make room. */
export class TextShelf {
  readonly directory: string
  readonly #accounts = new Map<number, TextGeneration>()
  #closed = false

  constructor(directory: string) {
    this.directory = directory
  }

  /** Before `of`: reads an index that is not known yet in parts, and lets others in between. */
  async prepare(account: number): Promise<void> {
    let generation: TextGeneration | undefined
    try {
      const stat = statSync(indexPath(this.directory, account), { throwIfNoEntry: false })
      if (stat === undefined) return
      const known = this.#accounts.get(account)
      if (known?.inode === stat.ino) {
        known.retain()
        generation = known
      } else generation = new TextGeneration(this.directory, account)
      while (generation.readSome(stat.size)) await workTurns.next()
      if (known !== generation && !this.#closed && this.#accounts.get(account) === known) {
        known?.release()
        generation.retain()
        this.#accounts.set(account, generation)
      }
    } catch {
      // `of` will see it, too.
    } finally {
      generation?.release()
    }
  }

  /** As they are on disk now; undefined when there are none, or none that can be read. */
  of(account: number): TextGeneration | undefined {
    try {
      const stat = statSync(indexPath(this.directory, account), { throwIfNoEntry: false })
      const known = this.#accounts.get(account)
      const current =
        stat === undefined
          ? undefined
          : known?.isCurrent(stat)
            ? known
            : this.#open(account, { ino: stat.ino, size: stat.size })
      this.#accounts.delete(account)
      if (current !== known) known?.release()
      if (current === undefined) return undefined
      this.#accounts.set(account, current)
      this.#makeRoom(current)
      return current
    } catch {
      // Made anew, or compacted away at this moment: as if nothing were kept.
      return undefined
    }
  }

  /** Gives back files that are not the ones on disk any more: their room is free only then. */
  dropReplaced(): void {
    for (const [account, generation] of this.#accounts) {
      const stat = statSync(indexPath(this.directory, account), { throwIfNoEntry: false })
      if (stat?.ino === generation.inode) continue
      this.#accounts.delete(account)
      generation.release()
    }
  }

  close(): void {
    this.#closed = true
    for (const generation of this.#accounts.values()) generation.release()
    this.#accounts.clear()
  }

  #open(account: number, stat: { ino: number; size: number }): TextGeneration {
    const opened = new TextGeneration(this.directory, account)
    opened.isCurrent({ ino: opened.inode, size: stat.size })
    return opened
  }

  #makeRoom(current: TextGeneration): void {
    let records = 0
    for (const { count } of this.#accounts.values()) records += count
    for (const [account, generation] of this.#accounts) {
      if (generation === current || (records <= maxRecords && this.#accounts.size <= maxAccounts)) return
      records -= generation.count
      this.#accounts.delete(account)
      generation.release()
    }
  }
}

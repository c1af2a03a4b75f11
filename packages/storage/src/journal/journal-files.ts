import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface JournalFile {
  readonly path: string
  readonly kind: 'journal' | 'checkpoint'
  /** Token of the writing process. */
  readonly owner: number
  readonly number: number
}

/** `TOKEN-NUMBER.jnl` and `TOKEN-NUMBER.ckp` in the store's `journal` folder. */
export const journalDirectory = (storeDirectory: string): string => {
  const directory = join(storeDirectory, 'journal')
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  return directory
}

export const journalPath = (
  directory: string,
  kind: JournalFile['kind'],
  owner: number,
  number: number,
): string =>
  join(directory, `${owner}-${String(number).padStart(6, '0')}.${kind === 'journal' ? 'jnl' : 'ckp'}`)

export const listJournalFiles = (directory: string): JournalFile[] =>
  readdirSync(directory)
    .map((name): JournalFile | undefined => {
      const match = /^(\d+)-(\d+)\.(jnl|ckp)$/.exec(name)
      if (!match) return undefined
      const kind = match[3] === 'jnl' ? 'journal' : 'checkpoint'
      return { path: join(directory, name), kind, owner: Number(match[1]), number: Number(match[2]) }
    })
    .filter((file) => file !== undefined)

export const readJournalFile = (file: JournalFile): Buffer => readFileSync(file.path)

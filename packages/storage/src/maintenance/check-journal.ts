import { readFile } from 'node:fs/promises'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { type JournalFile, listJournalFiles } from '../journal/journal-files.ts'
import { type JournalRecord, salvageFrames } from '../journal/journal-frame.ts'
import { versionKey } from '../rows/version-row.ts'
import { judgeJournal, noBeginning } from './replay-journal.ts'

/** Others wait no longer than about this. */
const turnMs = 10
/** Another process may put a checkpoint in the place of what is read. */
const attempts = 5

/** What is not whole of the journals of a store in use: a rebuild would not know everything. Throws what `mayGoOn` throws. */
export const checkJournal = async (directory: string, mayGoOn: () => void): Promise<readonly string[]> => {
  for (let attempt = 1; ; attempt++) {
    try {
      return await faultsIn(listJournalFiles(directory), mayGoOn)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || attempt === attempts) throw error
    }
  }
}

const faultsIn = async (files: readonly JournalFile[], mayGoOn: () => void): Promise<readonly string[]> => {
  const faults: string[] = []
  let hasBeginning = false
  for (const file of files) {
    const bytes = await readFile(file.path)
    const gaps: { from: number; to: number }[] = []
    let last: JournalRecord | undefined
    let beganMs = performance.now()
    for (const record of salvageFrames(bytes, (from, to) => gaps.push({ from, to }))) {
      last = record
      hasBeginning ||= record.key.equals(versionKey)
      if (performance.now() - beganMs <= turnMs) continue
      await nextTurn()
      mayGoOn()
      beganMs = performance.now()
    }
    const judged = judgeJournal(file, { gaps, lengthBytes: bytes.length, last })
    if (judged.isDamaged) faults.push(...judged.gaps)
  }
  return hasBeginning ? faults : [noBeginning, ...faults]
}

import type { FetchWant } from '../contract.ts'
import { workTurns } from '../work-turns.ts'
import { type Candidate, stage } from './candidate.ts'
import { readSearchable } from './read-ranges.ts'
import type { SearchSource } from './search-source.ts'

/** How messages are read that nothing kept says enough of; 'large': of one after the other headers and texts alone. */
export type ReadKind = 'summary' | 'header' | 'texts' | 'large'

/** Larger messages are not fetched whole (most of it is attachments), and their texts decoded with pauses. */
export const largeBytes = 256 * 1024

const wants: Readonly<Record<ReadKind, FetchWant>> = {
  summary: { summary: true },
  // The summary comes along for the Date.
  header: { bytes: 'header', summary: true },
  // Each batch is looked through before the next one is read.
  texts: { bytes: 'all', summary: true, memoryIsFree: () => true },
  large: { summary: true },
}

const stages = {
  summary: stage.summary,
  header: stage.header,
  texts: stage.texts,
  large: stage.texts,
} as const

/**
 * Moves the candidate over the messages that are there, ascending, and lets others in between. Until `look` says that
 * nobody wants more. A message of which questions were put off is taken again.
 */
export const readCandidates = async (
  source: SearchSource,
  kind: ReadKind,
  uids: Uint32Array,
  candidate: Candidate,
  look: { readonly isWanted: () => boolean; readonly take: () => void },
): Promise<void> => {
  for await (const batch of source.fetch(uids, wants[kind])) {
    for (let row = 0; row < batch.uids.length; row++) {
      // Reading the clock costs as much as a cheap test.
      if ((kind !== 'summary' || (row & 15) === 0) && workTurns.isOver) await workTurns.next()
      if (!look.isWanted()) return
      if (kind === 'large') {
        const ranges = source.read && (await readSearchable(source.read, batch, row))
        if (ranges === undefined) continue
        candidate.moveTo(batch, row, stage.texts, ranges)
      } else candidate.moveTo(batch, row, stages[kind])
      if (kind === 'large' || (kind === 'texts' && (batch.bytes?.[row]?.length ?? 0) > largeBytes))
        await readAhead(candidate)
      look.take()
      while (candidate.takePutOff()) {
        await workTurns.next()
        if (!look.isWanted()) return
        look.take()
      }
    }
  }
}

/** The texts of a large message, with pauses; the tests themselves then only look through them. */
const readAhead = async (candidate: Candidate): Promise<void> => {
  const texts = candidate.texts()
  while (texts.step()) if (workTurns.isOver) await workTurns.next()
}

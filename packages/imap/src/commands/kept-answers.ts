/** SEARCH, SORT and THREAD asked again: clients poll `SEARCH UNSEEN`, and search once more for each page they show. */
import type { SearchCriteria } from '@posthorn/storage'
import type { SelectedSession } from '../session/session.ts'
import { dayMs } from '../wire/date-time.ts'
import type { KeptRows, Question } from './kept-rows.ts'

/** Of what is asked. Longer ones name single messages, and are not asked again. */
const maxKeyChars = 1_000
const maxRanges = 16

/** An answer is that of one state of the mailbox, see `KeptRows`. */
export interface AnswerAsked {
  /** undefined: nobody asked for it in this state of the mailbox. Shared: never modify. */
  known(): Buffer | undefined
  /** It is copied. */
  keep(octets: Buffer): void
}

/**
 * undefined: the answer depends on more than the mailbox.
 * @param form all that makes the answer another one beside the criteria
 */
export function askedAgain(
  session: SelectedSession,
  form: string,
  criteria: SearchCriteria,
): AnswerAsked | undefined {
  if (!isOfMailbox(criteria)) return undefined
  const { mailbox, numbering, services, store } = session
  const modSeq = store.messages.modSeqNow(mailbox.id)
  const what = JSON.stringify(criteria)
  if (modSeq === undefined || what.length > maxKeyChars) return undefined
  const { uids, keywords } = mailbox
  const question: Question = { key: `${mailbox.id} ${form} ${numbering} ${what}`, modSeq, uids, keywords }
  const kept: KeptRows = services.keptRows
  return {
    known: () => kept.find(question),
    keep(octets) {
      if (octets.length > kept.mostBytes || mailbox.uids !== uids) return
      if (store.messages.modSeqNow(mailbox.id) !== modSeq) return
      const copy = Buffer.allocUnsafeSlow(octets.length)
      octets.copy(copy)
      kept.put(question, copy)
    },
  }
}

/** Conversations get their names later than their messages; scores are not in the answer's octets alone. */
function isOfMailbox(criteria: SearchCriteria): boolean {
  switch (criteria.kind) {
    case 'and':
    case 'or':
      return criteria.of.every(isOfMailbox)
    case 'not':
      return isOfMailbox(criteria.of)
    case 'uids':
      return criteria.ranges.length <= maxRanges
    case 'internal-date':
    case 'save-date':
      return isDay(criteria.fromMs) && isDay(criteria.toMs)
    default:
      return criteria.kind !== 'conversation' && criteria.kind !== 'fuzzy'
  }
}

/** OLDER and YOUNGER (RFC 5032) mean another moment each time. */
function isDay(ms: number): boolean {
  return ms % dayMs === 0 || Math.abs(ms) === Number.MAX_SAFE_INTEGER
}

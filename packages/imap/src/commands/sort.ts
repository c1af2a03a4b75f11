/** SORT and UID SORT. RFC 5256 §3, SORT=DISPLAY RFC 5957, ESORT RFC 5267 §3.1, MODSEQ RFC 7162 §3.1.6,
 * CONTEXT RFC 5267, RELEVANCY RFC 6203 §6. */
import { pick } from '../order/pick.ts'
import { orderRows } from '../order/ranks.ts'
import type { SelectedSession } from '../session/session.ts'
import { Turn } from '../session/turn.ts'
import { lowerBound } from '../wire/number-set.ts'
import { charsetProgram } from '../wire/search-program.ts'
import { type SortCriterion, sortCriteria } from '../wire/sort-keys.ts'
import { command, ok } from './command.ts'
import { type Found, scopeOf, sequenceNumbers, visible } from './found-messages.ts'
import { keepUpdated, refuseUsedTag } from './keep-updated.ts'
import { askedAgain } from './kept-answers.ts'
import {
  answerAgain,
  answerExtended,
  answerForm,
  plainAnswer,
  type ReturnOptions,
  refuseRelevancy,
  returnOptions,
} from './search-answer.ts'
import { badCharset, completeProgram, type SearchRequest, searchRequest } from './search-request.ts'

interface SortArgs {
  readonly request: SearchRequest
  readonly options: ReturnOptions | undefined
  readonly order: readonly SortCriterion[]
}

export const sort = command({
  name: 'SORT',
  states: ['selected'],
  numbers: 'uses',
  capabilities: ['SORT', 'SORT=DISPLAY', 'ESORT', 'CONTEXT=SORT'],
  args: (p, session): SortArgs => {
    const options = returnOptions(p.sp())
    const order = sortCriteria(p)
    return { options, order, request: searchRequest(p.sp(), scopeOf(session), charsetProgram) }
  },
  async run(session, { options, order, request }) {
    refuseUsedTag(session, options)
    const { criteria, usesModSeq, usesFuzzy } = await completeProgram(session, request, scopeOf(session))
    refuseRelevancy(options, usesFuzzy, order)
    if (options?.names.has('SAVE')) session.mailbox.saved = new Uint32Array(0)
    if (criteria === undefined) return badCharset(request)
    if (usesModSeq) session.enable('CONDSTORE')
    const form = answerForm(options, usesModSeq)
    const asked =
      form === undefined ? undefined : askedAgain(session, `SORT ${form} ${JSON.stringify(order)}`, criteria)
    const known = asked?.known()
    if (known !== undefined) {
      await answerAgain(session, known, options)
      return ok('Sort completed')
    }
    const { store, mailbox, signal, numbering } = session
    const turn = new Turn()
    const found = await visible(session, await store.messages.search(mailbox.id, criteria, signal), turn)
    const sorted = await sortedFound(session, found, order, turn)
    if (session.gone) return ok('Sort completed')
    if (options !== undefined) {
      const octets = await answerExtended(session, sorted, options, usesModSeq)
      asked?.keep(octets)
    } else {
      const octets = await plainAnswer('SORT', sorted, usesModSeq, turn)
      asked?.keep(octets)
      await session.write(octets)
    }
    // A part of the news: what ends a command does not end it.
    const { signal: unending } = new AbortController()
    const byScore = order.some(({ key }) => key === 'RELEVANCY')
    keepUpdated(session, options, {
      found: sorted.uids,
      criteria,
      numbering,
      inOrder: byScore ? 'refuse' : (uids) => inOrder(session, { uids }, order, unending),
    })
    return ok('Sort completed')
  },
})

async function sortedFound(
  session: SelectedSession,
  found: Found,
  order: readonly SortCriterion[],
  turn: Turn,
): Promise<Found> {
  if (found.uids.length < 2) return found
  const uids = await inOrder(session, found, order, session.signal)
  const scores = found.scores && reordered(found.scores, found.uids, uids)
  const sorted = { ...found, uids, ...(scores && { scores }) }
  if (session.numbering === 'uid') return { ...sorted, numbers: uids }
  return { ...sorted, numbers: await sequenceNumbers(session.mailbox.uids, uids, turn) }
}

function reordered(scores: Uint8Array, from: Uint32Array, to: Uint32Array): Uint8Array {
  return Uint8Array.from(to, (uid) => scores[lowerBound(from, uid)]!)
}

/** @param found UIDs ascending, with scores where RELEVANCY is asked for */
async function inOrder(
  { mailbox, store, services }: SelectedSession,
  { uids, scores }: Pick<Found, 'uids' | 'scores'>,
  order: readonly SortCriterion[],
  signal: AbortSignal,
): Promise<Uint32Array> {
  const table = services.keyTables.of(mailbox.id, mailbox.uids.length)
  const keys = order.map(({ key }) => key).filter((key) => key !== 'RELEVANCY')
  const ranks = await table.ranks(keys, { store, uids: mailbox.uids, signal })
  services.keyTables.trim()
  const turn = new Turn()
  const found = await table.rowsOf(uids, turn)
  const rows = await orderRows(
    found,
    order.map(({ key, reverse }) => ({
      ranks: key === 'RELEVANCY' ? scoreRanks(table.rowCount, found, scores) : ranks.get(key)!,
      reverse,
    })),
    turn,
  )
  return await pick(table.uids, rows, new Uint32Array(rows.length), turn)
}

/** By row of the table, the best first. RFC 6203 §6. */
function scoreRanks(rowCount: number, rows: Uint32Array, scores: Uint8Array | undefined): Uint32Array {
  const ranks = new Uint32Array(rowCount)
  rows.forEach((row, at) => {
    ranks[row] = 100 - (scores?.[at] ?? 0)
  })
  return ranks
}

/** SORT and UID SORT. RFC 5256 §3, SORT=DISPLAY RFC 5957, ESORT RFC 5267 §3.1, MODSEQ RFC 7162 §3.1.6. */
import { orderRows } from '../order/ranks.ts'
import type { SelectedSession } from '../session/session.ts'
import { ResponseWriter } from '../wire/response.ts'
import { charsetProgram, type SearchProgram, searchCharsets } from '../wire/search-program.ts'
import { type SortCriterion, sortCriteria } from '../wire/sort-keys.ts'
import { command, no, ok } from './command.ts'
import { type Found, scopeOf, visible } from './found-messages.ts'
import { keepUpdated, refuseUsedTag } from './keep-updated.ts'
import { answerExtended, type ReturnOptions, returnOptions } from './search-answer.ts'
import { SequenceWalk } from './sequence-walk.ts'

interface SortArgs extends SearchProgram {
  readonly options: ReturnOptions | undefined
  readonly criteria: SearchProgram['criteria']
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
    return { options, order, ...charsetProgram(p.sp(), scopeOf(session)) }
  },
  async run(session, { options, order, criteria, usesModSeq }) {
    refuseUsedTag(session, options)
    if (options?.names.has('SAVE')) session.mailbox.saved = new Uint32Array(0)
    if (criteria === undefined) return no('Unknown charset', `BADCHARSET (${searchCharsets.join(' ')})`)
    if (usesModSeq) session.enable('CONDSTORE')
    const { store, mailbox, signal } = session
    const found = visible(session, await store.messages.search(mailbox.id, criteria, signal))
    const sorted = await sortedFound(session, found, order)
    if (session.gone) return ok('Sort completed')
    if (options !== undefined) await answerExtended(session, sorted, options, usesModSeq)
    else await session.write(plainAnswer(sorted, usesModSeq))
    keepUpdated(session, options, {
      found: sorted.uids,
      criteria,
      // A part of the news: what ends a command does not end it.
      inOrder: (uids) => inOrder(session, uids, order, new AbortController().signal),
    })
    return ok('Sort completed')
  },
})

async function sortedFound(
  session: SelectedSession,
  found: Found,
  order: readonly SortCriterion[],
): Promise<Found> {
  if (found.uids.length < 2) return found
  const uids = await inOrder(session, found.uids, order, session.signal)
  if (session.numbering === 'uid') return { ...found, uids, numbers: uids }
  const walk = new SequenceWalk(session.mailbox.uids)
  return { ...found, uids, numbers: uids.map((uid) => walk.sequenceOf(uid)) }
}

/** @param uids ascending */
async function inOrder(
  { mailbox, store, services }: SelectedSession,
  uids: Uint32Array,
  order: readonly SortCriterion[],
  signal: AbortSignal,
): Promise<Uint32Array> {
  const table = services.keyTables.of(mailbox.id, mailbox.uids.length)
  const keys = order.map(({ key }) => key)
  const ranks = await table.ranks(keys, { store, uids: mailbox.uids, signal })
  services.keyTables.trim()
  const rows = orderRows(
    table.rowsOf(uids),
    order.map(({ key, reverse }) => ({ ranks: ranks.get(key)!, reverse })),
  )
  return rows.map((row) => table.uidOf(row))
}

/** `* SORT 2 3 6 (MODSEQ 917162488)`. */
function plainAnswer({ numbers, highestModSeq }: Found, usesModSeq: boolean): Buffer {
  const out = new ResponseWriter(16 + numbers.length * 8)
  out.text('* SORT')
  for (let at = 0; at < numbers.length; at++) out.text(' ').number(numbers[at]!)
  if (usesModSeq && numbers.length > 0) out.text(' (MODSEQ ').number(highestModSeq).text(')')
  return out.crlf().take()
}

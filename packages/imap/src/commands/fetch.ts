/** FETCH and UID FETCH. RFC 9051 §6.4.5 and §6.4.9; CHANGEDSINCE, VANISHED: RFC 7162 §3.1.4 and §3.2.6. */
import type { ModSeq } from '@posthorn/storage'
import type { SelectedSession } from '../session/session.ts'
import { type FetchItem, type FetchModifiers, fetchItems, fetchModifiers } from '../wire/fetch-items.ts'
import { formatNumbers, type NumberSet } from '../wire/number-set.ts'
import { sliceOf } from '../wire/partial-range.ts'
import { SyntaxFault } from '../wire/syntax-fault.ts'
import { answerPage } from './answer-page.ts'
import { type Completion, command, no, ok } from './command.ts'
import { answerAtOnce, answerFetch } from './fetch-answer.ts'
import { type FetchPlan, planFetch } from './fetch-plan.ts'

interface FetchArgs {
  readonly set: NumberSet
  readonly items: readonly FetchItem[]
  readonly modifiers: FetchModifiers
}

export const fetch = command({
  name: 'FETCH',
  states: ['selected'],
  numbers: 'uses',
  capabilities: ['SAVEDATE', 'BINARY', 'PREVIEW'],
  args: (p, session): FetchArgs => {
    const set = p.sp().numberSet()
    const items = fetchItems(p.sp())
    const modifiers = fetchModifiers(p)
    if (modifiers.vanished && !(session.numbering === 'uid' && session.enabled('QRESYNC'))) {
      throw new SyntaxFault('VANISHED is for UID FETCH after ENABLE QRESYNC')
    }
    return { set, items, modifiers }
  },
  run(session, { set, items, modifiers }) {
    const { changedSince, partial } = modifiers
    const named = session.uids(set)
    const uids = partial === undefined ? named : sliceOf(named, partial)
    const wanted = completeItems(session, items, changedSince)
    if (wanted.some(({ kind }) => kind === 'modseq')) session.enable('CONDSTORE')
    if (changedSince !== undefined) return fetchChanged(session, set, uids, wanted, modifiers)
    const plan = planFetch(wanted)
    const answered = areFew(plan, uids) ? answerAtOnce(session, plan, uids) : answerPage(session, plan, uids)
    if (answered === uids.length) return fetched
    return fetchAll(session, plan, uids.subarray(answered))
  },
})

const fetched = ok('Fetch completed')

/** So many messages are answered soonest one by one. */
const fewWithOctets = 4
const fewSummaries = 16
/** So many, too, where what is kept for neighbours together would be read for few of them. */
const fewStrewn = 64
const strewnSpread = 4

function areFew({ source }: FetchPlan, uids: Uint32Array): boolean {
  const { length } = uids
  if (source !== 'summary') return length <= fewWithOctets
  return (
    length <= fewSummaries || (length <= fewStrewn && uids[length - 1]! - uids[0]! >= length * strewnSpread)
  )
}

async function fetchChanged(
  session: SelectedSession,
  set: NumberSet,
  uids: Uint32Array,
  wanted: readonly FetchItem[],
  { changedSince = 0, vanished }: FetchModifiers,
): Promise<Completion> {
  if (vanished) await sendVanished(session, set, changedSince as ModSeq)
  return fetchAll(session, planFetch(wanted), await changedAfter(session, uids, changedSince))
}

async function fetchAll(session: SelectedSession, plan: FetchPlan, uids: Uint32Array): Promise<Completion> {
  if (uids.length === 0) return fetched
  const { answered, unknownEncoding } = await answerFetch(session, plan, uids)
  if (unknownEncoding) return no('A part has an unknown transfer encoding', 'UNKNOWN-CTE')
  // RFC 2180 §4.1.3: by sequence number the client must learn why messages are missing.
  if (answered < uids.length && session.numbering === 'sequence') {
    return no('Some of the requested messages no longer exist', 'EXPUNGEISSUED')
  }
  return fetched
}

/** UID FETCH answers UID (RFC 9051 §6.4.9), CHANGEDSINCE answers MODSEQ (RFC 7162 §3.1.4.1), asked or not. */
function completeItems(
  session: SelectedSession,
  items: readonly FetchItem[],
  changedSince: number | undefined,
): readonly FetchItem[] {
  const has = (kind: FetchItem['kind']) => items.some((item) => item.kind === kind)
  const complete = [...items]
  // After ENABLE UIDONLY the response begins with it (RFC 9586 §3).
  if (session.numbering === 'uid' && !has('uid') && !session.enabled('UIDONLY'))
    complete.unshift({ kind: 'uid' })
  if (changedSince !== undefined && !has('modseq')) complete.push({ kind: 'modseq' })
  return complete
}

async function changedAfter(
  session: SelectedSession,
  uids: Uint32Array,
  modSeq: number,
): Promise<Uint32Array> {
  const changed: number[] = []
  for await (const batch of session.store.messages.fetch(session.mailbox.id, uids, {})) {
    batch.modSeqs.forEach((value, at) => {
      if (value > modSeq) changed.push(batch.uids[at]!)
    })
  }
  return Uint32Array.from(changed)
}

/** `* VANISHED (EARLIER) uids`, those of the set. */
async function sendVanished(session: SelectedSession, set: NumberSet, since: ModSeq): Promise<void> {
  const { vanished, uidNext } = await session.store.messages.changesSince(session.mailbox.id, since)
  const gone = set.restrict(vanished, uidNext - 1)
  if (gone.length > 0) await session.write(`* VANISHED (EARLIER) ${formatNumbers(gone)}\r\n`)
}

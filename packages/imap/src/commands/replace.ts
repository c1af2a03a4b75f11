/** REPLACE and UID REPLACE. RFC 8508: one unit of work. */
import type { Uid } from '@posthorn/storage'
import { Refusal } from '../errors.ts'
import type { SelectedSession } from '../session/session.ts'
import { appendMessages, type NewMessage } from '../wire/append-messages.ts'
import type { NumberSet } from '../wire/number-set.ts'
import type { Parser } from '../wire/parser.ts'
import { SyntaxFault } from '../wire/syntax-fault.ts'
import { draftLiteral, finishDrafts } from './append-drafts.ts'
import { command, ok } from './command.ts'
import { noPermission } from './find-mailbox.ts'

interface ReplaceArgs {
  readonly set: NumberSet
  readonly name: string
  readonly messages: readonly NewMessage[]
}

export const replace = command({
  name: 'REPLACE',
  states: ['selected'],
  // An EXPUNGE of the message replaced is what the client waits for (RFC 8508 §3.4).
  numbers: 'uses',
  capabilities: ['REPLACE'],
  args: (p): ReplaceArgs => {
    const set = oneMessage(p.sp())
    const name = p.sp().mailbox()
    return { set, name, messages: appendMessages(p, 'one') }
  },
  async literal(session, preceding, sizeBytes) {
    refuseReadOnly(session)
    const set = oneMessage(preceding.sp())
    const freedBytes = await replacedBytes(session, set)
    return draftLiteral(session, preceding.sp(), { count: 'one', sizeBytes, freedBytes })
  },
  async run(session, { set, name, messages }) {
    const { mailbox, store } = session
    const [uid] = session.uids(set)
    refuseReadOnly(session)
    if (uid === undefined) throw new Refusal('NONEXISTENT', 'There is no such message')
    const { placed: placing, uids } = await finishDrafts(
      session,
      name,
      messages,
      (target, [item]) => store.messages.replace(mailbox.id, uid as Uid, target.id, item!),
      messages.some(({ catenated }) => catenated) ? await replacedBytes(session, set) : 0,
    )
    const placed = await placing
    session.notices?.ownChange(placed.mailbox, placed.modSeq)
    // RFC 8508 §4.3: told before the message it replaces goes.
    if (uids === 'told')
      session.untagged(`OK [APPENDUID ${placed.uidValidity} ${placed.uid}] Replacement message ready`)
    mailbox.suspect()
    await session.sendNews('send')
    return ok(
      'Replace completed',
      session.enabled('CONDSTORE') ? `HIGHESTMODSEQ ${mailbox.modSeq}` : undefined,
    )
  },
})

function oneMessage(p: Parser): NumberSet {
  const from = p.position
  const set = p.numberSet()
  const ranges = set.ranges(0)
  const single = !set.saved && ranges.length === 1 && ranges[0]![0] === ranges[0]![1]
  if (from === p.position || !single) throw new SyntaxFault('Expected one message number')
  return set
}

/** RFC 8508 §3.4: what goes makes room for what comes. */
async function replacedBytes(session: SelectedSession, set: NumberSet): Promise<number> {
  let sumBytes = 0
  const uids = session.uids(set)
  for await (const { facts } of session.store.messages.fetch(session.mailbox.id, uids, { facts: true }))
    for (const sizeBytes of facts?.sizeBytes ?? []) sumBytes += sizeBytes
  return sumBytes
}

/** RFC 8508 §4.1: the rights of STORE and EXPUNGE, and of APPEND for the target. */
function refuseReadOnly({ mailbox }: SelectedSession): void {
  if (mailbox.access === 'read-only') throw new Refusal('READ-ONLY', 'Mailbox is read-only')
  if (!mailbox.may('t') || !mailbox.may('e')) throw noPermission()
}

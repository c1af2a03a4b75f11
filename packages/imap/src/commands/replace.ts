/** REPLACE and UID REPLACE. RFC 8508. */
import { Refusal } from '../errors.ts'
import { appendMessages, type NewMessage } from '../wire/append-messages.ts'
import type { NumberSet } from '../wire/number-set.ts'
import type { Parser } from '../wire/parser.ts'
import { SyntaxFault } from '../wire/syntax-fault.ts'
import { readSoFar } from './append.ts'
import { draftLiteral, placeDrafts } from './append-drafts.ts'
import { command, ok } from './command.ts'

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
    return { set, name, messages: appendMessages(p, 'one').messages }
  },
  literal(session, preceding, sizeBytes) {
    if (session.mailbox.access === 'read-only') throw readOnly()
    oneMessage(preceding.sp())
    const soFar = readSoFar(preceding.sp(), 'one')
    return soFar === undefined ? 'buffer' : draftLiteral(session, soFar.name, soFar, sizeBytes)
  },
  async run(session, { set, name, messages }) {
    const { mailbox, store } = session
    const [uid] = session.uids(set)
    if (mailbox.access === 'read-only') throw readOnly()
    if (uid === undefined) throw new Refusal('NONEXISTENT', 'There is no such message')
    const [placed] = await placeDrafts(session, name, messages)
    // RFC 8508 §3.4: told before the message it replaces goes.
    session.untagged(`OK [APPENDUID ${placed!.uidValidity} ${placed!.uid}] Replacement message ready`)
    await store.messages.discard(mailbox.id, Uint32Array.of(uid))
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

function readOnly(): Refusal {
  return new Refusal('READ-ONLY', 'Mailbox is read-only')
}

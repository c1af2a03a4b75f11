/** APPEND. RFC 9051 §6.3.12, APPENDUID RFC 4315 §3, APPENDLIMIT RFC 7889, MULTIAPPEND RFC 3502, CATENATE RFC 4469. */
import { type AppendMessages, appendMessages, type NewMessage } from '../wire/append-messages.ts'
import { formatNumbers } from '../wire/number-set.ts'
import type { Parser } from '../wire/parser.ts'
import { draftLiteral, placeDrafts } from './append-drafts.ts'
import { command, ok } from './command.ts'

interface AppendArgs {
  readonly name: string
  readonly messages: readonly NewMessage[]
}

export const append = command({
  name: 'APPEND',
  states: ['authenticated', 'selected'],
  numbers: 'none',
  capabilities: ({ appendLimitBytes }) => [
    ...(appendLimitBytes === undefined ? [] : [`APPENDLIMIT=${appendLimitBytes}`]),
    'MULTIAPPEND',
    'CATENATE',
    'URL-PARTIAL',
  ],
  args: (p): AppendArgs => {
    const name = p.sp().mailbox()
    const { messages } = appendMessages(p, 'many')
    return { name, messages }
  },
  literal(session, preceding, sizeBytes) {
    const soFar = readSoFar(preceding.sp(), 'many')
    return soFar === undefined ? 'buffer' : draftLiteral(session, soFar.name, soFar, sizeBytes)
  },
  async run(session, { name, messages }) {
    const { placed, uids: may } = await placeDrafts(session, name, messages)
    for (const { mailbox, modSeq } of placed) session.notices?.ownChange(mailbox, modSeq)
    if (may === 'secret') return ok('Append completed')
    const uids = formatNumbers(Uint32Array.from(placed, ({ uid }) => uid))
    return ok('Append completed', `APPENDUID ${placed[0]!.uidValidity} ${uids}`)
  },
})

/** undefined while the mailbox's name is not known. */
export function readSoFar(
  p: Parser,
  count: 'one' | 'many',
): (AppendMessages & { readonly name: string }) | undefined {
  if (p.atPendingLiteral) return undefined
  const name = p.mailbox()
  return { name, ...appendMessages(p, count) }
}

/** APPEND. RFC 9051 §6.3.12, APPENDUID RFC 4315 §3, APPENDLIMIT RFC 7889, MULTIAPPEND RFC 3502, CATENATE RFC 4469. */
import type { Placed } from '@posthorn/storage'
import { appendMessages, type NewMessage } from '../wire/append-messages.ts'
import { formatNumbers } from '../wire/number-set.ts'
import { draftLiteral, finishDrafts } from './append-drafts.ts'
import { begun, type Completion, command, ok } from './command.ts'

/** More than these enter the mailbox step by step, and commands behind them wait. */
const fewMessages = 64

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
    return { name, messages: appendMessages(p, 'many') }
  },
  literal(session, preceding, sizeBytes) {
    return draftLiteral(session, preceding.sp(), { count: 'many', sizeBytes })
  },
  begins: 'early',
  async run(session, { name, messages }) {
    const { mailbox, placed, uids } = await finishDrafts(session, name, messages, ({ id }, items) =>
      session.store.messages.append(id, items),
    )
    // Numbers are used again when the client knows of what came.
    const lets = session.state === 'selected' && session.mailbox.id === mailbox.id ? 'no numbers' : 'any'
    const told = (placements: readonly Placed[]): Completion => {
      for (const { mailbox: id, modSeq } of placements) session.notices?.ownChange(id, modSeq)
      if (uids === 'secret') return ok('Append completed')
      const numbers = formatNumbers(Uint32Array.from(placements, ({ uid }) => uid))
      return ok('Append completed', `APPENDUID ${placements[0]!.uidValidity} ${numbers}`)
    }
    return messages.length > fewMessages ? told(await placed) : begun(placed, lets, told)
  },
})

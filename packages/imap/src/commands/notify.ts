import { Refusal } from '../errors.ts'
import {
  type NotifySpec,
  notifyEvents,
  notifyGroups,
  notifyNothing,
  UnknownEvent,
} from '../wire/notify-groups.ts'
import type { Parser } from '../wire/parser.ts'
import { SyntaxFault } from '../wire/syntax-fault.ts'
import { command, ok } from './command.ts'

interface NotifyArgs {
  readonly spec: NotifySpec
  readonly status: 'STATUS' | 'no status'
}

/** Groups and names that one client may ask for. */
const maxParts = 1_000

function notifyArgs(p: Parser): NotifyArgs {
  const word = p.sp().keyword()
  if (word === 'NONE') return { spec: notifyNothing, status: 'no status' }
  if (word !== 'SET') throw new SyntaxFault('Expected SET or NONE')
  let status: NotifyArgs['status'] = 'no status'
  if (!p.sp().peek('(')) {
    if (p.keyword() !== 'STATUS') throw new SyntaxFault('Expected STATUS or an event group')
    status = 'STATUS'
    p.sp()
  }
  const spec = known(() => notifyGroups(p))
  const parts = spec.groups.reduce(
    (sum, { filter }) => sum + ('names' in filter ? filter.names.length : 1),
    0,
  )
  if (parts > maxParts)
    throw new Refusal('NOTIFICATIONOVERFLOW', `Expected at most ${maxParts} mailboxes and groups`)
  return { spec, status }
}

/** RFC 5465 §3.1: NO [BADEVENT (what there is)]. */
function known<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof UnknownEvent)) throw error
    throw new Refusal(`BADEVENT (${notifyEvents.join(' ')})`, 'Event is not supported')
  }
}

/** RFC 5465 §3.1. */
export const notify = command({
  name: 'NOTIFY',
  states: ['authenticated', 'selected'],
  numbers: 'none',
  capabilities: ['NOTIFY'],
  args: notifyArgs,
  async run(session, { spec, status }) {
    // What has gathered until now is told as before; it implies a NOOP.
    if (session.state === 'selected') {
      session.mailbox.suspect()
      await session.sendNews('send')
    }
    await session.notify(spec, status)
    return ok('Notify completed')
  },
})

/** What a client wants to be told of. RFC 5465 §5, §6, §8. */
import { type FetchItem, fetchItems } from './fetch-items.ts'
import { mailboxNames } from './mailbox-sources.ts'
import type { Parser } from './parser.ts'
import { SyntaxFault } from './syntax-fault.ts'

export const notifyEvents = [
  'MessageNew',
  'MessageExpunge',
  'FlagChange',
  'MailboxName',
  'SubscriptionChange',
  'MailboxMetadataChange',
  'ServerMetadataChange',
] as const

export type NotifyEvent = (typeof notifyEvents)[number]

export type MailboxFilter =
  | { readonly kind: 'personal' | 'subscribed' }
  | { readonly kind: 'subtree' | 'subtree-one' | 'mailboxes'; readonly names: readonly string[] }

export interface EventGroup {
  readonly filter: MailboxFilter
  /** Empty: NONE. */
  readonly events: ReadonlySet<NotifyEvent>
}

export interface SelectedEvents {
  /** `delayed`: EXPUNGE waits for a command that allows it. RFC 5465 §6.1. */
  readonly expunges: 'at once' | 'delayed'
  readonly flags: 'told' | 'untold'
  /** Sent with each new message. */
  readonly items: readonly FetchItem[]
}

export interface NotifySpec {
  /** undefined: nothing of the selected mailbox. */
  readonly selected: SelectedEvents | undefined
  readonly groups: readonly EventGroup[]
}

export const notifyNothing: NotifySpec = { selected: undefined, groups: [] }

/** An event that nobody knows: the answer is NO, not BAD. RFC 5465 §3.1. */
export class UnknownEvent extends Error {}

const eventByName = new Map<string, NotifyEvent>(notifyEvents.map((name) => [name.toUpperCase(), name]))
const messageEvents: ReadonlySet<NotifyEvent> = new Set(['MessageNew', 'MessageExpunge', 'FlagChange'])

/** All groups of NOTIFY SET. @throws SyntaxFault, UnknownEvent */
export function notifyGroups(p: Parser): NotifySpec {
  let selected: SelectedEvents | undefined
  let selections = 0
  const groups: EventGroup[] = []
  do {
    p.expect('(')
    const filter = mailboxFilter(p)
    const { events, items } = eventList(p.sp())
    p.expect(')')
    checkTogether(events)
    if (filter === 'SELECTED' || filter === 'SELECTED-DELAYED') {
      if (++selections > 1) throw new SyntaxFault('Expected one of SELECTED and SELECTED-DELAYED')
      if ([...events].some((event) => !messageEvents.has(event)))
        throw new SyntaxFault('Expected events of messages alone for the selected mailbox')
      if (events.size > 0) selected = selectedEvents(filter, events, items ?? [])
    } else {
      if (items !== undefined) throw new SyntaxFault('Expected items to fetch for the selected mailbox alone')
      groups.push({ filter, events })
    }
  } while (p.acceptSp())
  return { selected, groups }
}

function selectedEvents(
  filter: 'SELECTED' | 'SELECTED-DELAYED',
  events: ReadonlySet<NotifyEvent>,
  items: readonly FetchItem[],
): SelectedEvents {
  return {
    expunges: filter === 'SELECTED' ? 'at once' : 'delayed',
    flags: events.has('FlagChange') ? 'told' : 'untold',
    items,
  }
}

/** RFC 5465 §5. */
function checkTogether(events: ReadonlySet<NotifyEvent>): void {
  const both = events.has('MessageNew') && events.has('MessageExpunge')
  if (events.has('MessageNew') !== events.has('MessageExpunge'))
    throw new SyntaxFault('Expected MessageNew and MessageExpunge together')
  if (events.has('FlagChange') && !both)
    throw new SyntaxFault('Expected MessageNew and MessageExpunge with FlagChange')
}

function mailboxFilter(p: Parser): MailboxFilter | 'SELECTED' | 'SELECTED-DELAYED' {
  const word = p.keyword()
  switch (word) {
    case 'SELECTED':
    case 'SELECTED-DELAYED':
      return word
    case 'SUBSCRIBED':
      return { kind: 'subscribed' }
    case 'PERSONAL':
    // Mail may be delivered into any of them. RFC 5465 §6.3.
    case 'INBOXES':
      return { kind: 'personal' }
    case 'SUBTREE':
      return { kind: 'subtree', names: mailboxNames(p) }
    // RFC 7377 §4.
    case 'SUBTREE-ONE':
      return { kind: 'subtree-one', names: mailboxNames(p) }
    case 'MAILBOXES':
      return { kind: 'mailboxes', names: mailboxNames(p) }
    default:
      throw new SyntaxFault('Unknown mailbox specifier')
  }
}

interface Events {
  readonly events: ReadonlySet<NotifyEvent>
  readonly items: readonly FetchItem[] | undefined
}

function eventList(p: Parser): Events {
  if (!p.peek('(')) {
    if (p.keyword() !== 'NONE') throw new SyntaxFault('Expected events or NONE')
    return { events: new Set(), items: undefined }
  }
  const events = new Set<NotifyEvent>()
  let items: readonly FetchItem[] | undefined
  p.nonEmptyList(() => {
    const event = eventByName.get(p.keyword())
    if (event === undefined) throw new UnknownEvent()
    events.add(event)
    if (event !== 'MessageNew' || !p.peekText(' (')) return
    items = fetchItems(p.sp())
  })
  return { events, items }
}

import { type Account, type Mailbox, type SearchCriteria, type Store, StoreError } from '@posthorn/storage'
import { exit } from '../../shell.ts'
import { notFound, UserFault } from './call.ts'
import { last, type Query } from './query.ts'

/** Messages of one mailbox. */
export interface Found {
  readonly mailbox: Mailbox
  /** Ascending. */
  readonly uids: Uint32Array
}

/**
 * The store's own search in each mailbox that the query leaves open.
 *
 * @throws UserFault when a mailbox that it names is not there
 */
export async function* findMessages(store: Store, account: Account, query: Query): AsyncGenerator<Found> {
  const all = await store.mailboxes.list(account.id)
  for (const name of namedMailboxes(query))
    if (!all.some((one) => one.name === name || one.name === name.toUpperCase()))
      throw new UserFault(`Couldn't get mailbox '${name}' GUID: Mailbox doesn't exist: ${name}`, notFound)
  for (const mailbox of all) {
    if (!mailbox.selectable || mailbox.messages === 0 || within(query, mailbox, none) === false) continue
    const { uids } = await store.messages.view(mailbox.id)
    const criteria = within(query, mailbox, uids)
    if (criteria === false) continue
    const found = criteria === true ? uids : (await store.messages.search(mailbox.id, criteria)).uids
    if (found.length > 0) yield { mailbox, uids: found }
  }
}

const none = new Uint32Array()

/** What the query is within this mailbox; true, false: all messages, or none. Of numbers only what `uids` has. */
function within(query: Query, mailbox: Mailbox, uids: Uint32Array): SearchCriteria | boolean {
  switch (query.kind) {
    case 'and':
    case 'or': {
      const ends = query.kind === 'or'
      const of: SearchCriteria[] = []
      for (const one of query.of) {
        const part = within(one, mailbox, uids)
        if (part === ends) return ends
        if (typeof part !== 'boolean') of.push(part)
      }
      return of.length === 0 ? !ends : { kind: query.kind, of }
    }
    case 'not': {
      const part = within(query.of, mailbox, uids)
      return typeof part === 'boolean' ? !part : { kind: 'not', of: part }
    }
    case 'mailbox':
      return query.matches(mailbox.name, mailbox.objectId)
    case 'recent':
      return { kind: 'recent', since: mailbox.firstRecent }
    case 'messages':
      return query.criteria.kind === 'all' ? true : query.criteria
    default:
      return { kind: 'uids', ranges: pickedRanges(query, uids) }
  }
}

function pickedRanges(
  { kind, ranges }: Extract<Query, { kind: 'sequence' | 'uid' }>,
  uids: Uint32Array,
): readonly (readonly [number, number])[] {
  const end = kind === 'uid' ? (uids.at(-1) ?? 0) : uids.length
  const place = (number: number): number => (number === last ? end : number)
  const isPicked = (number: number): boolean =>
    ranges.some(([a, b]) => number >= Math.min(place(a), place(b)) && number <= Math.max(place(a), place(b)))
  const picked: [number, number][] = []
  for (const [at, uid] of uids.entries()) if (isPicked(kind === 'uid' ? uid : at + 1)) picked.push([uid, uid])
  return picked
}

/** Names that stand for one mailbox; not those of which something is not to be. */
function namedMailboxes(query: Query): readonly string[] {
  if (query.kind === 'and' || query.kind === 'or') return query.of.flatMap(namedMailboxes)
  return query.kind === 'mailbox' && query.name !== undefined ? [query.name] : []
}

/** What the store refuses, as a fault of this user alone. */
export async function orUserFault<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof StoreError) throw new UserFault(`${what}: ${error.message}`, exit.tempFail)
    throw error
  }
}

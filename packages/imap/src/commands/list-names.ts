import type { Mailbox, MailboxId, NamedMailbox, Rights } from '@posthorn/storage'
import { nameAmongOthers, type Viewer } from './other-users.ts'

/** A name in the hierarchy: a mailbox, a parent of some, or only a subscription. */
export interface ListName {
  readonly name: string
  /** There is such a mailbox. */
  readonly exists: boolean
  /** undefined also for one that was not wanted. */
  readonly mailbox: NamedMailbox | undefined
  /** The same with its counts, where they were asked for. */
  readonly counts: Mailbox | undefined
  /** On somebody else's mailbox; undefined for the user's own. */
  readonly rights: Rights | undefined
  readonly subscribed: boolean
  hasChildren: boolean
}

const nowhere = { exists: false, mailbox: undefined, counts: undefined, rights: undefined }

/** Whether a mailbox of this name is looked at. */
export type IsWanted = (name: string, subscription: 'subscribed' | 'unsubscribed') => boolean

const all: IsWanted = () => true

/**
 * All names of an account by name, INBOX first: mailboxes, those of others that may be looked up, subscriptions
 * of names that are gone, and the parents of all these that have no mailbox of their own.
 * @param detail counts take two more rows of each mailbox
 */
export async function listNames(
  { store, account }: Viewer,
  isWanted: IsWanted = all,
  detail: 'names' | 'counts' = 'names',
): Promise<ReadonlyMap<string, ListName>> {
  const [subscriptions, shared] = await Promise.all([
    store.mailboxes.subscriptions(account.id),
    store.sharing.sharedWith(account.id),
  ])
  const subscribed = new Set(subscriptions)
  const isRead = (name: string): boolean =>
    isWanted(name, subscribed.has(name) ? 'subscribed' : 'unsubscribed')
  const own = await store.mailboxes.names(account.id, isRead)
  const counts = new Map<MailboxId, Mailbox>()
  if (detail === 'counts') {
    for (const mailbox of await store.mailboxes.list(account.id, isRead)) counts.set(mailbox.id, mailbox)
  }
  const found = new Map<string, ListName>()
  const add = (name: string, entry: Omit<ListName, 'name' | 'subscribed' | 'hasChildren'>): void => {
    const { exists, mailbox, counts, rights } = entry
    const isSubscribed = subscribed.has(name)
    found.set(name, { name, exists, mailbox, counts, rights, subscribed: isSubscribed, hasChildren: false })
  }
  for (const [name, mailbox] of own)
    add(name, { exists: true, mailbox, counts: mailbox && counts.get(mailbox.id), rights: undefined })
  for (const { mailbox, owner, rights } of shared) {
    const name = nameAmongOthers(account.address, owner, mailbox.name)
    // RFC 4314 §4: without "l" it is as if it were not there. What is one's own comes first.
    if (rights.includes('l') && !found.has(name))
      add(name, { exists: true, mailbox, counts: mailbox, rights })
  }
  for (const name of subscribed) if (!found.has(name)) add(name, nowhere)
  addParents(found)
  return sorted(found)
}

function addParents(found: Map<string, ListName>): void {
  for (const { name, exists } of [...found.values()]) {
    for (const parent of parentsOf(name)) {
      let entry = found.get(parent)
      if (entry === undefined) {
        entry = { name: parent, ...nowhere, subscribed: false, hasChildren: false }
        found.set(parent, entry)
      }
      // A subscription of something gone is no child (RFC 9051 §6.3.9.5).
      if (exists) entry.hasChildren = true
    }
  }
}

/** `a/b/c` → `a/b`, `a`. */
export function* parentsOf(name: string): Generator<string> {
  for (let at = name.lastIndexOf('/'); at > 0; at = name.lastIndexOf('/', at - 1)) yield name.slice(0, at)
}

function sorted(found: Map<string, ListName>): ReadonlyMap<string, ListName> {
  const names = [...found.keys()].sort((a, b) => {
    if (a === 'INBOX' || b === 'INBOX') return a === b ? 0 : a === 'INBOX' ? -1 : 1
    return a < b ? -1 : 1
  })
  return new Map(names.map((name) => [name, found.get(name)!]))
}

/** What a mailbox is for, for its owner: a client must not put its drafts into somebody else's. */
export function specialUseOf({ mailbox, rights }: ListName): Mailbox['specialUse'] {
  return mailbox === undefined || rights !== undefined ? [] : mailbox.specialUse
}

/** Attributes of RFC 9051 §7.3.1 that hold whatever was asked. */
export function attributesOf(entry: ListName): string[] {
  const { mailbox, hasChildren } = entry
  const attributes: string[] = []
  if (mailbox === undefined || !mailbox.selectable) attributes.push('\\NonExistent', '\\Noselect')
  attributes.push(hasChildren ? '\\HasChildren' : '\\HasNoChildren')
  for (const use of specialUseOf(entry)) attributes.push(`\\${use}`)
  return attributes
}

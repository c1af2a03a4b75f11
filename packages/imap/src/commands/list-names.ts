import type { Mailbox } from '@posthorn/storage'
import type { SessionIn } from '../session/session.ts'

/** A name in the hierarchy: a mailbox, a parent of some, or only a subscription. */
export interface ListName {
  readonly name: string
  readonly mailbox: Mailbox | undefined
  readonly subscribed: boolean
  hasChildren: boolean
}

/**
 * All names of an account by name, INBOX first: mailboxes, subscriptions of names that are gone, and
 * the parents of both that have no mailbox of their own.
 */
export async function listNames(
  session: SessionIn<'authenticated' | 'selected'>,
): Promise<ReadonlyMap<string, ListName>> {
  const { mailboxes } = session.store
  const [rows, subscriptions] = await Promise.all([
    mailboxes.list(session.account.id),
    mailboxes.subscriptions(session.account.id),
  ])
  const subscribed = new Set(subscriptions)
  const found = new Map<string, ListName>()
  for (const mailbox of rows) {
    const { name } = mailbox
    found.set(name, {
      name,
      mailbox,
      subscribed: mailbox.subscribed || subscribed.has(name),
      hasChildren: false,
    })
  }
  for (const name of subscribed) {
    if (!found.has(name)) found.set(name, { name, mailbox: undefined, subscribed: true, hasChildren: false })
  }
  addParents(found)
  return sorted(found)
}

function addParents(found: Map<string, ListName>): void {
  for (const { name, mailbox } of [...found.values()]) {
    for (const parent of parentsOf(name)) {
      let entry = found.get(parent)
      if (entry === undefined) {
        entry = { name: parent, mailbox: undefined, subscribed: false, hasChildren: false }
        found.set(parent, entry)
      }
      // A subscription of something gone is no child (RFC 9051 §6.3.9.5).
      if (mailbox !== undefined) entry.hasChildren = true
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

/** Attributes of RFC 9051 §7.3.1 that hold whatever was asked. */
export function attributesOf({ mailbox, hasChildren }: ListName): string[] {
  const attributes: string[] = []
  if (mailbox === undefined || !mailbox.selectable) attributes.push('\\NonExistent', '\\Noselect')
  attributes.push(hasChildren ? '\\HasChildren' : '\\HasNoChildren')
  for (const use of mailbox?.specialUse ?? []) attributes.push(`\\${use}`)
  return attributes
}

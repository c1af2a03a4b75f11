/** What happened to the names of mailboxes between two looks. RFC 5465 §5.4, §5.5, §5.9. */
import type { MailboxId, Rights } from '@posthorn/storage'
import { type ListName, parentsOf } from '../commands/list-names.ts'

export interface KnownName {
  readonly name: string
  /** On somebody else's mailbox. */
  readonly rights: Rights | undefined
  readonly subscribed: boolean
  readonly uidValidity: number
  readonly selectable: boolean
  readonly readable: boolean
}

export interface NamesBefore {
  readonly known: ReadonlyMap<MailboxId, KnownName>
  readonly subscribed: ReadonlySet<string>
}

export interface NamesAfter extends NamesBefore {
  readonly names: ReadonlyMap<string, ListName>
}

type Name = Pick<KnownName, 'name' | 'rights' | 'subscribed'>

export interface NameChange {
  /** `Access`: the right to read came or went. */
  readonly event: 'MailboxName' | 'SubscriptionChange' | 'Access'
  /** What the LIST response is about. */
  readonly name: string
  readonly oldName?: string
  readonly readable?: boolean
  /** As they were, and as they are: a client that asked for one of them is told. */
  readonly names: readonly Name[]
}

export function nameChanges(before: NamesBefore, after: NamesAfter): readonly NameChange[] {
  const changes = new Map<string, NameChange>()
  const add = (change: NameChange): void => {
    const key = `${change.event} ${change.name}`
    if (!changes.has(key)) changes.set(key, change)
  }
  const appearedOrWent = (each: Name): void => {
    add({ event: 'MailboxName', name: each.name, names: [each] })
    // RFC 5465 §5.4: its direct parent is affected, too.
    const [parent] = parentsOf(each.name)
    if (parent !== undefined) {
      const entry = after.names.get(parent)
      const subscribed = after.subscribed.has(parent)
      add({
        event: 'MailboxName',
        name: parent,
        names: [{ name: parent, rights: entry?.rights ?? each.rights, subscribed }],
      })
    }
  }
  const renamed: { readonly was: KnownName; readonly is: KnownName }[] = []
  for (const [id, was] of before.known) {
    const is = after.known.get(id)
    if (is === undefined) appearedOrWent(was)
    else if (is.name !== was.name) renamed.push({ was, is })
    else if (is.selectable !== was.selectable || is.uidValidity !== was.uidValidity) appearedOrWent(is)
    else if (is.readable !== was.readable)
      add({ event: 'Access', name: is.name, readable: is.readable, names: [is] })
  }
  for (const [id, is] of after.known) if (!before.known.has(id)) appearedOrWent(is)
  for (const { was, is } of topmost(renamed))
    add({ event: 'MailboxName', name: is.name, oldName: was.name, names: [was, is] })
  for (const change of subscriptionChanges(before, after)) add(change)
  return [...changes.values()]
}

/** Children go along, and nothing is said of them. */
function topmost(renamed: readonly { readonly was: KnownName; readonly is: KnownName }[]) {
  const newNames = new Map(renamed.map(({ was, is }) => [was.name, is.name]))
  return renamed.filter(({ was, is }) => {
    for (const parent of parentsOf(was.name)) {
      const moved = newNames.get(parent)
      if (moved !== undefined && is.name === moved + was.name.slice(parent.length)) return false
    }
    return true
  })
}

function* subscriptionChanges(before: NamesBefore, after: NamesAfter): Generator<NameChange> {
  const differing = [
    ...[...after.subscribed].filter((name) => !before.subscribed.has(name)),
    ...[...before.subscribed].filter((name) => !after.subscribed.has(name)),
  ]
  for (const name of differing) {
    const rights = after.names.get(name)?.rights
    // Asked for as "subscribed": it is one now, or was one.
    yield { event: 'SubscriptionChange', name, names: [{ name, rights, subscribed: true }] }
  }
}

import { type MailboxId, type NamedMailbox, OwnTurn } from '@posthorn/storage'
import type { SessionIn } from '../session/session.ts'
import { myRightsText } from './acl.ts'
import { type Completion, command, ok } from './command.ts'
import { type ListArgs, type ListReturn, type ListSelection, listArgs } from './list-args.ts'
import { attributesOf, type ListName, listNames, parentsOf, specialUseOf } from './list-names.ts'
import { MailboxPatterns } from './mailbox-patterns.ts'
import { mailboxText, type NameReader } from './mailbox-text.ts'
import { metadataLine, readEntries } from './metadata.ts'
import type { Viewer } from './other-users.ts'
import { statusText } from './status-items.ts'

interface Match {
  readonly entry: ListName
  /** Says in CHILDINFO that a name below meets the selection. */
  readonly childInfo: boolean
}

function meets(entry: ListName, { subscribed, specialUse }: ListSelection): boolean {
  if (subscribed && !entry.subscribed) return false
  if (specialUse && specialUseOf(entry).length === 0) return false
  // Without a selection what exists is listed, and parents of what exists.
  return subscribed || specialUse || entry.exists || entry.hasChildren
}

type Matches = (name: string) => boolean

/** Whether a name matches one of the patterns. */
function matcherOf({ reference, patterns }: ListArgs): Matches {
  const wanted = patterns.filter((pattern) => pattern !== undefined && pattern !== '')
  const matcher = new MailboxPatterns(wanted.map((pattern) => reference + pattern))
  return (name) => matcher.matches(name)
}

/** The names that match. Costs patterns × names: others get their turn in between, and it ends with its client. */
export async function inPatterns(
  names: Iterable<string>,
  matches: Matches,
  client: { readonly gone: boolean },
): Promise<ReadonlySet<string>> {
  const found = new Set<string>()
  const turn = new OwnTurn()
  for (const name of names) {
    if (client.gone) break
    if (matches(name)) found.add(name)
    await turn.pass()
  }
  return found
}

/** RFC 9051 §6.3.9.1 and its table in §6.3.9.6. */
async function matching(viewer: Viewer & { readonly gone: boolean }, args: ListArgs): Promise<Match[]> {
  const { selection } = args
  const wanted = matcherOf(args)
  // The store asks, too, and looks at each name that is wanted.
  const matches: Matches = (name) => !viewer.gone && wanted(name)
  // What is below a name that is listed may tell of its special use.
  const detail = args.returns.status === undefined ? 'names' : 'counts'
  const names = await listNames(viewer, selection.recursiveMatch ? undefined : matches, detail)
  const found = await inPatterns(names.keys(), matches, viewer)
  const inPattern = (entry: ListName): boolean => found.has(entry.name)
  const all = [...names.values()]
  if (!selection.recursiveMatch) {
    return all
      .filter((entry) => meets(entry, selection) && inPattern(entry))
      .map((entry) => ({ entry, childInfo: false }))
  }
  const above = new Set<string>()
  // Above a name that is met and not itself in the answer: only those parents have something to add.
  const aboveUnseen = new Set<string>()
  for (const entry of all) {
    if (!meets(entry, selection)) continue
    const seen = inPattern(entry)
    for (const parent of parentsOf(entry.name)) {
      above.add(parent)
      if (!seen) aboveUnseen.add(parent)
    }
  }
  return all
    .filter((entry) => (meets(entry, selection) || aboveUnseen.has(entry.name)) && inPattern(entry))
    .map((entry) => ({ entry, childInfo: above.has(entry.name) }))
}

/** Of a mailbox that is looked at more closely. */
interface Rights {
  readonly rights: string | undefined
}

function listLine({ entry, childInfo, rights }: Match & Rights, args: ListArgs, client: NameReader): string {
  const { form, selection, returns } = args
  // RFC 5258 §3: \NonExistent implies \Noselect, for those who know it.
  const attributes = attributesOf(entry).filter(
    (attribute, _, all) => attribute !== '\\Noselect' || form === 'plain' || !all.includes('\\NonExistent'),
  )
  if ((selection.subscribed || returns.subscribed) && entry.subscribed) attributes.unshift('\\Subscribed')
  // RFC 9051 §6.3.9.2: that is why no STATUS follows.
  if (returns.status !== undefined && rights !== undefined && !rights.includes('r'))
    attributes.push('\\Noselect')
  const criteria = [
    ...(selection.subscribed ? ['"SUBSCRIBED"'] : []),
    ...(selection.specialUse ? ['"SPECIAL-USE"'] : []),
  ]
  const tail = childInfo ? ` ("CHILDINFO" (${criteria.join(' ')}))` : ''
  return `LIST (${attributes.join(' ')}) "/" ${mailboxText(entry.name, client)}${tail}`
}

async function run(session: SessionIn<'authenticated' | 'selected'>, args: ListArgs): Promise<Completion> {
  // Asks for the separator and the root of the reference; in the extended form it does not (RFC 5258 §3).
  if (args.form === 'plain' && args.patterns[0] === '') {
    session.untagged('LIST (\\Noselect) "/" ""')
    return ok('List completed')
  }
  const turn = new OwnTurn()
  const matches = await matching(session, args)
  const known = await rightsOn(session, matches, args.returns)
  for (const match of matches) {
    const rights = match.entry.mailbox && known.get(match.entry.mailbox.id)
    session.untagged(listLine({ ...match, rights }, args, session))
    if (rights !== undefined && (!match.childInfo || meets(match.entry, args.selection)))
      await tellMore(session, { ...match.entry, rights }, args.returns)
    await turn.pass()
    if (session.gone) break
  }
  return ok('List completed')
}

/** Asked for only where something depends on them. */
async function rightsOn(
  { store, account }: SessionIn<'authenticated' | 'selected'>,
  matches: readonly Match[],
  { status, myRights, metadata }: ListReturn,
): Promise<ReadonlyMap<MailboxId, string>> {
  const found = new Map<MailboxId, string>()
  if (status === undefined && !myRights && metadata.length === 0) return found
  const own: NamedMailbox[] = []
  for (const { entry } of matches) {
    const { mailbox, rights } = entry
    if (mailbox === undefined) continue
    if (rights === undefined) own.push(mailbox)
    else found.set(mailbox.id, rights)
  }
  const onOwn = await store.sharing.rightsOnEach(own, account.id)
  for (const [index, { id }] of own.entries()) found.set(id, onOwn[index]!)
  return found
}

/** What was asked for beside the LIST response: RFC 5819, RFC 8440, RFC 9590. */
async function tellMore(
  session: SessionIn<'authenticated' | 'selected'>,
  { name, mailbox, counts, rights }: ListName & { readonly rights: string },
  { status, myRights, metadata }: ListReturn,
): Promise<void> {
  if (mailbox === undefined) return
  if (myRights) session.untagged(myRightsText(session, name, rights))
  if (metadata.length > 0 && /[rswip]/.test(rights)) {
    const values = await readEntries(session, { mailbox }, metadata, { depth: 0 })
    await session.write(metadataLine(session, name, values))
  }
  if (status !== undefined && counts?.selectable && rights.includes('r'))
    await session.write(`* ${await statusText(session, name, counts, status)}\r\n`)
}

/** RFC 9051 §6.3.9; RFC 3501 §6.3.8, RFC 5258, RFC 5819, RFC 6154, RFC 3348. */
export const list = command({
  name: 'LIST',
  states: ['authenticated', 'selected'],
  numbers: 'none',
  capabilities: ['CHILDREN', 'LIST-EXTENDED', 'LIST-STATUS', 'LIST-MYRIGHTS', 'LIST-METADATA', 'SPECIAL-USE'],
  args: listArgs,
  run,
})

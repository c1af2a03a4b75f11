import { type MailboxId, type MailboxView, StoreError } from '@posthorn/storage'
import { keywordLines } from '../session/news-lines.ts'
import { OpenMailbox } from '../session/open-mailbox.ts'
import type { SessionIn } from '../session/session.ts'
import { lowerBound } from '../wire/number-set.ts'
import type { Parser } from '../wire/parser.ts'
import { SyntaxFault, uidRequired } from '../wire/syntax-fault.ts'
import { type Completion, command, ok } from './command.ts'
import { openableMailbox } from './find-mailbox.ts'
import { type GivenName, givenName, listResponse } from './old-name.ts'
import { type Qresync, qresyncParameter, resynchronize } from './qresync.ts'

interface SelectArgs {
  readonly given: GivenName
  readonly condstore: boolean
  readonly qresync: Qresync | undefined
}

type LoggedIn = SessionIn<'authenticated' | 'selected'>

/** RFC 9051 §6.3.2; parameters RFC 4466 §2.2, CONDSTORE RFC 7162 §3.1.8, QRESYNC RFC 7162 §3.2.5. */
function selectArgs(p: Parser, session: LoggedIn): SelectArgs {
  const given = givenName(p.sp())
  let condstore = false
  let qresync: Qresync | undefined
  if (p.acceptSp()) {
    p.nonEmptyList(() => {
      const parameter = p.keyword()
      if (parameter === 'CONDSTORE') condstore = true
      else if (parameter !== 'QRESYNC') throw new SyntaxFault('Unknown parameter')
      else if (session.enabled('QRESYNC')) qresync = qresyncOf(p, session)
      else throw new SyntaxFault('QRESYNC is not enabled')
    })
  }
  return { given, condstore, qresync }
}

function qresyncOf(p: Parser, session: LoggedIn): Qresync {
  const qresync = qresyncParameter(p)
  // RFC 9586 §3.
  if (qresync.match !== undefined && session.enabled('UIDONLY')) throw uidRequired()
  return qresync
}

/** A disk that takes no change is no reason not to read: \Recent stays then (RFC 3501 §2.3.2: advisory). */
async function claimRecent(session: LoggedIn, mailbox: MailboxId, last: number): Promise<number> {
  const { mailboxes, messages } = session.store
  try {
    return await mailboxes.claimRecent(mailbox, last)
  } catch (error) {
    if (!(error instanceof StoreError) || !['no-space', 'read-only'].includes(error.kind)) throw error
    return (await messages.view(mailbox)).mailbox.firstRecent
  }
}

interface Opened {
  readonly view: MailboxView
  readonly mailbox: OpenMailbox
}

async function openMailbox(
  session: LoggedIn,
  { given, condstore }: SelectArgs,
  access: OpenMailbox['access'],
): Promise<Opened> {
  const { mailbox: found, rights } = await openableMailbox(session, given.name)
  const { id } = found
  if (condstore) session.enable('CONDSTORE')
  const view = await session.store.messages.view(id)
  const mailbox = new OpenMailbox(view, access, { viewer: session.account.id, name: given.name, rights })
  const rev2 = session.enabled('IMAP4rev2')
  if (rev2) mailbox.ignoreRecent()
  const last = view.uids[view.uids.length - 1] ?? 0
  if (!rev2 && last > 0 && view.mailbox.firstRecent <= last) {
    const first = mailbox.mayChange ? await claimRecent(session, id, last) : view.mailbox.firstRecent
    mailbox.addRecent(mailbox.mayChange ? session.services.watch.claimRecent(id, first, last) : first, last)
  }
  return { view, mailbox }
}

async function open(session: LoggedIn, args: SelectArgs, access: OpenMailbox['access']): Promise<Completion> {
  let closed = ''
  // A failing SELECT leaves nothing selected (RFC 9051 §6.3.2).
  if (session.state === 'selected') {
    session.unselect()
    // With the rest, in one packet.
    closed = '* OK [CLOSED] Previous mailbox closed.\r\n'
  }
  try {
    const { view, mailbox } = await openMailbox(session, args, access)
    session.select(mailbox)
    const told = await describe(session, args, view, mailbox)
    const drained = session.write(closed + told)
    closed = ''
    if (drained !== undefined) await drained
    const { qresync } = args
    if (qresync !== undefined) await resynchronize(session, mailbox, view.mailbox.uidNext, qresync)
    const code = mailbox.mayChange ? 'READ-WRITE' : 'READ-ONLY'
    return ok(access === 'read-write' ? 'Select completed' : 'Examine completed', code)
  } catch (error) {
    if (closed !== '') session.write(closed)
    throw error
  }
}

async function describe(
  session: LoggedIn,
  { given }: SelectArgs,
  view: MailboxView,
  mailbox: OpenMailbox,
): Promise<string> {
  const rev2 = session.enabled('IMAP4rev2')
  const { uids, firstUnseen } = view
  return (
    `${keywordLines(mailbox)}* ${uids.length} EXISTS\r\n` +
    // RFC 9051 §6.3.2: LIST instead of RECENT and UNSEEN.
    (rev2 ? await listResponse(session, given.name, given.asGiven) : `* ${mailbox.recentCount} RECENT\r\n`) +
    (rev2 || firstUnseen === undefined || session.enabled('UIDONLY')
      ? ''
      : `* OK [UNSEEN ${lowerBound(uids, firstUnseen) + 1}] First unseen.\r\n`) +
    `* OK [UIDVALIDITY ${view.mailbox.uidValidity}] UIDs valid\r\n` +
    `* OK [UIDNEXT ${view.mailbox.uidNext}] Predicted next UID\r\n` +
    // RFC 8474 §4.2.
    `* OK [MAILBOXID (${view.mailbox.objectId})] Ok\r\n` +
    `* OK [HIGHESTMODSEQ ${view.modSeq}] Highest\r\n`
  )
}

export const select = command({
  name: 'SELECT',
  states: ['authenticated', 'selected'],
  numbers: 'none',
  capabilities: ['CONDSTORE', 'QRESYNC'],
  args: selectArgs,
  run: (session, args) => open(session, args, 'read-write'),
})

/** RFC 9051 §6.3.3. */
export const examine = command({
  name: 'EXAMINE',
  states: ['authenticated', 'selected'],
  numbers: 'none',
  args: selectArgs,
  run: (session, args) => open(session, args, 'read-only'),
})

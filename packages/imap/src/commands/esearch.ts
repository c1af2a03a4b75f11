/** ESEARCH: one search in many mailboxes. MULTISEARCH, RFC 7377. */
import { type MailboxId, type SearchCriteria, type SearchFound, StoreError } from '@posthorn/storage'
import { Refusal } from '../errors.ts'
import type { SessionIn } from '../session/session.ts'
import { Turn } from '../session/turn.ts'
import { type MailboxSource, mailboxSources } from '../wire/mailbox-sources.ts'
import type { Parser } from '../wire/parser.ts'
import { type SearchProgram, type SearchScope, searchProgram } from '../wire/search-program.ts'
import { SyntaxFault } from '../wire/syntax-fault.ts'
import { command, ok } from './command.ts'
import { type Found, scopeOf, scopeOfUids, visible } from './found-messages.ts'
import { inProgress } from './in-progress.ts'
import { keepUpdated, refuseUsedTag } from './keep-updated.ts'
import { mailboxText } from './mailbox-text.ts'
import {
  extendedLine,
  isOnlySaved,
  type ReturnOptions,
  refuseRelevancy,
  returnAll,
  returnOptions,
  saveResult,
} from './search-answer.ts'
import { badCharset, type SearchRequest, searchRequest, storedFilters } from './search-request.ts'
import { type SourceMailbox, sourceMailboxes } from './source-mailboxes.ts'

type LoggedIn = SessionIn<'authenticated' | 'selected'>

interface EsearchArgs {
  readonly sources: readonly MailboxSource[]
  readonly options: ReturnOptions
  readonly request: SearchRequest
}

const selectedAlone: readonly MailboxSource[] = [{ kind: 'selected' }]
const nothing = new Uint32Array(0)

export const esearch = command({
  name: 'ESEARCH',
  states: ['authenticated', 'selected'],
  numbers: 'none',
  capabilities: ['MULTISEARCH'],
  args(p, session): EsearchArgs {
    p.sp()
    const sources = p.acceptText('IN ') ? sourcesWithSpace(p) : selectedAlone
    const options = returnOptions(p) ?? returnAll
    refuseWithoutMailbox(session, sources, options)
    const charset = session.enabled('UTF8=ACCEPT') ? 'no charset' : 'charset'
    const request = searchRequest(p, firstScope(session), (from, scope) =>
      searchProgram(from, scope, charset),
    )
    return { sources, options, request }
  },
  async run(session, { sources, options, request }) {
    const { program } = request
    if (session.state === 'selected') refuseUsedTag(session, options)
    refuseRelevancy(options, program.usesFuzzy)
    if (session.state === 'selected' && options.names.has('SAVE')) session.mailbox.saved = nothing
    if (program.criteria === undefined) return badCharset(request)
    if (program.usesModSeq) session.enable('CONDSTORE')
    const filter = program.lacksFilters ? await storedFilters(session) : undefined
    const mailboxes = await sourceMailboxes(session, sources)
    const progress = { done: 0, goal: mailboxes.length }
    const work = async (): Promise<void> => {
      for (const mailbox of mailboxes) {
        await searchOne(session, mailbox, options, (scope) =>
          request.in(filter ? { ...scope, filter } : scope),
        )
        progress.done++
        if (session.gone) return
      }
    }
    await inProgress(session, work(), progress)
    return ok('Esearch completed')
  },
})

function sourcesWithSpace(p: Parser): readonly MailboxSource[] {
  const sources = mailboxSources(p)
  p.sp()
  return sources
}

/** RFC 7377 §2.2. */
function refuseWithoutMailbox(
  session: LoggedIn,
  sources: readonly MailboxSource[],
  { names }: ReturnOptions,
): void {
  const selected = sources.some(({ kind }) => kind === 'selected')
  if (session.state !== 'selected' && (selected || names.has('UPDATE')))
    throw new SyntaxFault('No mailbox is selected')
  if (names.has('SAVE') && !sources.every(({ kind }) => kind === 'selected'))
    throw new SyntaxFault('SAVE is for the selected mailbox alone')
}

function firstScope(session: LoggedIn): SearchScope {
  return session.state === 'selected' ? scopeOf(session) : scopeOfUids(session, nothing)
}

async function searchOne(
  session: LoggedIn,
  mailbox: SourceMailbox,
  options: ReturnOptions,
  read: (scope: SearchScope) => SearchProgram,
): Promise<void> {
  const selected = session.state === 'selected' && session.mailbox.id === mailbox.id ? session : undefined
  const result = await foundIn(session, mailbox.id, read)
  if (result === undefined) return
  const { found, program } = result
  if (selected !== undefined) {
    saveResult(selected, found, options)
    keepUpdated(selected, options, { found: found.uids, criteria: program.criteria!, numbering: 'uid' })
  }
  if (found.uids.length === 0 || isOnlySaved(options)) return
  const line = await extendedLine(session, found, options, {
    tag: session.tag,
    place: ` MAILBOX ${mailboxText(mailbox.name, session)} UIDVALIDITY ${mailbox.uidValidity}`,
    numbering: 'uid',
    mailbox,
    usesModSeq: program.usesModSeq,
  })
  await session.write(line)
}

/** undefined when the mailbox has gone, or may not be read any more: those before it may have taken minutes. */
async function foundIn(
  session: LoggedIn,
  id: MailboxId,
  read: (scope: SearchScope) => SearchProgram,
): Promise<{ readonly found: Found; readonly program: SearchProgram } | undefined> {
  try {
    if (session.state === 'selected' && session.mailbox.id === id) {
      const program = read(scopeOf(session))
      const found = await visible(session, await searched(session, id, program.criteria!), new Turn())
      return { program, found: { ...found, numbers: found.uids } }
    }
    const { sharing, messages } = session.store
    if (!(await sharing.rights(id, session.account.id)).includes('r')) return undefined
    const { uids } = await messages.view(id)
    const program = read(scopeOfUids(session, uids))
    const found = await searched(session, id, program.criteria!)
    return { program, found: { ...found, numbers: found.uids } }
  } catch (error) {
    if (error instanceof StoreError && error.kind === 'no-such-mailbox') return undefined
    throw error
  }
}

function searched(session: LoggedIn, id: MailboxId, criteria: SearchCriteria): Promise<SearchFound> {
  if (session.gone) throw new Refusal('UNAVAILABLE', 'Connection closed')
  return session.store.messages.search(id, criteria, session.signal)
}

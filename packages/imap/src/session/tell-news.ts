/** What happened in the selected mailbox, in the order in which it has to be told. */
import { OwnTurn } from '@posthorn/storage'
import { answerFetch } from '../commands/fetch-answer.ts'
import { planFetch } from '../commands/fetch-plan.ts'
import type { FetchItem } from '../wire/fetch-items.ts'
import type { SelectedEvents } from '../wire/notify-groups.ts'
import { lowerBound } from '../wire/number-set.ts'
import { fetchArrivals } from './new-messages.ts'
import type { News } from './news.ts'
import { newsLines } from './news-lines.ts'
import type { OpenMailbox } from './open-mailbox.ts'
import type { SearchContexts } from './search-contexts.ts'
import type { SelectedSession } from './session.ts'

export interface Told {
  readonly news: News
  /** The last UID that the client knew before. */
  readonly lastKnown: number
  /** NOTIFY's wishes. */
  readonly selected: SelectedEvents | undefined
  readonly contexts: SearchContexts | undefined
  /** By the command under way. */
  madeHere(modSeq: number): boolean
}

export async function tellNews(session: SelectedSession, mailbox: OpenMailbox, told: Told): Promise<void> {
  const { news, selected, contexts } = told
  const before = contexts?.beforeExpunge(news) ?? ''
  if (before !== '') await session.write(before)
  const uidOnly = session.enabled('UIDONLY')
  const enabled = {
    modSeq: session.enabled('CONDSTORE'),
    vanished: uidOnly || session.enabled('QRESYNC'),
    uidOnly,
  }
  const turn = new OwnTurn()
  const wanted = selected?.flags === 'untold' ? { ...news, places: [] } : news
  for (const lines of newsLines(mailbox, wanted, enabled)) {
    await session.write(lines)
    await turn.pass()
    if (session.gone) return
  }
  const items = selected?.items ?? []
  if (contexts === undefined && items.length === 0) return
  const came = newUids(mailbox, told)
  const rest =
    contexts === undefined ? came : await tellContexts(session, mailbox, { news, contexts, came, items })
  if (items.length === 0) return
  // RFC 5465 §5.2: after ESEARCH ADDTO; what the client put there itself it knows.
  const others = rest.filter((uid) => !told.madeHere(modSeqOf(news, uid)))
  if (others.length > 0) await answerFetch(session, planFetch(items), others)
}

function modSeqOf({ changed }: News, uid: number): number {
  const at = lowerBound(changed.uids, uid)
  return changed.uids[at] === uid ? changed.modSeqs[at]! : 0
}

function newUids({ uids }: OpenMailbox, { news, lastKnown }: Told): Uint32Array {
  return news.exists === undefined ? new Uint32Array(0) : uids.slice(lowerBound(uids, lastKnown + 1))
}

/** RFC 5267 §4.3; RFC 5465 §7: what a search wants of a message comes before its ADDTO. Gives the other new messages. */
async function tellContexts(
  session: SelectedSession,
  mailbox: OpenMailbox,
  how: {
    readonly news: News
    readonly contexts: SearchContexts
    readonly came: Uint32Array
    readonly items: readonly FetchItem[]
  },
): Promise<Uint32Array> {
  const { news, contexts, came, items } = how
  const lines = await contexts.afterChanges(news, (uid) => mailbox.sequenceOf(uid))
  const arrivals = contexts.takeArrivals()
  const rest = arrivals.length === 0 ? came : await fetchArrivals(session, came, items, arrivals)
  if (lines !== '') await session.write(lines)
  return rest
}

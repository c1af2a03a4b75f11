import type { FetchWant, MessageBatch } from '@posthorn/storage'
import type { SelectedSession } from '../session/session.ts'
import { ColumnRows } from './column-rows.ts'
import { FetchOutput } from './fetch-output.ts'
import type { FetchPlan } from './fetch-plan.ts'
import { ListedRows } from './listed-rows.ts'

/** Clients show fewer at a time; whoever asks for so many wants a list, see `answerFetch`. */
const pageRows = 128

/**
 * Answers a page of a list from what stands in columns and listings, without a promise between reading and writing.
 * @returns how many of `uids`, from the first one on, need no other answer any more
 */
export function answerPage(session: SelectedSession, plan: FetchPlan, uids: Uint32Array): number {
  if (plan.marks || uids.length >= pageRows) return 0
  const { items, source, want } = plan
  if (source !== 'columns' && source !== 'summary') return 0
  const { mailbox } = session
  const isUidOnly = session.enabled('UIDONLY')
  const isPlain = source === 'columns' && !isUidOnly && !mailbox.hasRecent
  const plain = isPlain ? ColumnRows.for(items, mailbox) : undefined
  if (plain !== undefined) {
    const batch = pageNow(session, uids, want)
    return batch === undefined ? 0 : written(session, plan, (output) => output.writeRowsNow(plain, batch))
  }
  const rows = ListedRows.for(items, mailbox, isUidOnly ? 'uid-only' : 'numbered')
  const batch = rows && pageNow(session, uids, { facts: true, listing: rows.columns })
  return batch === undefined ? 0 : written(session, plan, (output) => output.writeListedNow(rows!, batch))
}

/** undefined, too, when keywords are to be learnt first. */
function pageNow(session: SelectedSession, uids: Uint32Array, want: FetchWant): MessageBatch | undefined {
  const { mailbox, store } = session
  const batch = store.messages.fetchNow(mailbox.id, uids, want)
  return batch !== undefined && mailbox.flagTexts.nameAll(batch) ? batch : undefined
}

function written(
  session: SelectedSession,
  { items }: FetchPlan,
  write: (output: FetchOutput) => number,
): number {
  const output = new FetchOutput(session, items)
  const rows = write(output)
  output.end()
  return rows
}

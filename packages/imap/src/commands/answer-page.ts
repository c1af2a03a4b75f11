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
  const { mailbox } = session
  const isUidOnly = session.enabled('UIDONLY')
  if (plan.source === 'summary') {
    const rows = ListedRows.for(plan.items, mailbox, isUidOnly ? 'uid-only' : 'numbered')
    const batch = rows && pageNow(session, uids, { facts: true, listing: rows.columns })
    return batch === undefined ? 0 : written(session, plan, (output) => output.writeListedNow(rows!, batch))
  }
  if (plan.source !== 'columns' || isUidOnly || mailbox.hasRecent) return 0
  const rows = ColumnRows.for(plan.items, mailbox)
  const batch = rows && pageNow(session, uids, plan.want)
  return batch === undefined ? 0 : written(session, plan, (output) => output.writeRowsNow(rows!, batch))
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

import { answerFetch } from '../commands/fetch-answer.ts'
import { planFetch } from '../commands/fetch-plan.ts'
import type { FetchItem } from '../wire/fetch-items.ts'
import type { SelectedSession } from './session.ts'

/** New messages that a search takes in, and what its client wants of them (RFC 5465 §7). */
export interface Arrivals {
  readonly uids: Uint32Array
  readonly items: readonly FetchItem[]
}

/**
 * One FETCH for each new message that somebody asked about: what NOTIFY wants of all and what searches want of
 * those that they found. RFC 5465 §5.2, §7.
 * @returns those that no search asked about
 */
export async function fetchArrivals(
  session: SelectedSession,
  came: Uint32Array,
  ofAll: readonly FetchItem[],
  arrivals: readonly Arrivals[],
): Promise<Uint32Array> {
  const rest: number[] = []
  const groups = new Map<string, { readonly uids: number[]; readonly items: readonly FetchItem[] }>()
  for (const uid of came) {
    const wanting = arrivals.filter(({ uids }) => uids.includes(uid))
    if (wanting.length === 0) {
      rest.push(uid)
      continue
    }
    const key = wanting.map((each) => arrivals.indexOf(each)).join()
    let group = groups.get(key)
    if (group === undefined) {
      group = { uids: [], items: eachOnce([...ofAll, ...wanting.flatMap(({ items }) => items)]) }
      groups.set(key, group)
    }
    group.uids.push(uid)
  }
  for (const { uids, items } of groups.values())
    await answerFetch(session, planFetch(items), Uint32Array.from(uids))
  return Uint32Array.from(rest)
}

function eachOnce(items: readonly FetchItem[]): readonly FetchItem[] {
  const named = new Map(items.map((item) => ['label' in item ? item.label : item.kind, item]))
  return [...named.values()]
}

/** Results of searching commands that are kept up to date. RFC 5267 §4.3. */
import type { FetchItem } from '../wire/fetch-items.ts'
import { formatNumbers, lowerBound } from '../wire/number-set.ts'
import type { Arrivals } from './new-messages.ts'
import type { News } from './news.ts'

/** At most so many at a time in a session (RFC 5267 §4.3.1). */
const maxContexts = 16

export interface SearchContext {
  /** Of the command. */
  readonly tag: string
  readonly numbering: 'sequence' | 'uid'
  /** UIDs as the client has them: in the order of the mailbox, or in the one that was asked for. */
  members: Uint32Array
  /** Those of `uids` that meet the criteria now, ascending. */
  matching(uids: Uint32Array): Promise<Uint32Array>
  /** Sent with each new message that comes into it. */
  readonly items: readonly FetchItem[]
  /** undefined: the order of the mailbox. */
  readonly inOrder: ((uids: Uint32Array) => Promise<Uint32Array>) | undefined
}

type NumberOf = (uid: number) => number

export class SearchContexts {
  readonly #byTag = new Map<string, SearchContext>()
  #arrivals: Arrivals[] = []
  /** Of a search that was ended before it could become a context. */
  #forgotten: string | undefined

  has(tag: string): boolean {
    return this.#byTag.has(tag)
  }

  get full(): boolean {
    return this.#byTag.size >= maxContexts
  }

  get empty(): boolean {
    return this.#byTag.size === 0
  }

  add(context: SearchContext): void {
    this.#byTag.set(context.tag, context)
  }

  /** False when there is none of this tag. */
  cancel(tag: string): boolean {
    const forgotten = this.#forgotten === tag
    if (forgotten) this.#forgotten = undefined
    return this.#byTag.delete(tag) || forgotten
  }

  forget(tag: string): void {
    this.#forgotten = tag
  }

  /** Lines that have to go out before the EXPUNGEs of the same news. RFC 5267 §4.3.4. */
  beforeExpunge({ expunged }: News): string {
    if (expunged === undefined) return ''
    let lines = ''
    const sequenceOf: NumberOf = (uid) => expunged.sequence[lowerBound(expunged.uids, uid)] ?? 0
    for (const context of this.#byTag.values()) {
      const gone = (uid: number): boolean => expunged.uids[lowerBound(expunged.uids, uid)] === uid
      lines += removal(context, gone, sequenceOf)
    }
    return lines
  }

  /** What came into results by the news that `afterChanges` was told of last. */
  takeArrivals(): readonly Arrivals[] {
    return this.#arrivals.splice(0)
  }

  /** Lines that follow the FETCH and EXISTS of the same news. @param sequenceOf as it is after them */
  async afterChanges(news: News, sequenceOf: NumberOf): Promise<string> {
    // What is held back is still in the mailbox for this client, but cannot be found any more.
    const changed = news.changed.uids.filter((uid) => sequenceOf(uid) > 0)
    if (changed.length === 0) return ''
    this.#arrivals = []
    let lines = ''
    for (const context of this.#byTag.values()) {
      const matching = new Set(await context.matching(changed))
      const left = new Set(changed.filter((uid) => !matching.has(uid)))
      lines += removal(context, (uid) => left.has(uid), sequenceOf)
      const members = new Set(context.members)
      const came = Uint32Array.from([...matching].filter((uid) => !members.has(uid)))
      if (came.length > 0 && context.items.length > 0)
        this.#arrivals.push({ uids: came.slice(), items: context.items })
      if (came.length > 0) lines += await this.#addition(context, came, sequenceOf)
    }
    return lines
  }

  async #addition(context: SearchContext, came: Uint32Array, sequenceOf: NumberOf): Promise<string> {
    const all = Uint32Array.from([...context.members, ...came]).sort()
    const numberOf: NumberOf = context.numbering === 'uid' ? (uid) => uid : sequenceOf
    if (context.inOrder === undefined) {
      context.members = all
      return line(context, 'ADDTO', [[0, came.sort().map(numberOf)]])
    }
    context.members = await context.inOrder(all)
    const isNew = new Set(came)
    const runs = runsOf(context.members, (uid) => isNew.has(uid))
    return line(
      context,
      'ADDTO',
      runs.map(([from, to]) => [from + 1, context.members.subarray(from, to).map(numberOf)]),
    )
  }
}

/** Takes the members out that are `gone`, and says so. */
function removal(context: SearchContext, gone: (uid: number) => boolean, sequenceOf: NumberOf): string {
  const { members } = context
  const runs = runsOf(members, gone)
  if (runs.length === 0) return ''
  const numberOf: NumberOf = context.numbering === 'uid' ? (uid) => uid : sequenceOf
  const pairs: (readonly [number, Uint32Array])[] =
    context.inOrder === undefined
      ? [[0, members.filter((uid) => gone(uid)).map(numberOf)]]
      : // From the end: no pair changes the positions of the next.
        runs.reverse().map(([from, to]) => [from + 1, members.subarray(from, to).map(numberOf)] as const)
  context.members = members.filter((uid) => !gone(uid))
  return line(context, 'REMOVEFROM', pairs)
}

/** Index ranges [from, to) of neighbours that are meant, ascending. */
function runsOf(uids: Uint32Array, meant: (uid: number) => boolean): (readonly [number, number])[] {
  const runs: (readonly [number, number])[] = []
  let from = -1
  for (let at = 0; at <= uids.length; at++) {
    const inside = at < uids.length && meant(uids[at]!)
    if (inside && from < 0) from = at
    if (inside || from < 0) continue
    runs.push([from, at])
    from = -1
  }
  return runs
}

/** `* ESEARCH (TAG "B01") UID ADDTO (1 2731:2733)`. */
function line(
  { tag, numbering }: SearchContext,
  item: 'ADDTO' | 'REMOVEFROM',
  pairs: readonly (readonly [number, Uint32Array])[],
): string {
  const list = pairs.map(([position, numbers]) => `${position} ${formatNumbers(numbers)}`).join(' ')
  return `* ESEARCH (TAG "${tag}")${numbering === 'uid' ? ' UID' : ''} ${item} (${list})\r\n`
}

import { keptFieldNames } from '@posthorn/mail'
import type { FetchWant } from '@posthorn/storage'
import type { FetchItem, SectionItem } from '../wire/fetch-items.ts'

/** What has to be read to answer a FETCH: as little as the items allow. */
export interface FetchPlan {
  readonly items: readonly FetchItem[]
  readonly want: FetchWant
  /**
   * `columns`: every item stands in the batch; `summary`: and in the summary; `header`: `want` brings the
   * header; `octets`: the messages' octets are read in a second step, once their sizes are known.
   */
  readonly source: 'columns' | 'summary' | 'header' | 'octets'
  /** An item sets \Seen (RFC 9051 §6.4.5). */
  readonly marks: boolean
}

export function planFetch(items: readonly FetchItem[]): FetchPlan {
  const marks = items.some((item) => item.kind === 'section' && item.marks)
  const source = items.reduce<FetchPlan['source']>((most, item) => {
    const needed = sourceOf(item)
    return order.indexOf(needed) > order.indexOf(most) ? needed : most
  }, 'columns')
  if (source === 'columns') {
    const facts = items.some(({ kind }) => kind === 'size' || kind === 'internal-date')
    return { items, want: facts ? { facts: true } : {}, source, marks }
  }
  const summary = { facts: true, summary: true } as const
  return { items, want: source === 'header' ? { ...summary, bytes: 'header' } : summary, source, marks }
}

const order: readonly FetchPlan['source'][] = ['columns', 'summary', 'header', 'octets']

function sourceOf(item: FetchItem): FetchPlan['source'] {
  switch (item.kind) {
    case 'envelope':
    case 'body':
    case 'body-structure':
      return 'summary'
    case 'section':
      return sourceOfSection(item)
    default:
      return 'columns'
  }
}

function sourceOfSection({ section }: SectionItem): FetchPlan['source'] {
  if (section.path.length > 0 || section.what === 'all' || section.what === 'text') return 'octets'
  return section.what === 'fields' && isKept(section.names) ? 'summary' : 'header'
}

/** The summary has these fields: the header need not be read. */
function isKept(names: ReadonlySet<string>): boolean {
  for (const name of names) if (!keptFieldNames.has(name)) return false
  return true
}

import { keptFieldNames } from '@posthorn/mail'
import type { FetchWant } from '@posthorn/storage'
import { type FetchItem, isDecoded, type SectionItem } from '../wire/fetch-items.ts'

/** What has to be read to answer a FETCH: as little as the items allow. */
export interface FetchPlan {
  readonly items: readonly FetchItem[]
  readonly want: FetchWant
  /**
   * `columns`: every item stands in the batch; `summary`: and in the summary; `header`: `want` brings the
   * header; `octets`: the messages' octets are read, too, of large ones in pieces.
   */
  readonly source: 'columns' | 'summary' | 'header' | 'octets'
  /** An item sets \Seen (RFC 9051 §6.4.5). */
  readonly marks: boolean
  /** Something less than whole messages is wanted of their octets. */
  readonly sendsParts: boolean
  /** Whole messages, once each, and else only what stands in columns. */
  readonly sendsWholes: boolean
}

export function planFetch(items: readonly FetchItem[]): FetchPlan {
  const marks = items.some((item) => 'marks' in item && item.marks)
  const source = items.reduce<FetchPlan['source']>((most, item) => {
    const needed = sourceOf(item)
    return order.indexOf(needed) > order.indexOf(most) ? needed : most
  }, 'columns')
  const sendsParts = items.some(
    (item) => isDecoded(item) || (item.kind === 'section' && (item.partial !== undefined || !isWhole(item))),
  )
  if (source === 'columns') {
    const facts = items.some(({ kind }) => ofFacts.has(kind))
    return { items, want: facts ? { facts: true } : {}, source, marks, sendsParts, sendsWholes: false }
  }
  // Whole messages need nothing that is known about them but their size.
  if (items.every((item) => (item.kind !== 'section' ? sourceOf(item) === 'columns' : isWhole(item)))) {
    const sendsWholes = !sendsParts && items.filter(({ kind }) => kind === 'section').length === 1
    return { items, want: { facts: true }, source, marks, sendsParts, sendsWholes }
  }
  const asksConversation = items.some(({ kind }) => kind === 'thread-id')
  const summary = {
    facts: true,
    summary: true,
    ...(asksConversation && ({ conversation: true } as const)),
  } as const
  return {
    items,
    want: source === 'header' ? { ...summary, bytes: 'header' } : summary,
    source,
    marks,
    sendsParts,
    sendsWholes: false,
  }
}

const ofFacts: ReadonlySet<FetchItem['kind']> = new Set(['size', 'internal-date', 'save-date', 'email-id'])
const order: readonly FetchPlan['source'][] = ['columns', 'summary', 'header', 'octets']

function sourceOf(item: FetchItem): FetchPlan['source'] {
  switch (item.kind) {
    case 'envelope':
    case 'body':
    case 'body-structure':
      return 'summary'
    // Too rare for what is kept rendered.
    case 'thread-id':
      return 'header'
    case 'binary':
    case 'binary-size':
    case 'preview':
      return 'octets'
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

function isWhole({ section }: SectionItem): boolean {
  return section.path.length === 0 && section.what === 'all'
}

/** The summary has these fields: the header need not be read. */
function isKept(names: ReadonlySet<string>): boolean {
  for (const name of names) if (!keptFieldNames.has(name)) return false
  return true
}

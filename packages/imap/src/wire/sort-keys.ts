import type { SortKey } from '../order/key-columns.ts'
import type { Parser } from './parser.ts'
import { SyntaxFault } from './syntax-fault.ts'

export interface SortCriterion {
  /** RELEVANCY: RFC 6203 §6. */
  readonly key: SortKey | 'RELEVANCY'
  readonly reverse: boolean
}

/** As many as there are keys; what follows a key's first mention decides nothing. */
const maxCriteria = 20
const sortKeys: ReadonlySet<string> = new Set<SortCriterion['key']>([
  'RELEVANCY',
  'ARRIVAL',
  'CC',
  'DATE',
  'FROM',
  'SIZE',
  'SUBJECT',
  'TO',
  'DISPLAYFROM',
  'DISPLAYTO',
])

/** `(REVERSE DATE SUBJECT)`. RFC 5256 §5 sort-criteria, RFC 5957 §5. */
export function sortCriteria(p: Parser): readonly SortCriterion[] {
  const criteria = p.nonEmptyList((): SortCriterion => {
    let key = p.keyword()
    const reverse = key === 'REVERSE'
    if (reverse) key = p.sp().keyword()
    if (!isSortKey(key)) throw new SyntaxFault('Unknown sort criterion')
    return { key, reverse }
  })
  if (criteria.length > maxCriteria) throw new SyntaxFault('Too many sort criteria')
  return criteria
}

function isSortKey(name: string): name is SortCriterion['key'] {
  return sortKeys.has(name)
}

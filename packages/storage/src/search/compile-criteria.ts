import { foldCase } from '@posthorn/mail'
import type { SearchCriteria } from '../contract.ts'
import { type Candidate, stage } from './candidate.ts'
import { fuzzyTest } from './fuzzy-test.ts'
import { headerTest } from './header-test.ts'
import type { SearchSource } from './search-source.ts'
import { type StoredLeaf, storedAnswer, textLeaf } from './stored-leaf.ts'

/** true, false, or undefined: more of the message must be read (Kleene's three values). */
export type Test = (message: Candidate) => boolean | undefined

/** First bit of the mailbox's keywords in word 0, and how many have their bit there (see `Flags`). */
const firstKeywordBit = 5
const keywordsInWord0 = 27

/**
 * The test that a tree of criteria stands for. `leaves` gets what kept texts can answer; without it nothing is kept.
 */
export const compileCriteria = (
  criteria: SearchCriteria,
  source: Pick<SearchSource, 'keywords' | 'columnOf' | 'conversationOf'>,
  leaves?: StoredLeaf[],
): Test => {
  const compile = (each: SearchCriteria): Test => compileCriteria(each, source, leaves)
  switch (criteria.kind) {
    case 'all':
      return () => true
    case 'and':
      return allOf(criteria.of.map(compile))
    case 'or':
      return anyOf(criteria.of.map(compile))
    case 'not':
      return negate(compile(criteria.of))
    case 'header':
      return headerTest(criteria.name, criteria.value, source.columnOf?.(criteria.name), leaves)
    case 'fuzzy':
      return fuzzyTest(criteria, compile)
    case 'body':
      return textTest(criteria.value, 'body', leaves)
    case 'text':
      return textTest(criteria.value, 'everywhere', leaves)
    case 'sent-date':
      return sentDateTest(criteria.fromDay, criteria.toDay)
    case 'conversation':
      return factTest(({ messageId }) => source.conversationOf?.(messageId) === criteria.id)
    case 'keyword':
      return keywordTest(criteria.name, source.keywords)
    case 'uids':
      return uidsTest(criteria.ranges)
    default:
      return columnTest(criteria)
  }
}

type ColumnCriteria = Extract<
  SearchCriteria,
  {
    readonly kind:
      | 'flag'
      | 'recent'
      | 'modseq'
      | 'message-id'
      | 'larger'
      | 'smaller'
      | 'internal-date'
      | 'save-date'
  }
>

const columnTest = (criteria: ColumnCriteria): Test => {
  switch (criteria.kind) {
    case 'flag':
      return ({ flags0 }) => (flags0 & criteria.mask) !== 0
    case 'recent':
      return ({ uid }) => uid >= criteria.since
    case 'modseq':
      return ({ modSeq }) => modSeq >= criteria.atLeast
    case 'message-id':
      return factTest(({ messageId }) => messageId === criteria.messageId)
    case 'larger':
      return factTest(({ sizeBytes }) => sizeBytes > criteria.sizeBytes)
    case 'smaller':
      return factTest(({ sizeBytes }) => sizeBytes < criteria.sizeBytes)
    case 'internal-date':
      return factTest(({ internalDateMs: ms }) => ms >= criteria.fromMs && ms < criteria.toMs)
    case 'save-date':
      return factTest(({ saveDateMs: ms }) => ms >= criteria.fromMs && ms < criteria.toMs)
  }
}

const factTest =
  (test: (message: Candidate) => boolean): Test =>
  (message) =>
    message.stage < stage.facts ? message.needs(stage.facts) : test(message)

const allOf =
  (tests: readonly Test[]): Test =>
  (message) => {
    let result: boolean | undefined = true
    for (const test of tests) {
      const each = test(message)
      if (each === false) return false
      if (each === undefined) result = undefined
    }
    return result
  }

const anyOf =
  (tests: readonly Test[]): Test =>
  (message) => {
    let result: boolean | undefined = false
    for (const test of tests) {
      const each = test(message)
      if (each === true) return true
      if (each === undefined) result = undefined
    }
    return result
  }

const negate =
  (test: Test): Test =>
  (message) => {
    const result = test(message)
    return result === undefined ? undefined : !result
  }

/** RFC 9051 §6.4.4 BODY, TEXT. The empty text is a substring of every message. */
const textTest = (value: string, where: 'body' | 'everywhere', leaves: StoredLeaf[] | undefined): Test => {
  const needle = foldCase(value)
  if (needle === '') return () => true
  const leaf = textLeaf(needle, where, leaves)
  return (message) => {
    if (leaf !== undefined) {
      const known = storedAnswer(leaf, message)
      if (known !== undefined) return known === 'later' ? undefined : known
    }
    return message.stage < stage.texts ? message.needs(stage.texts) : message.texts().include(needle, where)
  }
}

/** RFC 9051 §6.4.4 SENTBEFORE, SENTON, SENTSINCE. A message without Date matches none of them. */
const sentDateTest =
  (fromDay: number, toDay: number): Test =>
  (message) => {
    if (message.stage < stage.summary) return message.needs(stage.summary)
    const day = message.sentDay
    return day !== undefined && day >= fromDay && day < toDay
  }

const keywordTest = (name: string, keywords: readonly string[]): Test => {
  const lower = name.toLowerCase()
  const index = lower === '' ? -1 : keywords.findIndex((keyword) => keyword.toLowerCase() === lower)
  if (index < 0) return () => false
  if (index < keywordsInWord0) {
    const mask = 1 << (firstKeywordBit + index)
    return ({ flags0 }) => (flags0 & mask) !== 0
  }
  const mask = 1 << (index - keywordsInWord0)
  return ({ flags1 }) => (flags1 & mask) !== 0
}

const uidsTest = (ranges: readonly (readonly [number, number])[]): Test => {
  const firsts = Float64Array.from(ranges, ([from]) => from)
  return ({ uid }) => {
    let low = 0
    let high = firsts.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((firsts[middle] as number) <= uid) low = middle + 1
      else high = middle
    }
    return low > 0 && uid <= (ranges[low - 1]?.[1] ?? 0)
  }
}

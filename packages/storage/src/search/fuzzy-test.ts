import { foldCase, keptFieldNames } from '@posthorn/mail'
import type { SearchCriteria } from '../contract.ts'
import { type Candidate, stage } from './candidate.ts'
import type { Test } from './compile-criteria.ts'
import { type FuzzyQuery, fuzzyQuery, wordScores } from './fuzzy-words.ts'
import { fieldPattern, fieldText } from './header-test.ts'

type FuzzyCriteria = Extract<SearchCriteria, { readonly kind: 'fuzzy' }>

/** A word counts less where it stands by chance. */
const weights = { subject: 1, field: 1, body: 0.85, header: 0.6 } as const
const subjectName = foldCase('subject')

/**
 * FUZZY of a text key: every word must fit somewhere; the message gets a score. RFC 6203 §3, §4.
 * @param exact compiles what kept texts can answer: most messages have not even a fragment of a word
 */
export const fuzzyTest = (criteria: FuzzyCriteria, exact: (each: SearchCriteria) => Test): Test => {
  const query = fuzzyQuery(criteria.value)
  // Nothing but signs: there are no words to be fuzzy about.
  if (query.words.length === 0) return exact(exactly(criteria, criteria.value))
  const fragments: SearchCriteria = {
    kind: 'and',
    of: query.words.map((word) => ({
      kind: 'or',
      of: word.fragments.map((fragment) => exactly(criteria, fragment)),
    })),
  }
  const mayFit = exact(fragments)
  const fits =
    criteria.field === 'header' ? fieldTest(criteria.name, query) : textsTest(criteria.field, query)
  return (message) => (mayFit(message) === false ? false : fits(message))
}

const exactly = ({ field, name }: FuzzyCriteria, value: string): SearchCriteria =>
  field === 'header' ? { kind: 'header', name, value } : { kind: field, value }

const fieldTest = (name: string, query: FuzzyQuery): Test => {
  const field = fieldPattern(name)
  if (field === undefined) return () => false
  const needed = keptFieldNames.has(name) ? stage.summary : stage.header
  return (message) => {
    if (message.stage < needed) return message.needs(needed)
    const block = message.stage >= stage.header ? message.header() : message.keptFields()
    if (block === undefined) return message.needs(stage.header)
    const text = fieldText(block, name, field)
    return text !== null && rate(message, weighted(query, text, weights.field))
  }
}

const textsTest = (where: 'body' | 'text', query: FuzzyQuery): Test => {
  return (message) => {
    const kept = message.keptTexts
    if (kept === undefined && message.stage < stage.texts) return message.needs(stage.texts)
    let best: readonly number[] = query.words.map(() => 0)
    for (const { place, text } of kept ?? message.texts().all(Number.POSITIVE_INFINITY) ?? []) {
      if (place === 'body') best = better(best, weighted(query, text, weights.body))
      else if (where === 'text') {
        best = better(best, weighted(query, subjectIn(text), weights.subject))
        best = better(best, weighted(query, text, weights.header))
      }
    }
    return rate(message, best)
  }
}

const subjectIn = (header: string): string => {
  const at = header.startsWith(`${subjectName}:`) ? 0 : header.indexOf(`\n${subjectName}:`) + 1
  if (at === 0 && !header.startsWith(`${subjectName}:`)) return ''
  const end = header.indexOf('\n', at + 1)
  return header.slice(at + subjectName.length + 1, end < 0 ? undefined : end)
}

const weighted = (query: FuzzyQuery, text: string, weight: number): number[] =>
  text === '' ? query.words.map(() => 0) : wordScores(query, text).map((score) => score * weight)

const better = (a: readonly number[], b: readonly number[]): number[] =>
  a.map((score, at) => Math.max(score, b[at] as number))

const rate = (message: Candidate, scores: readonly number[]): boolean => {
  if (scores.some((score) => score === 0)) return false
  const score = scores.reduce((sum, each) => sum + each, 0) / scores.length
  message.rate(Math.min(100, Math.max(1, Math.round(score))))
  return true
}

/** Whether found messages have scores. Does not recurse: criteria may be nested deep. */
export const isFuzzy = (criteria: SearchCriteria): boolean => {
  const open: SearchCriteria[] = [criteria]
  for (let each = open.pop(); each !== undefined; each = open.pop()) {
    if (each.kind === 'fuzzy') return true
    if (each.kind === 'and' || each.kind === 'or') open.push(...each.of)
    else if (each.kind === 'not') open.push(each.of)
  }
  return false
}

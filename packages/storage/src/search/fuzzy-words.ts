/** How well a text fits words that somebody remembers. RFC 6203 §3: prefixes, endings, slips of the pen. */
import { foldCase } from '@posthorn/mail'

interface QueryWord {
  readonly text: string
  readonly stem: string
  /** Written without blanks between words: any part of it may be a word. */
  readonly runsOn: boolean
  /** How many letters may be wrong. */
  readonly edits: number
  /** A word that fits has one of these in it. */
  readonly fragments: readonly string[]
  /** How well words fit that were met before: texts are made of the same ones. */
  readonly known: Map<string, number>
}

export interface FuzzyQuery {
  /** As it was written, words one blank apart. */
  readonly phrase: string
  readonly words: readonly QueryWord[]
}

/** More words, or longer ones, say nothing more. */
const maxWords = 8
const maxWordLength = 64
/** Of a fragment in a text: what is common there does not tell. */
const maxOccurrences = 400
/** Words remembered during one search. */
const maxKnown = 20_000
/** Characters of one text that are looked at. */
const maxTextLength = 1024 * 1024

const scores = { exact: 100, stem: 90, prefix: 80, oneEdit: 60, inside: 55, twoEdits: 40 } as const

/** Folded; endings that leave the meaning, the longest first. */
const endings = [
  'ations',
  'ation',
  'ings',
  'ing',
  'ies',
  'ers',
  'ied',
  'est',
  'ed',
  'er',
  'es',
  'ly',
  's',
  'e',
].map(foldCase)
const wordPattern = /[\p{L}\p{N}][\p{L}\p{N}\p{M}]*/gu
const marks = /\p{M}/gu

export const fuzzyQuery = (value: string): FuzzyQuery => {
  const folded = foldCase(value)
  const found = [...folded.matchAll(wordPattern)].map(([word]) => word.slice(0, maxWordLength))
  const words = [...new Set(found)].slice(0, maxWords).map(queryWord)
  return { phrase: found.join(' '), words }
}

const queryWord = (word: string): QueryWord => {
  const text = word.replace(marks, '')
  // Where there are no letters one cannot mistype, or only few, each counts.
  const latin = /^[\x21-\x7e]+$/.test(text)
  const edits = !latin || text.length < 4 ? 0 : text.length < 8 ? 1 : 2
  const stem = stemOf(text)
  const fragments = new Set<string>(edits === 0 ? [text] : piecesOf(text, edits + 1))
  if (stem.length >= 3) fragments.add(stem)
  return { text, stem, runsOn: !latin, edits, fragments: [...fragments], known: new Map() }
}

/** Of which one is whole when so many letters less one are wrong. */
const piecesOf = (text: string, count: number): string[] => {
  const length = Math.floor(text.length / count)
  return Array.from({ length: count }, (_, at) =>
    at === count - 1 ? text.slice(at * length) : text.slice(at * length, (at + 1) * length),
  )
}

const stemOf = (word: string): string => {
  const ending = endings.find((each) => word.length - each.length >= 3 && word.endsWith(each))
  if (ending === undefined) return word
  const stem = word.slice(0, word.length - ending.length)
  const doubled = stem.length > 3 && stem.at(-1) === stem.at(-2)
  return doubled ? stem.slice(0, -1) : stem
}

/** For each word how well it fits its best place in the text, 0 to 100. */
export const wordScores = (query: FuzzyQuery, text: string): number[] => {
  const looked = text.length > maxTextLength ? text.slice(0, maxTextLength) : text
  if (query.words.length > 1 && looked.includes(query.phrase)) return query.words.map(() => scores.exact)
  return query.words.map((word) => bestOf(word, looked))
}

const bestOf = (word: QueryWord, text: string): number => {
  let best = 0
  for (const fragment of word.fragments) {
    let at = text.indexOf(fragment)
    for (let count = 0; at >= 0 && count < maxOccurrences; count++) {
      const found = wordAt(text, at)
      if (found !== undefined) {
        const score = knownScore(word, found)
        if (score > best) best = score
        if (best === scores.exact) return best
      }
      at = text.indexOf(fragment, at + fragment.length)
    }
  }
  return best
}

const knownScore = (word: QueryWord, found: string): number => {
  let score = word.known.get(found)
  if (score === undefined) {
    score = scoreOf(word, found.replace(marks, ''))
    if (word.known.size < maxKnown) word.known.set(found, score)
  }
  return score
}

/** The word around a place; undefined for one that is too long to be one. */
const wordAt = (text: string, at: number): string | undefined => {
  let from = at
  while (from > 0 && at - from <= maxWordLength && isWordUnit(text, from - 1)) from--
  let to = at
  while (to < text.length && to - at <= maxWordLength && isWordUnit(text, to)) to++
  return to - from > maxWordLength ? undefined : text.slice(from, to)
}

const isWordUnit = (text: string, at: number): boolean => {
  const code = text.charCodeAt(at)
  if (code < 0x80) {
    return (code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a)
  }
  // Half of a letter outside the first plane stays with the other half.
  return (code >= 0xd800 && code <= 0xdfff) || /[\p{L}\p{N}\p{M}]/u.test(text[at] as string)
}

const scoreOf = (word: QueryWord, found: string): number => {
  if (found === word.text) return scores.exact
  if (word.stem.length >= 3 && stemOf(found) === word.stem) return scores.stem
  if (word.text.length >= 3 && found.startsWith(word.text)) return scores.prefix
  const inside = (word.runsOn || word.text.length >= 4) && found.includes(word.text)
  const edits = word.edits === 0 ? Number.POSITIVE_INFINITY : distance(word.text, found, word.edits)
  if (edits === 1) return scores.oneEdit
  if (inside) return scores.inside
  return edits === 2 && word.edits === 2 ? scores.twoEdits : 0
}

/** Letters wrong, missing, too many or exchanged with their neighbour; above `max` it is not counted on. */
const distance = (a: string, b: string, max: number): number => {
  if (Math.abs(a.length - b.length) > max) return max + 1
  let before: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, at) => at)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    let least = i
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let cost = Math.min(num(last, j) + 1, num(row, j - 1) + 1, num(last, j - 1) + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, num(before, j - 2) + 1)
      row.push(cost)
      least = Math.min(least, cost)
    }
    if (least > max) return max + 1
    before = last
    last = row
  }
  return num(last, b.length)
}

const num = (row: readonly number[], at: number): number => row[at] as number

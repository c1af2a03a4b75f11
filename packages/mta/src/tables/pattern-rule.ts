import { RE2JS } from 're2js'
import type { TableError } from './table.ts'
import { messageOf } from './table-file.ts'
import { type TextPattern, WatchedPattern } from './watched-pattern.ts'

/**
 * regexp: and pcre: on one engine that runs in linear time whatever the pattern and the text (RE2), so
 * that no message can stop the server. What such an engine cannot do (look-around, back-references) another does
 * under a clock, in pcre:; what neither can do is an error when the table is read.
 */
export interface PatternDialect {
  readonly flags: Readonly<Record<string, Meaning | 'none' | 'refused'>>
  readonly dotAll: 'unless-multi-line' | 'on'
  /** Which of several matches at a place is taken: `$1` depends on it. */
  readonly match: 'first' | 'longest'
  /** 'watched': look-around and back-references. */
  readonly backtracking: 'watched' | 'none'
  /** What the real one matches, and neither engine may. */
  readonly beyondEngines: RegExp
}

type Meaning = 'ignore-case' | 'multi-line' | 'dot-all' | 'anchored' | 'ungreedy' | 'extended'

/** Literal text and group numbers. */
export type Template = readonly (string | number)[]

export interface Pattern {
  readonly negated: boolean
  readonly source: string
  readonly regexp: TextPattern
  /** The same, where it matters which of several matches is taken. */
  readonly groups: () => TextPattern
  readonly rest: string
}

/** A rule that means nothing: it is skipped, and all others count. Postfix: regexp_table(5), pcre_table(5). */
export class RuleFault extends Error {}

/** Who hears of a rule. */
export interface Hearers {
  /** Of a pattern that is right, and that no engine here can match: a rule that counts must not be missing. */
  readonly unavailable: (message: string) => TableError
  readonly warn: (message: string) => void
}

/**
 * `/pattern/flags rest`, `!/pattern/flags rest`.
 * @throws RuleFault
 * @throws TableError for what Postfix takes and we do not
 */
export function readPattern(text: string, dialect: PatternDialect, hearers: Hearers): Pattern {
  const negated = text.startsWith('!')
  const start = negated ? text.slice(1).trimStart() : text
  const delimiter = start[0] ?? ''
  if (delimiter === '' || /[\w\s\\]/.test(delimiter)) {
    throw new RuleFault(`expected /pattern/flags result (found ${JSON.stringify(text.slice(0, 80))})`)
  }
  let source = ''
  let i = 1
  for (; i < start.length && start[i] !== delimiter; i++) {
    if (start[i] === '\\' && i + 1 < start.length) {
      // A delimiter that is escaped stands for itself; every other escape is the pattern's.
      if (start[i + 1] !== delimiter) source += '\\'
      source += start[++i]
    } else source += start[i]
  }
  if (i >= start.length) throw new RuleFault(`no closing pattern delimiter ${JSON.stringify(delimiter)}`)
  const after = /^(\S*)\s*(.*)$/s.exec(start.slice(i + 1))
  const meanings = readFlags(after?.[1] ?? '', dialect, hearers)
  const bare = meanings.has('extended') ? withoutBlanks(source) : source
  const rest = after?.[2] ?? ''
  try {
    const watched = watchedPattern(bare, meanings, dialect, hearers.warn)
    if (watched !== undefined)
      return { negated, source: watched.source, regexp: watched, groups: () => watched, rest }
    const whole = `${meanings.has('ungreedy') ? '(?U)' : ''}${bare}`
    const pattern = meanings.has('anchored') ? `\\A(?:${whole})` : whole
    const flags = engineFlags(meanings, dialect)
    const regexp = RE2JS.compile(pattern, flags)
    const groups = () =>
      dialect.match === 'longest' ? RE2JS.compile(pattern, flags | RE2JS.LONGEST_MATCH) : regexp
    return { negated, source: bare, regexp, groups, rest }
  } catch (cause) {
    const message = messageOf(cause).replace(/^error parsing regexp: /, 'bad pattern: ')
    if (dialect.beyondEngines.test(source))
      throw hearers.unavailable(
        `${message} (look-around and back-references are for pcre: alone, and not every kind of them)`,
      )
    throw new RuleFault(message)
  }
}

const needsBacktracking = /\(\?<?[=!]|\\[1-9gk]/

/** undefined: the linear engine can do it, or this dialect knows nothing else. */
function watchedPattern(
  source: string,
  meanings: ReadonlySet<Meaning>,
  { backtracking, dotAll }: PatternDialect,
  warn: (message: string) => void,
): WatchedPattern | undefined {
  if (backtracking === 'none' || meanings.has('ungreedy') || !needsBacktracking.test(source)) return undefined
  const flags = {
    ignoreCase: meanings.has('ignore-case'),
    multiLine: meanings.has('multi-line'),
    dotAll: dotAll === 'on' && meanings.has('dot-all'),
    anchored: meanings.has('anchored'),
  }
  return new WatchedPattern(source, flags, warn)
}

/** Each flag letter flips its default. regexp_table(5), pcre_table(5). */
function readFlags(letters: string, dialect: PatternDialect, { unavailable }: Hearers): ReadonlySet<Meaning> {
  const on = new Set<Meaning>(['ignore-case', 'dot-all'])
  for (const letter of letters) {
    const meaning = dialect.flags[letter]
    if (meaning === undefined) throw new RuleFault(`unknown regexp option ${JSON.stringify(letter)}`)
    if (meaning === 'refused')
      throw unavailable(`pattern flag ${JSON.stringify(letter)} is not available here`)
    if (meaning !== 'none' && !on.delete(meaning)) on.add(meaning)
  }
  return on
}

function engineFlags(on: ReadonlySet<Meaning>, dialect: PatternDialect): number {
  const dotAll = dialect.dotAll === 'on' ? on.has('dot-all') : !on.has('multi-line')
  return (
    (on.has('ignore-case') ? RE2JS.CASE_INSENSITIVE : 0) |
    (on.has('multi-line') ? RE2JS.MULTILINE : 0) |
    (dotAll ? RE2JS.DOTALL : 0)
  )
}

/** PCRE_EXTENDED: blanks and `#` to the end of the line mean nothing outside a class. A rule is one line. */
function withoutBlanks(source: string): string {
  let bare = ''
  let inClass = false
  for (let i = 0; i < source.length; i++) {
    const char = source[i] as string
    if (char === '\\') {
      bare += char + (source[++i] ?? '')
      continue
    }
    if (!inClass && char === '#') break
    if (!inClass && /\s/.test(char)) continue
    // `[]` and `[^]` begin with a bracket that is a member.
    if (!inClass && char === '[') {
      inClass = true
      const first = /^\[\^?\]?/.exec(source.slice(i))?.[0] ?? char
      bare += first
      i += first.length - 1
      continue
    }
    if (inClass && char === ']') inClass = false
    bare += char
  }
  return bare
}

/**
 * `$1 ${1} $(1)` and `$$`.
 * @throws RuleFault
 */
export function readTemplate(pattern: Pattern): Template {
  if (pattern.rest === '') throw new RuleFault('no result: expected /pattern/flags result')
  const groups = pattern.regexp.groupCount()
  const parts: (string | number)[] = []
  let literal = ''
  for (let i = 0; i < pattern.rest.length; i++) {
    const char = pattern.rest[i] as string
    if (char !== '$') {
      literal += char
      continue
    }
    const reference = /^\$(?:(\$)|(\d+)|\{(\d+)\}|\((\d+)\))/.exec(pattern.rest.slice(i, i + 12))
    if (reference === null) throw new RuleFault('bad $ in result: write $$ for a dollar sign')
    i += reference[0].length - 1
    if (reference[1] !== undefined) {
      literal += '$'
      continue
    }
    const group = Number(reference[2] ?? reference[3] ?? reference[4])
    if (pattern.negated) throw new RuleFault('$number substitution is not possible with a negated pattern')
    if (group > groups)
      throw new RuleFault(`out of range replacement index ${group}: the pattern has ${groups} groups`)
    if (literal !== '') parts.push(literal)
    literal = ''
    parts.push(group)
  }
  if (literal !== '' || parts.length === 0) parts.push(literal)
  return parts
}

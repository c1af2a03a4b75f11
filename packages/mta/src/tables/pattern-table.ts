import { RE2JS } from 're2js'
import { LiteralGlance } from './literal-glance.ts'
import { LiteralScan, type MarkedLiteral } from './literal-scan.ts'
import { logicalLines } from './logical-lines.ts'
import { type Requirements, requirements } from './required-literals.ts'
import { openRules } from './rule-lines.ts'
import { type LookupTable, TableError, type TableType } from './table.ts'
import { messageOf, type Parse } from './table-file.ts'
import { type TextPattern, WatchedPattern } from './watched-pattern.ts'

/**
 * regexp: and pcre: on one engine that runs in linear time whatever the pattern and the text (RE2), so
 * that no message can stop the server. What such an engine cannot do (look-around, back-references) another does
 * under a clock, in pcre:, and is an error in regexp: when the table is read.
 */
export interface PatternDialect {
  readonly flags: Readonly<Record<string, Meaning | 'none' | 'refused'>>
  readonly dotAll: 'unless-multi-line' | 'on'
  /** Which of several matches at a place is taken: `$1` depends on it. */
  readonly match: 'first' | 'longest'
  /** 'watched': look-around and back-references. */
  readonly backtracking: 'watched' | 'none'
}

type Meaning = 'ignore-case' | 'multi-line' | 'dot-all' | 'anchored' | 'ungreedy' | 'extended'

type Node =
  | (Test & { readonly kind: 'rule'; readonly result: Template; readonly groups: TextPattern })
  | (Test & { readonly kind: 'if'; readonly endIndex: number })

interface Test {
  readonly negated: boolean
  readonly regexp: TextPattern
  /** What a text must have that it matches. */
  readonly needs: Requirements
}

/** Literal text and group numbers. */
type Template = readonly (string | number)[]

export const patternTable =
  (dialect: PatternDialect): TableType =>
  (argument, spec, context): LookupTable => {
    const file = openRules(argument, spec, context, parsePatterns(spec, dialect))
    return {
      name: spec,
      match: 'pattern',
      lookup: (key) => firstMatch(file.current(), key),
      suspectAt: (octets, from) => suspectAt(file.current(), octets, from),
      refresh: file.refresh,
    }
  }

/**
 * Rules in order, and what most of them cannot match without: a text is scanned once for all these literals, and
 * the engine tries only the rules whose literals are all there, and those that need none.
 */
interface Rules {
  readonly nodes: readonly Node[]
  readonly scan: LiteralScan | undefined
  /** Knows the rarest requirement of each rule only: the quick look at octets. */
  readonly glance: LiteralGlance | undefined
  /** By node: a bit for each requirement; 0: it stands for itself. */
  readonly needed: Uint8Array
  /** The same of the text at hand. */
  readonly present: Uint8Array
  /** Whether a rule stands for itself: without a literal, not within an `if` that needs one. */
  readonly unguarded: boolean
}

const bitsOfMark = 2

function* rulesOf(nodes: readonly Node[]): Generator<void, Rules> {
  yield
  const literals: MarkedLiteral[] = []
  const rarest: MarkedLiteral[] = []
  const needed = new Uint8Array(nodes.length)
  for (const [index, node] of nodes.entries()) {
    for (const [bit, set] of node.needs.entries()) {
      needed[index] = (needed[index] as number) | (1 << bit)
      for (const literal of set) {
        literals.push({ literal, mark: (index << bitsOfMark) | bit })
        if (bit === 0) rarest.push({ literal, mark: index })
      }
    }
  }
  const scan = literals.length === 0 ? undefined : LiteralScan.of(literals)
  if (scan === undefined) needed.fill(0)
  yield
  const glance = scan === undefined ? undefined : LiteralGlance.of(rarest)
  let unguarded = false
  for (let i = 0; i < nodes.length; i++) {
    const node = nodes[i] as Node
    if (needed[i] === 0) unguarded = true
    else if (node.kind === 'if') i = node.endIndex - 1
  }
  return { nodes, scan, glance, needed, present: new Uint8Array(nodes.length), unguarded }
}

function suspectAt({ glance, nodes, unguarded }: Rules, octets: Uint8Array, from: number): number {
  if (nodes.length === 0) return octets.length
  return unguarded || glance === undefined ? from : glance.firstIn(octets, from)
}

function firstMatch({ nodes, scan, needed, present, unguarded }: Rules, key: string): string | undefined {
  let some = false
  present.fill(0)
  scan?.scan(key, (mark) => {
    const index = mark >> bitsOfMark
    const bits = (present[index] as number) | (1 << (mark & 3))
    present[index] = bits
    if (bits === needed[index]) some = true
  })
  if (!some && !unguarded) return undefined
  for (let i = 0; i < nodes.length; i++) {
    const node = nodes[i] as Node
    if (needed[i] !== present[i]) {
      if (node.kind === 'if') i = node.endIndex - 1
      continue
    }
    if (node.kind === 'if') {
      if (node.regexp.test(key) === node.negated) i = node.endIndex - 1
      continue
    }
    if (node.negated) {
      if (!node.regexp.test(key)) return fill(node.result, () => '')
      continue
    }
    if (!node.regexp.test(key)) continue
    if (node.result.length === 1 && typeof node.result[0] === 'string') return node.result[0]
    const matcher = node.groups.matcher(key)
    if (matcher.find()) return fill(node.result, (group) => matcher.group(group) ?? '')
  }
  return undefined
}

function fill(template: Template, group: (number: number) => string): string {
  return template.map((part) => (typeof part === 'string' ? part : group(part))).join('')
}

const parsePatterns = (spec: string, dialect: PatternDialect): Parse<Rules> =>
  function* (text, warn) {
    const nodes: Node[] = []
    const open: { readonly index: number; readonly line: number }[] = []
    for (const line of logicalLines(text)) {
      // Patterns are slow to compile.
      yield
      const trimmed = line.text.trim()
      if (/^endif$/i.test(trimmed)) {
        const start = open.pop()
        if (start === undefined) throw new TableError(spec, 'endif without if', line.number)
        nodes[start.index] = { ...(nodes[start.index] as Node & { kind: 'if' }), endIndex: nodes.length }
        continue
      }
      const condition = /^if\s*(?=[!/\W])/i.exec(trimmed)
      const source = condition === null ? trimmed : trimmed.slice(condition[0].length)
      const pattern = readPattern(source, dialect, {
        error: (message) => new TableError(spec, message, line.number),
        warn: (message) => warn(line.number, message),
      })
      if (condition !== null) {
        open.push({ index: nodes.length, line: line.number })
        nodes.push({ ...testOf(pattern), kind: 'if', endIndex: 0 })
        continue
      }
      const result = readTemplate(pattern, (message) => new TableError(spec, message, line.number))
      const groups = result.length > 1 ? pattern.groups() : pattern.regexp
      nodes.push({ ...testOf(pattern), kind: 'rule', result, groups })
    }
    const unclosed = open.at(-1)
    if (unclosed !== undefined) throw new TableError(spec, 'if without endif', unclosed.line)
    return yield* rulesOf(nodes)
  }

const testOf = ({ negated, source, regexp }: Pattern): Test => ({
  negated,
  regexp,
  needs: negated ? [] : requirements(source),
})

interface Pattern {
  readonly negated: boolean
  readonly source: string
  readonly regexp: TextPattern
  /** The same, where it matters which of several matches is taken. */
  readonly groups: () => TextPattern
  readonly rest: string
}

/** Who hears of a rule. */
interface Hearers {
  readonly error: (message: string) => TableError
  readonly warn: (message: string) => void
}

function readPattern(text: string, dialect: PatternDialect, { error, warn }: Hearers): Pattern {
  const negated = text.startsWith('!')
  const start = negated ? text.slice(1).trimStart() : text
  const delimiter = start[0] ?? ''
  if (delimiter === '' || /[\w\s\\]/.test(delimiter)) {
    throw error(`expected /pattern/flags result (found ${JSON.stringify(text.slice(0, 80))})`)
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
  if (i >= start.length) throw error(`no closing pattern delimiter ${JSON.stringify(delimiter)}`)
  const after = /^([A-Za-z]*)\s*(.*)$/s.exec(start.slice(i + 1))
  const meanings = readFlags(after?.[1] ?? '', error, dialect)
  const bare = meanings.has('extended') ? withoutBlanks(source) : source
  const rest = after?.[2] ?? ''
  try {
    const watched = watchedPattern(bare, meanings, dialect, warn)
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
    throw error(
      `${messageOf(cause).replace(/^error parsing regexp: /, 'bad pattern: ')}${lookAround(source)}`,
    )
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

function lookAround(source: string): string {
  return needsBacktracking.test(source)
    ? ' (look-around and back-references are for pcre: alone, and not every kind of them)'
    : ''
}

/** Each flag letter flips its default. regexp_table(5), pcre_table(5). */
function readFlags(
  letters: string,
  error: (message: string) => TableError,
  dialect: PatternDialect,
): ReadonlySet<Meaning> {
  const on = new Set<Meaning>(['ignore-case', 'dot-all'])
  for (const letter of letters) {
    const meaning = dialect.flags[letter]
    if (meaning === undefined) throw error(`unknown pattern flag ${JSON.stringify(letter)}`)
    if (meaning === 'refused') throw error(`pattern flag ${JSON.stringify(letter)} is not available here`)
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

/** `$1 ${1} $(1)` and `$$`. */
function readTemplate(pattern: Pattern, error: (message: string) => TableError): Template {
  if (pattern.rest === '') throw error('no result: expected /pattern/flags result')
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
    if (reference === null) throw error('bad $ in result: write $$ for a dollar sign')
    i += reference[0].length - 1
    if (reference[1] !== undefined) {
      literal += '$'
      continue
    }
    const group = Number(reference[2] ?? reference[3] ?? reference[4])
    if (pattern.negated) throw error('$number substitution is not possible with a negated pattern')
    if (group > groups)
      throw error(`out of range replacement index ${group}: the pattern has ${groups} groups`)
    if (literal !== '') parts.push(literal)
    literal = ''
    parts.push(group)
  }
  if (literal !== '' || parts.length === 0) parts.push(literal)
  return parts
}

import { LiteralGlance } from './literal-glance.ts'
import { LiteralScan, type MarkedLiteral } from './literal-scan.ts'
import { logicalLines } from './logical-lines.ts'
import {
  type Hearers,
  type Pattern,
  type PatternDialect,
  RuleFault,
  readPattern,
  readTemplate,
  type Template,
} from './pattern-rule.ts'
import { type Requirements, requirements } from './required-literals.ts'
import { openRules } from './rule-lines.ts'
import { type LookupTable, TableError, type TableType } from './table.ts'
import type { Parse } from './table-file.ts'
import type { TextPattern } from './watched-pattern.ts'

type Node =
  | (Test & { readonly kind: 'rule'; readonly result: Template; readonly groups: TextPattern })
  | (Test & { readonly kind: 'if'; readonly endIndex: number })

interface Test {
  readonly negated: boolean
  readonly regexp: TextPattern
  /** What a text must have that it matches. */
  readonly needs: Requirements
}

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
    const close = (): boolean => {
      const start = open.pop()
      if (start === undefined) return false
      nodes[start.index] = { ...(nodes[start.index] as Node & { kind: 'if' }), endIndex: nodes.length }
      return true
    }
    for (const line of logicalLines(text)) {
      // Patterns are slow to compile.
      yield
      const trimmed = line.text.trim()
      const hearers: Hearers = {
        unavailable: (message) => new TableError(spec, message, line.number),
        warn: (message) => warn(line.number, message),
      }
      const end = /^endif\b\s*(.*)$/is.exec(trimmed)
      if (end !== null) {
        if (!close()) hearers.warn('endif without if')
        else if (end[1] !== '') hearers.warn('ignoring extra text after endif')
        continue
      }
      const condition = /^if\s*(?=[!/\W]|$)/i.exec(trimmed)
      try {
        const source = condition === null ? trimmed : trimmed.slice(condition[0].length)
        const node = condition === null ? ruleOf(source, dialect, hearers) : ifOf(source, dialect, hearers)
        if (node.kind === 'if') open.push({ index: nodes.length, line: line.number })
        nodes.push(node)
      } catch (error) {
        if (!(error instanceof RuleFault)) throw error
        hearers.warn(`${error.message}: skipping this rule`)
      }
    }
    for (const { line } of open) warn(line, 'if without endif')
    while (close());
    return yield* rulesOf(nodes)
  }

function ifOf(source: string, dialect: PatternDialect, hearers: Hearers): Node {
  const pattern = readPattern(source, dialect, hearers)
  if (pattern.rest !== '') hearers.warn(`ignoring extra text after if: ${JSON.stringify(pattern.rest)}`)
  return { ...testOf(pattern), kind: 'if', endIndex: 0 }
}

function ruleOf(source: string, dialect: PatternDialect, hearers: Hearers): Node {
  const pattern = readPattern(source, dialect, hearers)
  const result = readTemplate(pattern)
  const groups = result.length > 1 ? pattern.groups() : pattern.regexp
  return { ...testOf(pattern), kind: 'rule', result, groups }
}

const testOf = ({ negated, source, regexp }: Pattern): Test => ({
  negated,
  regexp,
  needs: negated ? [] : requirements(source),
})

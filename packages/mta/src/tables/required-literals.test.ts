import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { RE2JS } from 're2js'
import { LiteralGlance } from './literal-glance.ts'
import { LiteralScan } from './literal-scan.ts'
import { openTable } from './open-table.ts'
import { requirements } from './required-literals.ts'

const rows: readonly (readonly [string, readonly (readonly string[])[]])[] = [
  ['viagra', [['viagra']]],
  ['^Subject: .*MAKE MONEY', [['make money'], ['subject: ']]],
  ['cheap (pills|meds)', [['cheap '], ['pills', 'meds']]],
  ['(pills|medicine)', [['pills', 'medicine']]],
  ['(pills|x)', []],
  ['(pills|)', []],
  ['(foo)?bar', [['bar']]],
  ['(foo)*', []],
  ['(foo)+', [['foo']]],
  ['ab+cd', [['ab'], ['cd']]],
  ['colou?r', [['colo']]],
  ['a{0,3}bcd', [['bcd']]],
  ['a{2}bcd', [['bcd']]],
  ['[Vv][Ii]agra', [['viagra']]],
  ['v[i1]agra', [['agra']]],
  ['[]abc]def', [['def']]],
  ['[[:space:]]word', [['word']]],
  ['[^]]word', [['word']]],
  ['\\bfoo\\.exe\\b', [['foo.exe']]],
  ['name=[^>]*\\.(exe|com|scr)', [['name='], ['exe', 'com', 'scr']]],
  ['\\d+ dollars', [[' dollars']]],
  ['\\x41bcdef', []],
  ['(?i)hello', []],
  ['(?:hello)', [['hello']]],
  ['(?P<n>hello)', [['hello']]],
  ['.', []],
  ['', []],
  ['a|b', []],
  ['foo|bar.*', [['foo', 'bar']]],
  ['^Subject:.*(pills|casino)', [['pills', 'casino'], ['subject:']]],
  ['(abc.def)+x', [['abc'], ['def']]],
  ['é', []],
  ['caféstraße', [['stra'], ['caf']]],
]
for (const [pattern, expected] of rows) {
  test(`what ${JSON.stringify(pattern)} cannot do without`, () => {
    assert.deepEqual(requirements(pattern), expected)
  })
}

const alphabet = fc.constantFrom('a', 'b', 'C', 'k', 's', '.', ' ', '\u017f', '\u212a')
const leaf = fc.oneof(
  { weight: 6, arbitrary: alphabet.map((char) => (char === '.' ? '\\.' : char)) },
  fc.constantFrom('.', '[ab]', '[Cc]', '[^a]', '\\w', '\\b', '^', '$', '[]k]', '[[:alpha:]]'),
)
const { pattern: patterns } = fc.letrec<{ pattern: string; atom: string; branch: string }>((tie) => ({
  atom: fc.oneof(
    { weight: 4, arbitrary: leaf },
    { weight: 1, arbitrary: tie('pattern').map((inner) => `(${inner})`) },
    { weight: 1, arbitrary: tie('pattern').map((inner) => `(?:${inner})`) },
  ),
  branch: fc
    .array(
      fc.tuple(
        tie('atom'),
        fc.constantFrom('', '', '', '', '', '', '', '', '?', '*', '+', '{2}', '{0,2}', '+?'),
      ),
      {
        maxLength: 6,
      },
    )
    .map((parts) => parts.map(([atom, times]) => atom + (/^[\^$]$|^\\b$/.test(atom) ? '' : times)).join('')),
  pattern: fc.array(tie('branch'), { minLength: 1, maxLength: 3 }).map((branches) => branches.join('|')),
}))

test('no text that a pattern matches lacks them', () => {
  let guarded = 0
  fc.assert(
    fc.property(
      patterns,
      fc.array(alphabet, { maxLength: 60 }).map((chars) => chars.join('')),
      (pattern, text) => {
        const sets = requirements(pattern)
        if (sets.length === 0) return
        let regexp: RE2JS
        try {
          regexp = RE2JS.compile(pattern, RE2JS.CASE_INSENSITIVE)
        } catch {
          return
        }
        guarded++
        if (!regexp.test(text)) return
        for (const required of sets) {
          const scan = LiteralScan.of(required.map((literal, mark) => ({ literal, mark })))
          let seen = false
          scan?.scan(text, () => {
            seen = true
          })
          assert.ok(seen, `${pattern} matches ${JSON.stringify(text)} without ${required.join(' | ')}`)
          const octets = Buffer.from(text)
          assert.ok((scan?.firstIn(octets, 0) ?? 0) < octets.length)
        }
      },
    ),
    { numRuns: 4_000 },
  )
  assert.ok(guarded > 200, `${guarded}`)
})

test('the scan finds every literal, overlapping ones too, as indexOf does', () => {
  const letters = fc
    .array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 5 })
    .map((all) => all.join(''))
  fc.assert(
    fc.property(
      fc.uniqueArray(letters, { minLength: 1, maxLength: 12 }),
      fc.array(letters, { maxLength: 10 }),
      (literals, words) => {
        const text = words.join('').toUpperCase()
        const marks = new Set<number>()
        LiteralScan.of(literals.map((literal, mark) => ({ literal, mark })))?.scan(text, (mark) =>
          marks.add(mark),
        )
        const expected = literals.flatMap((literal, mark) =>
          text.toLowerCase().includes(literal) ? [mark] : [],
        )
        assert.deepEqual(
          [...marks].toSorted((a, b) => a - b),
          expected,
        )
      },
    ),
    { numRuns: 1_000 },
  )
})

test('the quick look finds the end of a literal wherever one stands, as the automaton does', () => {
  const letters = fc.constantFrom('a', 'b', 'c', 'S', 'k', '\u017f', '\u212a', 'é', '\n')
  const words = fc.array(fc.constantFrom('a', 'b', 'c', 's', 'k'), { minLength: 1, maxLength: 7 })
  fc.assert(
    fc.property(
      fc.uniqueArray(
        words.map((all) => all.join('')),
        { minLength: 1, maxLength: 8 },
      ),
      fc.array(letters, { maxLength: 40 }).map((all) => Buffer.from(all.join(''))),
      fc.nat(10),
      (literals, octets, start) => {
        const marked = literals.map((literal, mark) => ({ literal, mark }))
        const from = Math.min(start, octets.length)
        const wanted = LiteralScan.of(marked)?.firstIn(octets, from) ?? 0
        const found = LiteralGlance.of(marked)?.firstIn(octets, from) ?? 0
        // Letters that only fold to others may stop either of them; nothing that is there is passed over.
        if (/[\u017f\u212a]/.test(octets.toString())) assert.ok(found >= from)
        else {
          assert.equal(found === octets.length, wanted === octets.length)
          assert.ok(found >= wanted || found === wanted)
        }
        for (const literal of literals) {
          const at = octets.toString('latin1').toLowerCase().indexOf(literal, from)
          if (at !== -1) assert.ok(found < at + literal.length || found === at + literal.length - 1)
        }
      },
    ),
    { numRuns: 3_000 },
  )
})

test('a table with if, negation and rules without literals answers as before', () => {
  const folder = mkdtempSync(join(tmpdir(), 'patterns-'))
  const path = join(folder, 'checks')
  writeFileSync(
    path,
    '/viagra/ REJECT a\nif /^subject/\n/./ WARN b\n/money (now)/ REJECT $1\nendif\n!/plain/ INFO c\n/never/ d\n',
    { mode: 0o644 },
  )
  const table = openTable(`regexp:${path}`, { log: () => {}, now: () => 0 })
  assert.equal(table.lookup('buy VIAGRA now'), 'REJECT a')
  assert.equal(table.lookup('Subject: x'), 'WARN b')
  assert.equal(table.lookup('nothing'), 'INFO c')
  assert.equal(table.lookup('plain'), undefined)
  assert.equal(table.lookup('plain never'), 'd')
  assert.equal(table.suspectAt?.(Buffer.from('zzz'), 1), 1)
  writeFileSync(path, '/viagra/ REJECT a\nif /^subject/\n/./ WARN b\nendif\n', { mode: 0o644 })
  const second = openTable(`regexp:${path}`, { log: () => {}, now: () => 0 })
  assert.deepEqual(
    ['VIAGRA', 'subject', 'a sub ject', 'caf\u00e9', 'via\u017fra'].map((text) =>
      second.suspectAt?.(Buffer.from(text), 0),
    ),
    [5, 6, 10, 5, 3],
  )
  rmSync(folder, { recursive: true })
})

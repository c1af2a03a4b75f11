/** regexp_table(5) and pcre_table(5): random patterns, rules and keys, asked of Postfix's postmap and of ours. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createTables } from '@posthorn/mta'

const postmap = '/usr/sbin/postmap'
const available = existsSync(postmap)
  ? spawnSync('/usr/sbin/postconf', ['-m'], { encoding: 'utf8' }).stdout.split(/\s+/)
  : []

/** The same numbers at each run. */
function numbers(seed: number) {
  let state = seed
  const below = (limit: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    return (state >>> 8) % limit
  }
  const pick = <T>(all: readonly [T, ...T[]]): T => all[below(all.length)] ?? all[0]
  return { below, pick }
}

const shared = [
  'a',
  'b',
  'A',
  '.',
  '[ab]',
  '[^a]',
  'x',
  '\\.',
  '1',
  ' ',
  '@',
  'foo',
  '\\$',
  '\\/',
  ':',
  '[.]',
] as const
const dialects = {
  regexp: {
    atoms: [...shared, '[a-c]', '[[:digit:]]', '[[:alpha:]]', '\\w', '\\s', '\\b'],
    flags: ['', '', '', 'i', 'm', 'im'],
    repeats: ['', '', '', '', '*', '+', '?', '{1,2}', '{2}'],
  },
  pcre: {
    atoms: [...shared, '\\d', '\\w', '\\s', '\\S', '\\b', '(?:ab)', '[\\w.]'],
    flags: ['', '', '', 'i', 'm', 's', 'ims', 'A', 'U', 'E', 'x', 'Ax'],
    repeats: ['', '', '', '', '*', '+', '?', '{1,2}', '{2}', '*?', '+?'],
  },
} as const

/** A table of up to five rules, with `if` around some of them. Groups are not repeated: what `$1` is then differs between engines. */
function tableOf(type: keyof typeof dialects, seed: number): string {
  const { below, pick } = numbers(seed)
  const { atoms, flags, repeats } = dialects[type]
  let groups = 0
  const pattern = (depth: number): string => {
    let text = ''
    for (let i = below(3); i >= 0; i--) {
      if (depth > 0 && below(3) === 0) {
        groups++
        text += `(${pattern(depth - 1)}${below(2) === 0 ? `|${pattern(depth - 1)}` : ''})`
      } else {
        const atom = pick(atoms)
        text += atom === '\\b' || (atom === ' ' && type === 'pcre') ? atom : atom + pick(repeats)
      }
    }
    return text
  }
  const rule = (at: number): { readonly test: string; readonly result: string } => {
    groups = 0
    const whole = `${below(4) === 0 ? '^' : ''}${pattern(2)}${below(4) === 0 ? '$' : ''}`
    const negated = below(6) === 0
    const shown = negated ? 0 : Math.min(groups, 3)
    const filled = Array.from({ length: shown }, (_, n) =>
      pick([`<$${n + 1}>`, `<\${${n + 1}}>`, `<$(${n + 1})>`]),
    )
    return { test: `${negated ? '!' : ''}/${whole}/${pick(flags)}`, result: `r${at} ${filled.join('')} $$` }
  }
  const lines: string[] = []
  let open = 0
  for (let at = below(5); at >= 0; at--) {
    const { test, result } = rule(at)
    if (below(5) === 0) open += lines.push(`if ${test}`) > 0 ? 1 : 0
    else lines.push(`${test} ${result}`)
    if (open > 0 && below(3) === 0) {
      lines.push('endif')
      open--
    }
  }
  for (; open > 0; open--) lines.push('endif')
  return `${lines.join('\n')}\n`
}

const pieces = [
  'a',
  'b',
  'A',
  'B',
  'c',
  'x',
  '1',
  '2',
  ' ',
  '.',
  '@',
  'foo',
  '$',
  '/',
  ':',
  'ab',
  'aab',
] as const
const { below, pick } = numbers(5)
const keys = Array.from({ length: 80 }, () =>
  Array.from({ length: 1 + below(10) }, () => pick(pieces))
    .join('')
    .trim(),
).filter((key) => key !== '')

for (const type of ['regexp', 'pcre'] as const)
  test(`C14: ${type}: random patterns, beside postmap -q -`, {
    skip: !available.includes(type) && `no Postfix with ${type}: on this machine`,
  }, (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'posthorn-patterns-'))
    t.after(() => rmSync(folder, { recursive: true }))
    mkdirSync(join(folder, 'postfix'))
    writeFileSync(join(folder, 'postfix', 'main.cf'), 'compatibility_level = 3.6\n')
    let compared = 0
    for (let seed = 1; seed <= 100; seed++) {
      const rules = tableOf(type, seed)
      const file = join(folder, `table-${seed}`)
      writeFileSync(file, rules, { mode: 0o644 })
      const { stdout, stderr } = spawnSync(
        postmap,
        ['-c', join(folder, 'postfix'), '-q', '-', `${type}:${file}`],
        {
          input: `${keys.join('\n')}\n`,
          encoding: 'utf8',
        },
      )
      // What Postfix cannot read either is passed over there, and an error here.
      if (stderr !== '') continue
      const theirs = new Map(stdout.split('\n').map((line) => [line.split('\t')[0], line.split('\t')[1]]))
      const table = createTables({ log: () => {}, now: () => 0 }).open(`${type}:${file}`)
      for (const key of keys)
        assert.equal(table.lookup(key), theirs.get(key), `${JSON.stringify(key)} in\n${rules}`)
      compared++
    }
    assert.ok(compared > 60, `${compared} tables`)
  })

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createTables } from './index.ts'

const folder = mkdtempSync(join(tmpdir(), 'posthorn-patterns-'))
after(() => rmSync(folder, { recursive: true }))
let count = 0
const lookup = (type: 'pcre' | 'regexp', rules: string, key: string): string | undefined => {
  const file = join(folder, `table-${count++}`)
  writeFileSync(file, rules, { mode: 0o644 })
  return createTables({ log: () => {}, now: () => 0 })
    .open(`${type}:${file}`)
    .lookup(key)
}

test('pcre_table(5): flags A, U, x', () => {
  const rows: readonly (readonly [string, string, string | undefined])[] = [
    ['/b+/A yes', 'abb', undefined],
    ['/b+|a/A yes', 'abb', 'yes'],
    ['/^(a+)/U <$1>', 'aaa', '<a>'],
    ['/^(a+?)/U <$1>', 'aaa', '<aaa>'],
    ['/a b [ c#] \\ d # words/x yes', 'abc d', 'yes'],
    ['/a b [ c#] \\ d # words/x yes', 'ab# d', 'yes'],
    ['/a b/x yes', 'a b', undefined],
    ['/[] ]x [^] ]/x yes', ' xa', 'yes'],
    ['/[] ]x [^] ]/x yes', ' x]', undefined],
  ]
  for (const [rule, key, expected] of rows) assert.equal(lookup('pcre', `${rule}\n`, key), expected, rule)
})

test('regexp_table(5): of several matches the longest is taken', () => {
  assert.equal(lookup('regexp', '/x(a|ab)(c|bcd)?/ <$1><$2>\n', 'xabcd'), '<a><bcd>')
  assert.equal(lookup('pcre', '/x(a|ab)(c|bcd)?/ <$1><$2>\n', 'xabcd'), '<a><bcd>')
  assert.equal(lookup('regexp', '/^(a|ab)/ <$1>\n', 'ab'), '<ab>')
  assert.equal(lookup('pcre', '/^(a|ab)/ <$1>\n', 'ab'), '<a>')
})

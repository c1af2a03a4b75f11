import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createTables } from './index.ts'

const folder = mkdtempSync(join(tmpdir(), 'posthorn-patterns-'))
after(() => rmSync(folder, { recursive: true }))
let count = 0
const postmap = ['/usr/sbin/postmap', '/sbin/postmap'].find((file) => existsSync(file))
const hasPcre =
  postmap !== undefined &&
  spawnSync('/usr/sbin/postconf', ['-m'], { encoding: 'utf8' }).stdout.includes('pcre')
const realPostmap = hasPcre ? postmap : undefined
// The real one waits until a file is a second old.
writeFileSync(join(folder, 'main.cf'), '')
utimesSync(join(folder, 'main.cf'), 1e9, 1e9)

function asked(type: 'pcre', rules: string, key: string): string | undefined {
  const file = join(folder, `theirs-${count++}`)
  writeFileSync(file, rules, { mode: 0o644 })
  utimesSync(file, 1e9, 1e9)
  const { stdout } = spawnSync(realPostmap ?? '', ['-c', folder, '-q', key, `${type}:${file}`], {
    encoding: 'utf8',
  })
  return stdout === '' ? undefined : stdout.trimEnd()
}

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

test('pcre_table(5): look-around and back-references', () => {
  const rows: readonly (readonly [string, string, string | undefined])[] = [
    ['/^Subject: (?!.*\\[list\\])/ REJECT', 'Subject: hello', 'REJECT'],
    ['/^Subject: (?!.*\\[list\\])/ REJECT', 'Subject: a [LIST] b', undefined],
    ['/^Subject: (?!.*\\[list\\])/ REJECT', 'From: a', undefined],
    ['/^(?!(?:mail|mx)\\.example\\.com$)(.*)\\.example\\.com$/ 550 not $1', 'a.example.com', '550 not a'],
    ['/^(?!(?:mail|mx)\\.example\\.com$)(.*)\\.example\\.com$/ 550 not $1', 'mx.example.com', undefined],
    ['!/^(?!ok)/ inverse', 'ok', 'inverse'],
    ['!/^(?!ok)/ inverse', 'no', undefined],
    ['/^(\\w+)@\\1\\.test$/ same $1', 'a@a.test', 'same a'],
    ['/^(\\w+)@\\1\\.test$/ same $1', 'a@b.test', undefined],
    ['/^(?P<user>.+)=\\k{user}$/ same', 'x=x', 'same'],
    ['/(?<=price: )(\\d+)/ $1', 'Price: 12', '12'],
    ['/(?<!un)subscribe/ yes', 'unsubscribe', undefined],
    ['/(?<!un)subscribe/ yes', 'subscribe', 'yes'],
    ['/^(?=.*x)(?=.*y)[[:alpha:]]+$/ both', 'axby', 'both'],
    ['/^(?=.*x)(?=.*y)[[:alpha:]]+$/ both', 'axb1', undefined],
    ['/[]a](?!b)/ yes', ']b', undefined],
    ['/[^]a](?!b)/ yes', 'cd', 'yes'],
    ['/(?!b)c/A yes', 'xc', undefined],
    ['/(?!b)c/A yes', 'c', 'yes'],
    ['/a(?!b)/i yes', 'A', undefined],
    ['/(?i)a(?!b)/i yes', 'A', 'yes'],
    ['/\\Aa.(?!b)\\z/s yes', 'a\n', undefined],
    ['/\\Aa.(?!b)\\z/ yes', 'a\n', 'yes'],
    ['if /^x(?!y)/\n/z/ in\nendif\n/z/ out', 'xyz', 'out'],
    ['if /^x(?!y)/\n/z/ in\nendif\n/z/ out', 'xaz', 'in'],
    ['/a (?! b ) c/x yes', 'ac', 'yes'],
  ]
  for (const [rule, key, expected] of rows) {
    assert.equal(lookup('pcre', `${rule}\n`, key), expected, `${rule} of ${key}`)
    if (realPostmap !== undefined)
      assert.equal(asked('pcre', `${rule}\n`, key), expected, `${rule} of ${key} at the real one`)
  }
})

test('a pattern that takes too long is no match, is told, and rests: strangers do not stop the server', () => {
  const file = join(folder, 'slow')
  writeFileSync(file, '/^(a+)+(?=c)/ yes\n', { mode: 0o644 })
  const told: string[] = []
  const table = createTables({ log: ({ text }) => void told.push(text), now: () => 0 }).open(`pcre:${file}`)
  const startedMs = performance.now()
  for (let n = 0; n < 50; n++) assert.equal(table.lookup('a'.repeat(5_000)), undefined)
  assert.ok(performance.now() - startedMs < 1_000)
  assert.deepEqual(told, [`${file}, line 1: backtracking limit exceeded: no match for 1000 ms`])
  // What the wider pattern does not match is not even tried.
  assert.equal(table.lookup('x'), undefined)
})

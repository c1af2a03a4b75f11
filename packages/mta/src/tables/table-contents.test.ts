import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createTables, type TableContents, TableError } from './index.ts'

test('after a reload a file that is the same is not read again, one that changed is', (t) => {
  const contents = new Map() as TableContents
  const folder = mkdtempSync(join(tmpdir(), 'table-contents-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'table')
  writeFileSync(path, 'one 1\n', { mode: 0o644 })
  const open = (format?: 'aliases') => {
    const tables = createTables({ log: () => {}, now: () => 0, contents })
    return format === undefined ? tables.open(`hash:${path}`) : tables.openAliases(`hash:${path}`)[0]
  }
  assert.equal(open()?.lookup('one'), '1')
  const [[key, { identity }] = ['', { identity: '' }]] = contents
  contents.set(key, { identity, content: new Map([['one', 'kept']]) })
  assert.equal(open()?.lookup('one'), 'kept')
  writeFileSync(path, 'one: two\ntwo: 2\n')
  assert.equal(open('aliases')?.lookup('one'), 'two')
  assert.equal(open()?.lookup('two:'), '2')
  chmodSync(path, 0o666)
  assert.throws(() => open(), TableError)
})

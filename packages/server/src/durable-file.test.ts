import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createDurably, writeDurably } from './durable-file.ts'

test('a file is written whole under its name, replaced whole, or made by the first alone', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-durable-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'secret')
  createDurably(path, 'first\n', 0o600)
  assert.throws(() => createDurably(path, 'second\n', 0o600), { code: 'EEXIST' })
  assert.equal(readFileSync(path, 'utf8'), 'first\n')
  assert.equal(statSync(path).mode & 0o777, 0o600)
  writeDurably(path, 'third\n', 0o640)
  assert.equal(readFileSync(path, 'utf8'), 'third\n')
  assert.equal(statSync(path).mode & 0o777, 0o640)
  assert.throws(() => writeDurably(join(folder, 'nowhere', 'file'), '', 0o600), { code: 'ENOENT' })
  assert.deepEqual(readdirSync(folder), ['secret'], 'nothing half is left')
})

import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeFolders } from './make-folders.ts'

test('folders are made with what is missing above them', (t) => {
  const root = mkdtempSync(join(tmpdir(), 'posthorn-folders-'))
  t.after(() => rmSync(root, { recursive: true }))
  assert.equal(makeFolders(join(root, 'a/b/c'), 0o700), 'made')
  assert.equal(statSync(join(root, 'a/b')).mode & 0o777, 0o700)
  assert.equal(makeFolders(join(root, 'a/b/c'), 0o700), 'found')
  assert.equal(makeFolders(join(root, 'a/b/'), 0o700), 'found')
  const before = process.umask(0o077)
  try {
    makeFolders(join(root, 'open/to/others'), 0o711)
  } finally {
    process.umask(before)
  }
  for (const path of ['open', 'open/to', 'open/to/others'])
    assert.equal(statSync(join(root, path)).mode & 0o777, 0o711)
})

test('what cannot be a folder ends with its reason', (t) => {
  const root = mkdtempSync(join(tmpdir(), 'posthorn-folders-'))
  t.after(() => rmSync(root, { recursive: true }))
  writeFileSync(join(root, 'file'), '')
  assert.throws(() => makeFolders(join(root, 'file'), 0o700), { code: 'EEXIST' })
  assert.throws(() => makeFolders(join(root, 'file/x'), 0o700), { code: 'ENOTDIR' })
  symlinkSync(join(root, 'nowhere'), join(root, 'link'))
  assert.throws(() => makeFolders(join(root, 'link/x'), 0o700), { code: 'EEXIST' })
})

test('a file system that makes no folders', { skip: !existsSync('/proc/self') }, () => {
  for (const path of ['/proc/posthorn-none', '/proc/posthorn-none/deeper'])
    assert.throws(() => makeFolders(path, 0o700), { code: 'ENOENT' })
})

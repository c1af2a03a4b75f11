import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { closeEnvironment, openEnvironment, transact } from './environment.ts'
import { GroupCommit } from './group-commit.ts'
import { RowCache } from './row-cache.ts'

test('rows that are not asked for go, rows that are asked for stay', () => {
  const rows = new RowCache()
  rows.set('kept', Buffer.from('1'))
  rows.set('gone', null)
  for (let n = 0; n < 2_000; n++) {
    rows.set(`row ${n}`, null)
    assert.equal(rows.get('kept')?.toString(), '1')
  }
  assert.equal(rows.get('gone'), undefined)
  assert.equal(rows.get('row 1999'), null)
  rows.clear()
  assert.equal(rows.get('kept'), undefined)
})

test('rows that are kept do not keep the memory beside them', () => {
  const rows = new RowCache()
  const texts = Array.from({ length: 400 }, (_, n) => `row ${n} `.repeat(1 + (n % 20)))
  const said = texts.map((text) => Object.freeze({ text }))
  for (const [n, text] of texts.entries()) {
    // As among the many small buffers of a server: the next one lies in another block.
    const row = Buffer.allocUnsafeSlow(64 * 1024).subarray(n, n + text.length)
    row.write(text)
    rows.parsed.set(rows.set(text, row), said[n])
  }
  const blocks = new Set<ArrayBufferLike>()
  for (const [n, text] of texts.entries()) {
    const row = rows.get(text)
    assert.ok(row)
    assert.equal(row.toString(), text)
    assert.equal(rows.parsed.get(row), said[n])
    blocks.add(row.buffer)
  }
  const octets = [...blocks].reduce((sum, block) => sum + block.byteLength, 0)
  assert.ok(octets < 5 * 1024 * 1024, `${octets} octets`)
})

test('a kept row is not a piece of the block that it came in', () => {
  const rows = new RowCache()
  const block = Buffer.allocUnsafeSlow(8 * 1024)
  for (const name of ['read', 'written']) {
    const row = block.subarray(0, block.write(name))
    if (name === 'read') rows.set(name, row)
    else {
      rows.set(name, null)
      rows.update(name, row)
    }
    const kept = rows.get(name)
    assert.equal(kept?.toString(), name)
    assert.notEqual(kept?.buffer, block.buffer)
  }
})

const key = Buffer.from('k')

const withCommit = async (
  opens: () => 'own' | 'unknown',
  run: (commit: GroupCommit, write: (value: string) => void) => Promise<void>,
): Promise<void> => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-rows-'))
  const environment = openEnvironment(join(directory, 'index.mdb'), 'synced')
  try {
    const commit = new GroupCommit(environment, [{ openGroup: opens }])
    await run(commit, (value) => transact(environment, () => environment.putSync(key, Buffer.from(value))))
    await commit.close()
  } finally {
    await closeEnvironment(environment)
    rmSync(directory, { recursive: true })
  }
}

test('what others may have written is read anew', async () => {
  let known: 'own' | 'unknown' = 'own'
  await withCommit(
    () => known,
    async (commit, write) => {
      const read = () => commit.run((unit) => unit.get(key)?.toString())
      await commit.run((unit) => unit.put(key, Buffer.from('ours')))
      write('theirs')
      // Nobody said so: what was read last is believed.
      assert.equal(await read(), 'ours')
      known = 'unknown'
      assert.equal(await read(), 'theirs')
    },
  )
})

test('a row that is new is not kept until somebody reads it', () =>
  withCommit(
    () => 'own',
    async (commit, write) => {
      await commit.run((unit) => {
        unit.replace(key, Buffer.from('new'), undefined)
        assert.equal(unit.get(key)?.toString(), 'new')
        unit.remove(key)
        assert.equal(unit.get(key), undefined)
        unit.replace(key, Buffer.from('again'), undefined)
      })
      write('theirs')
      assert.equal(await commit.run((unit) => unit.get(key)?.toString()), 'theirs')
      await commit.run((unit) => unit.put(key, Buffer.from('ours')))
      assert.equal(await commit.run((unit) => unit.get(key)?.toString()), 'ours')
    },
  ))

test('a unit that throws leaves the rows as they were to those after it', () =>
  withCommit(
    () => 'own',
    async (commit) => {
      await commit.run((unit) => unit.put(key, Buffer.from('old')))
      const [, refused, read] = await Promise.allSettled([
        commit.run((unit) => unit.get(key)),
        commit.run((unit) => {
          unit.put(key, Buffer.from('new'))
          unit.remove(key)
          throw new Error('no')
        }),
        commit.run((unit) => unit.get(key)?.toString()),
      ])
      assert.equal(refused?.status, 'rejected')
      assert.deepEqual(read, { status: 'fulfilled', value: 'old' })
    },
  ))

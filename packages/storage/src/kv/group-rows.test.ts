import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { getJson, putJson } from '../rows/long-value.ts'
import { closeEnvironment, openEnvironment } from './environment.ts'
import { GroupCommit } from './group-commit.ts'
import { Snapshot } from './unit.ts'

const key = (text: string) => Buffer.from(text)
const all = { start: key('a'), end: key('b') }

const withStore = async (
  run: (commit: GroupCommit, read: () => string[]) => Promise<void>,
): Promise<void> => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-group-'))
  const environment = openEnvironment(join(directory, 'index.mdb'), 'synced')
  try {
    const commit = new GroupCommit(environment, [])
    const read = () => Array.from(new Snapshot(environment).range(all), (each) => each.value.toString())
    await run(commit, read)
    await commit.close()
  } finally {
    await closeEnvironment(environment)
    rmSync(directory, { recursive: true })
  }
}

test('a unit sees its rows in ranges and counts, and the index has the last of each', () =>
  withStore(async (commit, read) => {
    const seen = await commit.run((unit) => {
      unit.put(key('a1'), key('one'))
      unit.put(key('a2'), key('two'))
      unit.remove(key('a1'))
      const values = Array.from(unit.range(all), ({ value }) => value.toString())
      unit.put(key('a2'), key('three'))
      return [...values, unit.count(key('a')), unit.get(key('a2'))?.toString()]
    })
    assert.deepEqual(seen, ['two', 1, 'three'])
    assert.deepEqual(read(), ['three'])
  }))

test('what a unit wrote that throws is in no range of those after it, nor in the index', () =>
  withStore(async (commit, read) => {
    await commit.run((unit) => unit.put(key('a1'), key('old')))
    const [refused, values] = await Promise.allSettled([
      commit.run((unit) => {
        unit.put(key('a1'), key('new'))
        unit.put(key('a2'), key('new'))
        // In the index by now.
        assert.equal(unit.count(key('a')), 2)
        unit.remove(key('a1'))
        throw new Error('no')
      }),
      commit.run((unit) => Array.from(unit.range(all), ({ value }) => value.toString())),
    ])
    assert.equal(refused?.status, 'rejected')
    assert.deepEqual(values, { status: 'fulfilled', value: ['old'] })
    assert.deepEqual(read(), ['old'])
  }))

test('a row that the cache has let go is still the one that the group wrote', () =>
  withStore(async (commit) => {
    const value = await commit.run((unit) => {
      unit.put(key('a'), key('mine'))
      for (let n = 0; n < 2_000; n++) unit.put(key(`c${n}`), key('other'))
      return unit.get(key('a'))?.toString()
    })
    assert.equal(value, 'mine')
  }))

test('a row of JSON is read once while it stays the same, and nobody can change what it says', () =>
  withStore(async (commit) => {
    const name = key('json')
    await commit.run((unit) => putJson(unit, name, { list: ['one'] }))
    const [first, second] = await commit.run((unit) => [getJson(unit, name), getJson(unit, name)])
    assert.equal(first, second)
    assert.throws(() => (first as { list: string[] }).list.push('two'), TypeError)
    await commit.run((unit) => putJson(unit, name, { list: ['two'] }))
    assert.deepEqual(await commit.run((unit) => getJson(unit, name)), { list: ['two'] })
  }))

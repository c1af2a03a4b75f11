import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Reader, Unit } from '../kv/unit.ts'
import { getJson, putJson } from './long-value.ts'

/** Rows of one store; each `peek` is to the same memory, as LMDB's binding has it. */
const store = () => {
  const rows = new Map<string, Buffer>()
  const shared = Buffer.alloc(4_096)
  const nameOf = (key: Buffer): string => key.toString('latin1')
  const unit = {
    get: (key: Buffer) => rows.get(nameOf(key)),
    put: (key: Buffer, value: Buffer) => rows.set(nameOf(key), Buffer.from(value)),
    replace: (key: Buffer, value: Buffer) => rows.set(nameOf(key), Buffer.from(value)),
    remove: (key: Buffer) => rows.delete(nameOf(key)),
  } as unknown as Unit
  const reader = {
    get: unit.get,
    peek: (key: Buffer) => {
      const row = rows.get(nameOf(key))
      return row && shared.subarray(0, row.copy(shared))
    },
  } as unknown as Reader
  return { rows, unit, reader, nameOf }
}

const key = Buffer.from([0x7a, 0, 0, 0, 1])

test('a row that is as it was says the same, without being read again; a changed one what it says now', () => {
  const { unit, reader } = store()
  assert.equal(getJson(reader, key), undefined)
  putJson(unit, key, { name: 'å', list: [1, { two: 2 }] })
  const first = getJson(reader, key) as { list: unknown[] }
  assert.deepEqual(first, { name: 'å', list: [1, { two: 2 }] })
  assert.equal(getJson(reader, key), first)
  assert.throws(() => first.list.push(3), TypeError)
  putJson(unit, key, { name: 'a', list: [1, { two: 2 }] })
  assert.deepEqual(getJson(reader, key), { name: 'a', list: [1, { two: 2 }] })
  // Another store has other rows under the same key.
  const other = store()
  putJson(other.unit, key, 5)
  assert.equal(getJson(other.reader, key), 5)
  assert.deepEqual(getJson(reader, key), { name: 'a', list: [1, { two: 2 }] })
})

test('of a row that is known a bit that flips is seen', () => {
  const { rows, unit, reader, nameOf } = store()
  putJson(unit, key, ['a', 'b'])
  assert.deepEqual(getJson(reader, key), ['a', 'b'])
  const row = rows.get(nameOf(key))!
  for (let at = 0; at < row.length; at++) {
    row[at]! ^= 4
    assert.throws(() => getJson(reader, key), { kind: 'corrupt' }, `octet ${at}`)
    row[at]! ^= 4
  }
  assert.deepEqual(getJson(reader, key), ['a', 'b'])
})

test('what is in several rows is read whole each time', () => {
  const { rows, unit, reader, nameOf } = store()
  putJson(unit, key, 'x'.repeat(5_000))
  assert.equal(getJson(reader, key), 'x'.repeat(5_000))
  const part = rows.get(nameOf(Buffer.concat([Buffer.from([0x7f]), key, Buffer.from([0])])))!
  part[5]! ^= 1
  assert.throws(() => getJson(reader, key), { kind: 'corrupt' })
})

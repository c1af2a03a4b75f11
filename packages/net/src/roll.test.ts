import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Roll } from './roll.ts'

test('members stand in order of arrival, whoever has gone between them', () => {
  const roll = new Roll<string>()
  const places = ['a', 'b', 'c', 'd', 'e'].map((member) => roll.add(member))
  assert.deepEqual(roll.all(), ['a', 'b', 'c', 'd', 'e'])
  for (const gone of [2, 0, 4]) assert.equal(roll.remove(places[gone]!), true)
  assert.deepEqual(roll.all(), ['b', 'd'])
  assert.equal(roll.size, 2)
  assert.equal(roll.oldest, 'b')
  roll.add('f')
  assert.deepEqual(roll.all(), ['b', 'd', 'f'])
})

test('who was removed is not removed again, nor anybody in his place', () => {
  const roll = new Roll<string>()
  const first = roll.add('a')
  assert.equal(roll.remove(first), true)
  roll.add('b')
  assert.equal(roll.remove(first), false)
  assert.deepEqual(roll.all(), ['b'])
  assert.equal(roll.size, 1)
})

test('an empty one has no oldest member, and begins anew', () => {
  const roll = new Roll<string>()
  assert.equal(roll.oldest, undefined)
  roll.remove(roll.add('a'))
  assert.equal(roll.oldest, undefined)
  assert.deepEqual(roll.all(), [])
  roll.add('b')
  assert.equal(roll.oldest, 'b')
})

test('find gives the oldest that passes', () => {
  const roll = new Roll<number>()
  for (const each of [1, 4, 6]) roll.add(each)
  assert.equal(
    roll.find((each) => each % 2 === 0),
    4,
  )
  assert.equal(
    roll.find((each) => each > 6),
    undefined,
  )
})

test('nothing leads from one that is gone to those who came after it', () => {
  const roll = new Roll<string>()
  const places = ['a', 'b', 'c'].map((member) => roll.add(member))
  for (const place of places) roll.remove(place)
  for (const { member, before, after } of places)
    assert.deepEqual([member, before, after], [undefined, undefined, undefined])
})

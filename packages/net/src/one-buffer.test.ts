import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OneBuffer } from './one-buffer.ts'

test('texts and octets are put one behind the other, and the memory is used again until somebody keeps it', () => {
  const one = new OneBuffer(64)
  const first = one.join(['* 1 FETCH (', Buffer.from('ä'), 'ö)\r\n'])
  assert.equal(first?.toString(), '* 1 FETCH (äö)\r\n')
  const second = one.join([Buffer.from('next')])
  assert.equal(second?.buffer, first?.buffer)
  one.leave()
  const third = one.join(['other'])
  assert.notEqual(third?.buffer, second?.buffer)
  assert.equal(second?.toString(), 'next')
})

test('what might not fit is not joined', () => {
  const one = new OneBuffer(8)
  assert.equal(one.join([Buffer.alloc(5), Buffer.alloc(4)]), undefined)
  assert.equal(one.join(['äöü']), undefined, 'nine octets at most')
  assert.equal(one.join(['ab', Buffer.from('cd')])?.toString(), 'abcd')
})

import assert from 'node:assert/strict'
import { createHmac, randomBytes } from 'node:crypto'
import { it } from 'node:test'
import { createMac, createPasswordMemory } from './password-memory.ts'

it('RFC 2104 §2: the MAC is HMAC-SHA256', () => {
  for (const length of [0, 1, 63, 64, 65, 1000]) {
    const [key, message] = [randomBytes(32), randomBytes(length)]
    assert.deepEqual(createMac(key)(message), createHmac('sha256', key).update(message).digest())
  }
})

it('remembers for its time, in bounds, by user and hash', () => {
  const memory = createPasswordMemory(() => ({ cacheTtlMs: 100, cacheLimit: 2 }))
  const mac = memory.mac('alice', Buffer.from('x'))
  assert.notDeepEqual(mac, memory.mac('bob', Buffer.from('x')))
  assert.notDeepEqual(memory.mac('a', Buffer.from('bc')), memory.mac('ab', Buffer.from('c')))
  memory.verified('alice', 'h1', mac, 0)
  assert.equal(memory.isVerified('alice', 'h1', mac, 99), true)
  assert.equal(memory.isVerified('bob', 'h1', mac, 99), false)
  assert.equal(memory.isVerified('alice', 'h1', memory.mac('alice', Buffer.from('y')), 99), false)
  assert.equal(memory.isVerified('alice', 'h1', mac, 100), false)
  memory.verified('alice', 'h1', mac, 0)
  assert.equal(memory.isVerified('alice', 'h2', mac, 1), false)
  assert.equal(memory.isVerified('alice', 'h1', mac, 1), false)
  for (const user of ['a', 'b', 'c']) memory.verified(user, 'h', mac, 0)
  assert.deepEqual(
    ['a', 'b', 'c'].map((user) => memory.isVerified(user, 'h', mac, 1)),
    [false, true, true],
  )
  memory.forget()
  assert.equal(memory.isVerified('c', 'h', mac, 1), false)
})

it('remembers the last refused passwords of a pair', () => {
  const memory = createPasswordMemory(() => ({ cacheTtlMs: 100, cacheLimit: 10 }))
  const macs = Array.from({ length: 9 }, (_, i) => memory.mac('alice', Buffer.from(String(i))))
  for (const mac of macs) memory.refused('pair', 'h', mac, 0)
  const first = macs[0] as Buffer
  const last = macs[8] as Buffer
  assert.equal(memory.isRefused('pair', 'h', first, 1), false)
  assert.equal(memory.isRefused('pair', 'h', last, 1), true)
  assert.equal(memory.isRefused('other', 'h', last, 1), false)
  assert.equal(memory.isRefused('pair', 'changed', last, 1), false)
  assert.equal(memory.isRefused('pair', 'h', last, 100), false)
})

it('remembers nothing with a time of 0', () => {
  const memory = createPasswordMemory(() => ({ cacheTtlMs: 0, cacheLimit: 10 }))
  const mac = memory.mac('alice', Buffer.from('x'))
  memory.verified('alice', 'h', mac, 0)
  memory.refused('pair', 'h', mac, 0)
  assert.equal(memory.isVerified('alice', 'h', mac, 0) || memory.isRefused('pair', 'h', mac, 0), false)
})

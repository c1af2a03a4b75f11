import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTokenMemory } from './token-memory.ts'
import type { TokenVerdict } from './token-validator.ts'

function memory(limits = { cacheTtlMs: 1000, cacheLimit: 3 }) {
  const asked: string[] = []
  const one = createTokenMemory(() => limits)
  const ask = async (token: string, nowMs: number, verdict: TokenVerdict = { kind: 'valid', user: token }) =>
    await one.validated(token, nowMs, async () => {
      asked.push(token)
      await new Promise(setImmediate)
      return verdict
    })
  return { ask, asked, forget: one.forget }
}

test('a good token is remembered until it ends, or the time is over', async () => {
  const { ask, asked } = memory()
  await ask('a', 0, { kind: 'valid', user: 'a', untilMs: 500 })
  await ask('b', 0)
  for (const now of [499, 500, 999, 1000]) {
    await ask('a', now, { kind: 'valid', user: 'a', untilMs: 500 })
    await ask('b', now)
  }
  assert.deepEqual(asked, ['a', 'b', 'a', 'a', 'a', 'b'])
})

test('nothing else is remembered', async () => {
  const { ask, asked } = memory()
  await ask('a', 0, { kind: 'invalid', why: 'x' })
  await ask('a', 0, { kind: 'unavailable' })
  await ask('a', 0)
  await ask('a', 0)
  assert.deepEqual(asked, ['a', 'a', 'a'])
  const none = memory({ cacheTtlMs: 0, cacheLimit: 3 })
  await none.ask('a', 0)
  await none.ask('a', 0)
  assert.equal(none.asked.length, 2)
})

test('the oldest goes when there are too many', async () => {
  const { ask, asked } = memory()
  for (const token of ['a', 'b', 'c', 'd', 'b', 'a']) await ask(token, 0)
  assert.deepEqual(asked, ['a', 'b', 'c', 'd', 'a'])
})

test('who asks at the same time waits for the same answer', async () => {
  const { ask, asked } = memory()
  await Promise.all([ask('a', 0), ask('a', 0), ask('b', 0), ask('a', 0)])
  assert.deepEqual(asked, ['a', 'b'])
})

test('what is told to be forgotten while it is asked for is not remembered', async () => {
  const { ask, asked, forget } = memory()
  const waiting = ask('a', 0)
  forget()
  await waiting
  await ask('a', 0)
  assert.deepEqual(asked, ['a', 'a'])
})

test('a question that fails leaves nothing behind', async () => {
  const one = createTokenMemory(() => ({ cacheTtlMs: 1000, cacheLimit: 3 }))
  await assert.rejects(
    one.validated('a', 0, () => Promise.reject(new Error('no'))),
    /no/,
  )
  assert.equal((await one.validated('a', 0, async () => ({ kind: 'valid', user: 'a' }))).kind, 'valid')
})

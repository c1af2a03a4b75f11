import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sessionName } from './session-name.ts'

test('every session has a name of its own, of twelve letters', () => {
  const names = Array.from({ length: 1_000 }, sessionName)
  for (const name of names) assert.match(name, /^[A-Za-z0-9_-]{12}$/)
  assert.equal(new Set(names).size, names.length)
})

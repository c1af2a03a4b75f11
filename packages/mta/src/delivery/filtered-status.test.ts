import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { QueuedRecipient } from '@posthorn/storage'
import { type Attempt, actionOf, decided } from './attempt.ts'
import { filteredStatus } from './filtered-status.ts'

const recipient = { address: 'x@a.test', index: 0 } as QueuedRecipient
const attempt = (status: string, text: string): Attempt =>
  decided(recipient, {
    action: status.startsWith('2') ? 'relayed' : actionOf(status),
    status,
    text,
    nowMs: 0,
  })

test('Postfix: smtp_delivery_status_filter: a refusal becomes another refusal, a success stays one', () => {
  const rows = [
    ['4.7.5 Server certificate not trusted', '5.7.5 no trust', 'failed 5.7.5 no trust'],
    ['5.7.1 host said: blocked', '4.7.1 later', 'delayed 4.7.1 later'],
    ['5.7.1 host said: blocked', undefined, 'failed 5.7.1 host said: blocked'],
    ['5.7.1 host said: blocked', '2.0.0 fine', 'failed 5.7.1 host said: blocked'],
    ['2.0.0 250 ok', '5.0.0 no', 'relayed 2.0.0 250 ok'],
    ['2.0.0 250 ok', '2.1.5 taken', 'relayed 2.1.5 taken'],
    ['5.7.1 blocked', 'nonsense', 'failed 5.7.1 blocked'],
  ] as const
  for (const [said, found, expect] of rows) {
    const status = said.slice(0, 5)
    const asked: string[] = []
    const { result, said: after } = filteredStatus(attempt(status, said.slice(6)), (key) => {
      asked.push(key)
      return found
    })
    assert.equal(`${result.action} ${result.status} ${after}`, expect)
    assert.deepEqual(asked, [said])
  }
  const same = attempt('4.0.0', 'x')
  assert.equal(filteredStatus(same, undefined), same)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccountId, Store, Wake } from '@posthorn/storage'
import { createDetailMailboxes } from './detail-mailbox.ts'

const account = 7 as AccountId

test('RFC 4314 §4: the right to post is not remembered when it is taken away while it is asked for', async () => {
  let rights = 'lrsp'
  let wake: (wake: Wake) => void = () => undefined
  let asking = Promise.resolve()
  const store = {
    watch: (told: (wake: Wake) => void) => {
      wake = told
      return () => undefined
    },
    mailboxes: { list: async () => [{ id: 1, name: 'Lists', selectable: true }] },
    sharing: {
      rights: async () => {
        const found = rights
        await asking
        return found
      },
    },
  } as unknown as Store
  const details = createDetailMailboxes(store, () => 1_000)
  let goOn = (): void => undefined
  asking = new Promise((resolve) => {
    goOn = resolve
  })
  const first = details.find(account, 'lists', 'stranger')
  await new Promise(setImmediate)
  rights = 'lrs'
  wake({ kind: 'mailboxes', account })
  goOn()
  // It was asked for before the right was taken away.
  assert.equal(await first, 'Lists')
  assert.equal(await details.find(account, 'lists', 'stranger'), undefined)
  rights = 'lrsp'
  wake({ kind: 'mailboxes', account })
  assert.equal(await details.find(account, 'lists', 'stranger'), 'Lists')
})

import assert from 'node:assert/strict'
import type { MailboxId, Store } from '../contract.ts'
import type { ContractCase } from './contract-case.ts'
import { append, mailboxOf, makeAccount } from './samples.ts'

/** `b` answers `a`: only that is told, as by clients that send no References. */
const message = (own: string, answered?: string): Buffer =>
  Buffer.from(
    `Message-ID: <${own}@x>\r\n${answered === undefined ? '' : `In-Reply-To: <${answered}@x>\r\n`}\r\n${own}\r\n`,
  )

async function namesIn(store: Store, mailbox: MailboxId): Promise<(string | undefined)[]> {
  const { uids } = await store.messages.view(mailbox)
  const names: (string | undefined)[] = []
  for await (const { conversations } of store.messages.fetch(mailbox, uids, { conversation: true }))
    names.push(...conversations!)
  return names
}

const foundIn = async (store: Store, mailbox: MailboxId, id: string): Promise<number[]> =>
  Array.from((await store.messages.search(mailbox, { kind: 'not', of: { kind: 'conversation', id } })).uids)

/** RFC 8474 §5.2. */
export const conversationContract: readonly ContractCase[] = [
  [
    'conversations: answers in any mailbox and in any order have one name, which never changes',
    async ({ store, reopen }) => {
      const account = await makeAccount(store)
      const inbox = (await mailboxOf(store, account)).id
      const sent = (await mailboxOf(store, account, 'Sent')).id
      await append(store, inbox, message('c', 'b'))
      await append(store, inbox, message('other'))
      await append(store, sent, message('b', 'a'))
      await append(store, inbox, message('a'))
      const [name, other] = await namesIn(store, inbox)
      assert.deepEqual(await namesIn(store, inbox), [name, other, name])
      assert.deepEqual(await namesIn(store, sent), [name])
      assert.notEqual(name, other)
      assert.deepEqual(await foundIn(store, inbox, name!), [2])
      // What brought them together goes; answers to it still belong to them, also after the store was closed.
      await store.messages.discard(sent, Uint32Array.of(1))
      await store.messages.discard(inbox, Uint32Array.of(3))
      const again = await reopen()
      await append(again, sent, message('d', 'b'))
      await append(again, sent, message('z'))
      assert.deepEqual(await foundIn(again, sent, name!), [3])
      assert.deepEqual((await namesIn(again, sent)).slice(0, 1), [name])
      assert.deepEqual(await namesIn(again, inbox), [name, other])
    },
  ],
  [
    'conversations: two that were named stay two; a copy has the name of its message, with others too',
    async ({ store }) => {
      const alice = await makeAccount(store)
      const bob = await makeAccount(store, 'bob@example.org')
      const inbox = (await mailboxOf(store, alice)).id
      const his = (await mailboxOf(store, bob)).id
      await append(store, inbox, message('a'))
      await append(store, inbox, message('c', 'b'))
      const [first, second] = await namesIn(store, inbox)
      assert.notEqual(first, second)
      await append(store, inbox, message('b', 'a'))
      await append(store, inbox, message('d', 'c'))
      assert.deepEqual(await namesIn(store, inbox), [first, second, second, second])
      await store.messages.copy(inbox, Uint32Array.of(2, 3), his)
      assert.deepEqual(await namesIn(store, his), [second, second])
      await store.accounts.remove(bob.id)
      assert.deepEqual(await namesIn(store, inbox), [first, second, second, second])
    },
  ],
  [
    'conversations: thousands of messages, asked for by several at once',
    async ({ store }) => {
      const account = await makeAccount(store)
      const { id } = await mailboxOf(store, account)
      for (let number = 0; number < 200; number++)
        await append(store, id, message(`m${number}`, `m${number % 7}`))
      for (let times = 0; times < 4; times++) {
        const { uids } = await store.messages.view(id)
        await store.messages.copy(id, uids, id)
      }
      const asked = await Promise.all([namesIn(store, id), namesIn(store, id), namesIn(store, id)])
      assert.equal(asked[0].length, 3_200)
      assert.deepEqual(asked[1], asked[0])
      assert.deepEqual(asked[2], asked[0])
      assert.equal(new Set(asked[0]).size, 7)
    },
  ],
]

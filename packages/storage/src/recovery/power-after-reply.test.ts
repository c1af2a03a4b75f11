import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Acceptance, Account, Mailbox, QueueId, Store } from '../contract.ts'
import { openStoreWith } from '../open-store.ts'
import { FaultyFileLayer } from '../testkit/faulty-file-layer.ts'
import {
  acceptance,
  append,
  mailboxOf,
  makeAccount,
  sampleMessage,
  stage,
  toRemote,
} from '../testkit/samples.ts'

interface Made {
  readonly account: Account
  readonly inbox: Mailbox
  /** Of a message to two recipients. */
  readonly queueId: QueueId
  readonly report: Acceptance
}

/** What is done, and what must be seen of it after the power failed when it had been answered. */
type Work = readonly [name: string, work: (store: Store, made: Made) => Promise<unknown>, seen: Seen]
type Seen = (store: Store, made: Made) => Promise<void>

const works: readonly Work[] = [
  [
    'an account is made',
    (store) => makeAccount(store, 'new@example.org'),
    async ({ accounts }) => assert.ok(await accounts.find('new@example.org')),
  ],
  [
    'a password is changed',
    ({ accounts }, { account }) => accounts.update(account.id, { passwordHash: '$new' }),
    async ({ accounts }, { account }) => assert.equal((await accounts.get(account.id))?.passwordHash, '$new'),
  ],
  [
    'an account is removed',
    ({ accounts }, { account }) => accounts.remove(account.id),
    async ({ accounts }, { account }) => assert.equal(await accounts.find(account.address), undefined),
  ],
  [
    'domains are set',
    ({ accounts }) => accounts.setDomains(['a.test']),
    async ({ accounts }) => assert.deepEqual(await accounts.domains(), ['a.test']),
  ],
  [
    'messages are discarded (QUIT of POP3)',
    ({ messages }, { inbox }) => messages.discard(inbox.id, Uint32Array.of(1)),
    async ({ messages }, { inbox }) => assert.deepEqual([...(await messages.view(inbox.id)).uids], [2]),
  ],
  [
    'a special use is set',
    ({ mailboxes }, { inbox }) => mailboxes.setSpecialUse(inbox.id, ['Flagged']),
    async ({ mailboxes }, { inbox }) => {
      assert.deepEqual((await mailboxes.get(inbox.id))?.specialUse, ['Flagged'])
    },
  ],
  [
    'another server is continued',
    async (store, { account }) => {
      const { id } = await mailboxOf(store, account, 'Trash')
      await store.mailboxes.continueFrom(id, { uidValidity: 7, uidNext: 99 as never })
    },
    async (store, { account }) => {
      assert.equal((await mailboxOf(store, account, 'Trash')).uidValidity, 7)
    },
  ],
  [
    'unique IDs are kept',
    ({ mailboxes }, { inbox }) => mailboxes.keepUniqueIds(inbox.id, new Map([[1, 'one']])),
    async ({ mailboxes }, { inbox }) => assert.equal((await mailboxes.uniqueIds(inbox.id)).get(1), 'one'),
  ],
  [
    'a message was relayed to one, and is returned for the other',
    ({ queue }, { queueId, report }) =>
      queue.settle(
        queueId,
        [0, 1].map((index) => ({ index, kind: 'done' })),
        [report],
      ),
    async ({ queue }, { queueId, report }) => {
      assert.equal(await queue.get(queueId), undefined)
      assert.deepEqual(await queue.read(report.entry.queueId), sampleMessage(3))
    },
  ],
  [
    'a message was relayed to one',
    ({ queue }, { queueId }) => queue.settle(queueId, [{ index: 0, kind: 'done' }]),
    async ({ queue }, { queueId }) => assert.equal((await queue.get(queueId))?.recipients.length, 1),
  ],
  [
    'a message is held',
    ({ queue }, { queueId }) => queue.setHold(queueId, 'held'),
    async ({ queue }, { queueId }) => assert.equal((await queue.get(queueId))?.hold, true),
  ],
  [
    'a message is removed from the queue',
    ({ queue }, { queueId }) => queue.remove(queueId),
    async ({ queue }, { queueId }) => assert.equal(await queue.get(queueId), undefined),
  ],
]

const losses = 3

for (const [name, work, seen] of works) {
  test(`power fails when it was answered: ${name}`, async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'posthorn-answered-'))
    t.after(() => rmSync(directory, { recursive: true }))
    const files = new FaultyFileLayer({ kind: 'none' }, name.length)
    const store = await openStoreWith({ files }, { directory })
    const account = await makeAccount(store)
    const inbox = await mailboxOf(store, account)
    for (const number of [1, 2]) await append(store, inbox.id, sampleMessage(number))
    const sent = acceptance(store, await stage(store, sampleMessage(1)), [toRemote('a@b'), toRemote('c@d')])
    await store.queue.accept(sent)
    const report = acceptance(store, await stage(store, sampleMessage(3)), [toRemote('sender@far')])
    const made = { account, inbox, queueId: sent.entry.queueId, report }
    const lefts = Array.from({ length: losses }, (_, n) => `${directory}-left${n}`)
    t.after(() => {
      for (const left of lefts) rmSync(left, { recursive: true, force: true })
    })
    await work(store, made)
    for (const left of lefts) files.loseUnsynced(directory, left)
    await store.close()
    for (const left of lefts) {
      const after = await openStoreWith({}, { directory: left })
      await seen(after, made)
      assert.deepEqual((await after.check()).problems, [])
      await after.close()
    }
  })
}

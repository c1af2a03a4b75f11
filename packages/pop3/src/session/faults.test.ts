import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StoreError } from '@posthorn/storage'
import { hello, startPop3Fixture } from '../testkit/pop3-fixture.ts'

test('a message that another session expunged is an error, and numbers stay', async (t) => {
  const fixture = await startPop3Fixture(t, [
    hello,
    'Subject: gone\r\n\r\nx\r\n',
    'Subject: third\r\n\r\ny\r\n',
  ])
  const client = await fixture.login()
  const { uids } = await fixture.store.messages.view(fixture.inbox)
  await fixture.store.messages.discard(fixture.inbox, uids.subarray(1, 2))
  assert.equal(await client.ask('RETR 2'), '-ERR [SYS/TEMP] Message is gone.')
  assert.equal(await client.ask('TOP 2 0'), '-ERR [SYS/TEMP] Message is gone.')
  assert.ok((await client.askLines('RETR 3')).includes('Subject: third'))
  assert.equal(await client.ask('DELE 2'), '+OK Marked to be deleted.')
  assert.equal(await client.ask('QUIT'), '+OK Logging out, messages deleted.')
})

test('a fault of the store is told without its secrets, logged with its stack, and the session goes on', async (t) => {
  const broken = new Error('secret detail of the disk')
  const fixture = await startPop3Fixture(t, [hello], (store) =>
    replaced(store, {
      messages: replaced(store.messages, {
        quickReader: (mailbox, uids) => ({
          ...store.messages.quickReader(mailbox, uids),
          read: () => undefined,
        }),
        read: () => Promise.reject(broken),
      }),
    }),
  )
  const client = await fixture.login()
  const reply = '-ERR [SYS/TEMP] Internal error occurred. Refer to server log for more information.'
  assert.equal(await client.ask('TOP 1 0'), reply)
  assert.equal(await client.ask('NOOP'), '+OK')
  assert.equal(fixture.log.find((event) => event.level === 'error')?.error, broken)
})

test('a damaged message is an error of its own; its neighbours are read', async (t) => {
  const damaged = new StoreError('corrupt', 'Cannot read message at 1:0: its checksum is wrong')
  const fixture = await startPop3Fixture(t, [hello, hello, hello], (store) =>
    replaced(store, {
      messages: replaced(store.messages, {
        quickReader(mailbox, uids) {
          const quick = store.messages.quickReader(mailbox, uids)
          return { ...quick, read: (at, maxBytes) => (uids[at] === 2 ? undefined : quick.read(at, maxBytes)) }
        },
        read: (mailbox, uid, from, to) =>
          uid === 2 ? Promise.reject(damaged) : store.messages.read(mailbox, uid, from, to),
      }),
    }),
  )
  const client = await fixture.login()
  assert.ok((await client.askLines('RETR 1')).includes('Subject: hello'))
  assert.match(String(await client.ask('RETR 2')), /^-ERR \[SYS\/PERM\] Mailbox is damaged/)
  assert.ok((await client.askLines('RETR 3')).includes('Subject: hello'))
  assert.equal(fixture.log.find((event) => event.level === 'error')?.error, damaged)
})

test('RFC 1939 §6: deletions that fail are an error at QUIT, and nothing is lost', async (t) => {
  const full = (): Promise<never> => Promise.reject(new StoreError('no-space', 'Cannot write: disk full'))
  const fixture = await startPop3Fixture(t, [hello], (store) =>
    replaced(store, { messages: replaced(store.messages, { discard: full }) }),
  )
  const client = await fixture.login()
  await client.ask('DELE 1')
  assert.equal(await client.ask('QUIT'), '-ERR [SYS/TEMP] Not enough disk space.')
  assert.equal(await client.line(), undefined)
  assert.equal((await fixture.store.messages.view(fixture.inbox)).uids.length, 1)
  assert.ok(!fixture.log.some((event) => event.level === 'error'), 'a full disk is no fault of ours')
})

/** A part of the store with single methods replaced. */
function replaced<T extends object>(part: T, changes: Partial<T>): T {
  return new Proxy(part, {
    get(target, name) {
      const value: unknown = Reflect.get(name in changes ? changes : target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Store, systemFlag } from '@posthorn/storage'
import { hello, type Pop3Fixture, startPop3Fixture, until } from '../testkit/pop3-fixture.ts'

test('Dovecot: what was retrieved is \\Seen after QUIT, and only after QUIT', async (t) => {
  const fixture = await startPop3Fixture(t, [hello, hello, hello])
  const broken = await fixture.login()
  await broken.askLines('RETR 1')
  broken.socket.destroy()
  await until(() => fixture.service.sessions === 0)
  assert.deepEqual(await flagsOf(fixture), [0, 0, 0])
  const client = await fixture.login()
  await client.askLines('RETR 1')
  await client.askLines('TOP 3 1')
  await client.askLines('RETR 2')
  await client.ask('DELE 2')
  assert.equal(await client.ask('QUIT'), '+OK Logging out, messages deleted.')
  assert.deepEqual(await flagsOf(fixture), [systemFlag.seen, 0])
  assert.match(
    fixture.log.at(-1)!.text,
    /^Disconnected: Logged out top=1\/\d+, retr=2\/48, del=1\/3, size=72$/,
  )
})

async function flagsOf({ store, inbox }: Pop3Fixture): Promise<number[]> {
  const { uids } = await store.messages.view(inbox)
  const flags: number[] = []
  for await (const batch of store.messages.fetch(inbox, uids, {})) flags.push(...batch.flags0)
  return flags
}

const same = (store: Store): Store => store

test('Dovecot: pop3_delete_type - to the mailbox with the use Trash, or hidden by a keyword', async (t) => {
  const texts = [hello, 'Subject: two\r\n\r\nx\r\n', hello]
  const trashing = await startPop3Fixture(t, texts, same, {
    options: () => ({ removal: { how: 'trash', keyword: '' } }),
  })
  const client = await trashing.login()
  await client.ask('DELE 2')
  assert.equal(await client.ask('QUIT'), '+OK Logging out, messages deleted.')
  const { account } = (await trashing.store.messages.view(trashing.inbox)).mailbox
  const trash = await trashing.store.mailboxes.find(account, 'Trash')
  assert.equal(trash?.messages, 1)
  assert.match(String(await (await trashing.login()).ask('STAT')), /^\+OK 2 48$/)
  const hiding = await startPop3Fixture(t, texts, same, {
    options: () => ({ removal: { how: 'flag', keyword: '$POP3Deleted' } }),
  })
  const first = await hiding.login()
  await first.ask('DELE 1')
  await first.ask('QUIT')
  assert.equal((await hiding.store.messages.view(hiding.inbox)).uids.length, 3)
  const second = await hiding.login()
  assert.match(String(await second.ask('STAT')), /^\+OK 2 43$/)
  assert.ok((await second.askLines('RETR 1')).includes('Subject: two'))
})

test('RFC 2449 §6.5: LOGIN-DELAY is told, and kept', async (t) => {
  const fixture = await startPop3Fixture(t, [], same, {
    options: () => ({ loginDelayMs: 90_500 }),
    now: () => 5_000,
  })
  const client = await fixture.login()
  assert.ok((await client.askLines('CAPA')).includes('LOGIN-DELAY 91'))
  await client.ask('QUIT')
  const early = await fixture.connect()
  await early.ask('USER alice')
  assert.equal(
    await early.ask('PASS secret'),
    '-ERR [LOGIN-DELAY] Minimum time between logins has not passed.',
  )
})

test('RFC 2449 §6.7: EXPIRE is told; what was read goes when it is old enough', async (t) => {
  let aheadMs = 0
  let expireDays = 2
  const fixture = await startPop3Fixture(t, [hello, hello, hello], same, {
    options: () => ({ expireDays }),
    now: () => Date.now() + aheadMs,
  })
  const visit = async (...retrieved: number[]): Promise<number> => {
    const client = await fixture.login()
    assert.ok((await client.askLines('CAPA')).includes(`EXPIRE ${expireDays}`))
    for (const number of retrieved) await client.askLines(`RETR ${number}`)
    assert.equal(await client.ask('QUIT'), '+OK Logging out.')
    return (await fixture.store.messages.view(fixture.inbox)).uids.length
  }
  assert.equal(await visit(1), 3)
  aheadMs = 2 * 86_400_000 + 60_000
  assert.equal(await visit(), 2)
  aheadMs = 0
  expireDays = 0
  assert.equal(await visit(2), 1)
})

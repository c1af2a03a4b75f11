import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { TimerWheel } from '@posthorn/net'
import { type ImapFixture, startImapFixture } from '../testkit/imap-fixture.ts'

const minuteMs = 60_000

/** A server whose time passes when the test says so. */
async function startWithClock(t: TestContext): Promise<{ imap: ImapFixture; pass(ms: number): void }> {
  let nowMs = 1_000_000
  const wheel = new TimerWheel({ now: () => nowMs })
  const imap = await startImapFixture(t, {}, { now: () => nowMs, wheel })
  return {
    imap,
    pass(ms) {
      nowMs += ms
      wheel.advance()
    },
  }
}

test('RFC 9051 §5.4: silence ends a session after 30 minutes, not before', async (t) => {
  const { imap, pass } = await startWithClock(t)
  const client = await imap.login('INBOX')
  pass(29 * minuteMs)
  await client.ok('NOOP')
  pass(29 * minuteMs)
  await client.ok('NOOP')
  pass(31 * minuteMs)
  assert.deepEqual(await client.end(), ['* BYE Disconnected for inactivity.'])
  while (imap.service.sessions > 0) await new Promise(setImmediate)
  assert.match(imap.log.at(-1)!.text, /^Disconnected: Disconnected for inactivity in=\d+ out=\d+$/)
})

test('before login: 3 minutes in all, however busy the client seems', async (t) => {
  const { imap, pass } = await startWithClock(t)
  const client = await imap.connect()
  pass(2 * minuteMs)
  await client.ok('NOOP')
  pass(2 * minuteMs)
  assert.deepEqual(await client.end(), ['* BYE Disconnected for inactivity.'])
})

test('in the middle of AUTHENTICATE too', async (t) => {
  const { imap, pass } = await startWithClock(t)
  const client = await imap.connect()
  client.send('a AUTHENTICATE PLAIN\r\n')
  assert.equal(await client.line(), '+ ')
  pass(4 * minuteMs)
  assert.deepEqual(await client.end(), ['* BYE Disconnected for inactivity.'])
})

test('a login that takes long is waited for, and gives no more time than others have', async (t) => {
  const { imap, pass } = await startWithClock(t)
  const client = await imap.connect()
  const { find } = imap.store.accounts
  const slow = Promise.withResolvers<void>()
  const asked = Promise.withResolvers<void>()
  imap.store.accounts.find = (address) => {
    asked.resolve()
    return slow.promise.then(() => find.call(imap.store.accounts, address))
  }
  client.send('a LOGIN alice wrong\r\n')
  await asked.promise
  pass(4 * minuteMs)
  slow.resolve()
  assert.match((await client.line())!, /^a NO /)
  pass(4 * minuteMs)
  assert.deepEqual(await client.end(), ['* BYE Disconnected for inactivity.'])
})

test('Dovecot: imap_idle_notify_interval: an idling client hears of us, and is told goodbye after 30 minutes', async (t) => {
  const { imap, pass } = await startWithClock(t)
  const client = await imap.login('INBOX')
  client.send('i IDLE\r\n')
  assert.equal(await client.line(), '+ idling')
  for (let minutes = 3; minutes < 30; minutes += 3) {
    pass(3 * minuteMs)
    assert.equal(await client.line(), '* OK Still here')
  }
  pass(3 * minuteMs)
  assert.deepEqual(await client.end(), ['* BYE Disconnected for inactivity.'])
})

test('a wake-up that was lost costs latency only: the next notice looks at the store', async (t) => {
  const { imap, pass } = await startWithClock(t)
  const client = await imap.login('INBOX')
  const other = await imap.login('INBOX')
  client.send('i IDLE\r\n')
  assert.equal(await client.line(), '+ idling')
  // From here on nobody hears of changes.
  const { messages } = imap.store
  const changesSince = messages.changesSince.bind(messages)
  let deaf = true
  messages.changesSince = async (id, modSeq) => {
    const changes = await changesSince(id, modSeq)
    return deaf
      ? {
          ...changes,
          modSeq,
          changed: { ...changes.changed, uids: new Uint32Array(0) },
          uids: new Uint32Array(0),
          vanished: new Uint32Array(0),
        }
      : changes
  }
  await other.append('INBOX', 'Subject: x\r\n\r\n')
  deaf = false
  pass(3 * minuteMs)
  assert.equal(await client.line(), '* OK Still here')
  assert.equal(await client.line(), '* 1 EXISTS')
})

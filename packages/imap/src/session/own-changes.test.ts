/** A session looks for news behind its own changes only where there may be some. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemFlag } from '@posthorn/storage'
import { startImapFixture } from '../testkit/imap-fixture.ts'

const message = 'Subject: one\r\n\r\nbody\r\n'

test('behind its own STORE alone a session does not look for news; what others did is told', async (t) => {
  const imap = await startImapFixture(t)
  const one = await imap.login('INBOX')
  for (let at = 0; at < 3; at++) await one.append('INBOX', message)
  await one.ok('NOOP')
  const { messages } = imap.store
  const looks = t.mock.method(messages, 'changesSince')
  const looked = (): number => {
    const count = looks.mock.callCount()
    looks.mock.resetCalls()
    return count
  }
  await one.ok('STORE 1:3 +FLAGS (\\Flagged)')
  await one.ok('STORE 1:2 -FLAGS.SILENT (\\Flagged)')
  await one.ok('STORE 1 +FLAGS.SILENT (\\Seen $label)')
  await one.ok('FETCH 2 BODY[]')
  assert.equal(looked(), 0)
  const two = await imap.login('INBOX')
  looked()
  await two.ok('STORE 3 +FLAGS.SILENT (\\Answered)')
  const first = await one.ok('STORE 1 +FLAGS.SILENT (\\Draft)')
  assert.ok(
    first.some((line) => /^\* 3 FETCH .*Answered/.test(line)),
    first.join('\n'),
  )
  assert.ok(!first.some((line) => line.startsWith('* 1 FETCH')), first.join('\n'))
  assert.ok(looked() > 0)
  await one.ok('STORE 2 +FLAGS.SILENT (\\Draft)')
  assert.equal(looked(), 0)
  await two.append('INBOX', message)
  await two.ok('STORE 1 +FLAGS.SILENT (\\Deleted)')
  await two.ok('EXPUNGE')
  const second = await one.ok('UID STORE 2 +FLAGS.SILENT (\\Deleted)')
  assert.ok(second.includes('* 1 EXPUNGE') && second.includes('* 3 EXISTS'), second.join('\n'))
})

test('a message that another changed and the client changes too is news, although the change was silent', async (t) => {
  const imap = await startImapFixture(t)
  const one = await imap.login('INBOX')
  for (let at = 0; at < 2; at++) await one.append('INBOX', message)
  await one.ok('NOOP')
  const { messages } = imap.store
  const changeFlags = messages.changeFlags.bind(messages)
  // Between what the client knows and what it does.
  t.mock.method(
    messages,
    'changeFlags',
    async (...args: Parameters<typeof changeFlags>) => {
      await changeFlags(args[0], args[1], { op: 'add', flags: { system: systemFlag.draft, keywords: [] } })
      return changeFlags(...args)
    },
    { times: 1 },
  )
  const lines = await one.ok('STORE 2 +FLAGS.SILENT (\\Flagged)')
  assert.ok(
    lines.some((line) => line.startsWith('* 2 FETCH')),
    lines.join('\n'),
  )
})

test('a search that is followed hears of the own change', async (t) => {
  const imap = await startImapFixture(t)
  const one = await imap.login('INBOX')
  await one.append('INBOX', message)
  await one.ok('SEARCH RETURN (ALL UPDATE) UNSEEN')
  const lines = await one.ok('STORE 1 +FLAGS.SILENT (\\Seen)')
  assert.ok(
    lines.some((line) => line.includes('REMOVEFROM')),
    lines.join('\n'),
  )
})

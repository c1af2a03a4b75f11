import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startImapFixture } from '../testkit/imap-fixture.ts'

test('RFC 7377: what is found in somebody else’s mailbox is never said to be of one’s own of the same name', async (t) => {
  const imap = await startImapFixture(t)
  const user = await imap.login()
  const owner = await imap.connect()
  await owner.ok('LOGIN bob@example.org secret')
  await owner.ok('CREATE Work')
  await owner.append('Work', 'Subject: of bob\r\n\r\nx')
  // It may be read, but is in no list.
  await owner.ok('SETACL Work alice@example.org r')
  await user.ok('CREATE Work')
  await user.ok('SELECT "Other Users/bob/Work"')
  const lines = await user.ok('ESEARCH IN (selected) RETURN (ALL) SUBJECT bob')
  const found = lines.filter((line) => line.includes('ESEARCH'))
  assert.equal(found.length, 1)
  assert.match(found[0]!, /MAILBOX "Other Users\/bob\/Work" UIDVALIDITY \d+\) UID ALL 1$/)
  assert.match((await user.ok('ESEARCH IN (personal) RETURN (ALL) ALL')).join('\n'), /^OK/)
})

test('RFC 7377 §2.2: what may not be read any more is not searched, though the command has begun', async (t) => {
  const imap = await startImapFixture(t)
  const user = await imap.login()
  const owner = await imap.connect()
  await owner.ok('LOGIN bob@example.org secret')
  await user.append('INBOX', 'Subject: found\r\n\r\nx')
  await owner.ok('CREATE Work')
  await owner.append('Work', 'Subject: found\r\n\r\nx')
  await owner.ok('SETACL Work alice@example.org lr')
  const command = 'ESEARCH IN (personal subtree "Other Users") RETURN (ALL) SUBJECT found'
  const before = await user.ok(command)
  assert.equal(before.filter((line) => /MAILBOX "Other Users\/bob\/Work"/.test(line)).length, 1)
  const { messages } = imap.store
  const search = messages.search.bind(messages)
  // While the first mailbox is searched.
  const mocked = t.mock.method(messages, 'search', async (...args: Parameters<typeof search>) => {
    mocked.mock.restore()
    await owner.ok('DELETEACL Work alice@example.org')
    return await search(...args)
  })
  const lines = await user.ok(command)
  assert.equal(lines.filter((line) => /MAILBOX INBOX/.test(line)).length, 1)
  assert.ok(!lines.some((line) => line.includes('Work')))
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startImapFixture } from '../testkit/imap-fixture.ts'

const count = 60
/** A batch is some megabytes. */
const body = `${'x'.repeat(70)}\r\n`.repeat(2_500)

for (const [what, change, answered] of [
  ['ends with the right to read', 'DELETEACL Work alice@example.org', 'some'],
  ['goes on when other rights go', 'SETACL Work alice@example.org r', 'all'],
] as const)
  test(`RFC 4314 §5.1.1: FETCH under way ${what}`, async (t) => {
    const imap = await startImapFixture(t)
    const user = await imap.login()
    const owner = await imap.connect()
    await owner.ok('LOGIN bob@example.org secret')
    await owner.ok('CREATE Work')
    for (let n = 0; n < count; n++) await owner.append('Work', `Subject: ${n}\r\n\r\n${body}`)
    await owner.ok('SETACL Work alice@example.org lrs')
    await user.ok('SELECT "Other Users/bob/Work"')
    const { messages } = imap.store
    const fetch = messages.fetch.bind(messages)
    let batches = 0
    t.mock.method(messages, 'fetch', async function* (...args: Parameters<typeof fetch>) {
      for await (const batch of fetch(...args)) {
        if (batches++ === 1) await owner.ok(change)
        yield batch
      }
    })
    const said = user.command('FETCH 1:* (UID BODY.PEEK[])').then(
      (lines) => lines.join('\n'),
      (error: Error) => error.message,
    )
    const text = await said
    assert.ok(batches >= 2, `${batches} batches`)
    const told = text.match(/\* \d+ FETCH/g)?.length ?? 0
    if (answered === 'all') {
      assert.equal(told, count)
      return
    }
    assert.ok(told > 0 && told < count, `${told} messages`)
    // Between two messages: the one before is whole.
    assert.match(text, /x \| \) \| \* BYE You may not read the selected mailbox any more\./)
  })

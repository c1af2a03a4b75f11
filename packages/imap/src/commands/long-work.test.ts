import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ImapFixture, type RawClient, startImapFixture } from '../testkit/imap-fixture.ts'

/** A mailbox whose texts take a while to search: bases of other bases, nothing of it found. */
async function slowMailbox(fixture: ImapFixture, copies: number): Promise<RawClient> {
  const client = await fixture.login('INBOX')
  const body = Buffer.from('lorem ipsum dolor sit amet '.repeat(20_000)).toString('base64')
  const lines = body.match(/.{1,76}/g)!.join('\r\n')
  for (let at = 0; at < 4; at++) {
    const head = `Subject: ${at}\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-16le\r\n`
    await client.append('INBOX', `${head}Content-Transfer-Encoding: base64\r\n\r\n${lines}\r\n`)
  }
  for (let at = 0; at < copies; at++) await client.ok('UID COPY 1:* INBOX')
  return client
}

/** Calls when the search has certainly begun: the store is asked. */
function onSearch(fixture: ImapFixture, then: () => void): void {
  const { messages } = fixture.store
  const search = messages.search.bind(messages)
  messages.search = (...args) => {
    setImmediate(then)
    return search(...args)
  }
}

test('RFC 5267 §4.3.5: CANCELUPDATE ends the search that still runs', async (t) => {
  const fixture = await startImapFixture(t)
  const client = await slowMailbox(fixture, 3)
  onSearch(fixture, () => client.send('b CANCELUPDATE "a"\r\n'))
  client.send('a SEARCH RETURN (UPDATE COUNT) TEXT "not to be found"\r\n')
  const lines = await client.until(/^b /)
  assert.deepEqual(
    lines.map((line) => line.slice(0, 4)),
    ['a NO', 'b OK'],
  )
  await client.ok('NOOP')
})

test('a closed connection ends the search that still runs', async (t) => {
  const fixture = await startImapFixture(t, { progressIntervalMs: 100 })
  const client = await slowMailbox(fixture, 5)
  const { promise: ended, resolve } = Promise.withResolvers<unknown>()
  const { messages } = fixture.store
  const search = messages.search.bind(messages)
  messages.search = (...args) => {
    const found = search(...args)
    found.then(resolve, resolve)
    setImmediate(() => client.destroy())
    return found
  }
  client.send('a SEARCH TEXT "not to be found"\r\n')
  assert.equal(((await ended) as Error).name, 'AbortError')
})

test('the BYE of a server that stops ends the search that still runs', async (t) => {
  const fixture = await startImapFixture(t)
  const client = await slowMailbox(fixture, 3)
  onSearch(fixture, () => void fixture.service.close(60_000))
  client.send('a SEARCH TEXT "not to be found"\r\n')
  const lines = await client.end()
  assert.match(lines[0]!, /^a NO \[UNAVAILABLE\]/)
  assert.match(lines[1]!, /^\* BYE/)
})

test('RFC 9585: work that takes long says so, and nothing after it', async (t) => {
  const fixture = await startImapFixture(t, { progressIntervalMs: 5 })
  const client = await slowMailbox(fixture, 3)
  const { messages } = fixture.store
  const search = messages.search.bind(messages)
  messages.search = async (...args) => {
    const found = await search(...args)
    await new Promise((resolve) => setTimeout(resolve, 50))
    return found
  }
  const lines = await client.ok('UID SEARCH SUBJECT 1')
  const told = lines.filter((line) => /^\* OK \[INPROGRESS \("t\d+" NIL NIL\)\] /.test(line))
  assert.ok(told.length >= 2, lines.join('|'))
  assert.match(lines.at(-2)!, /^\* SEARCH /)
  await new Promise((resolve) => setTimeout(resolve, 30))
  assert.deepEqual((await client.ok('NOOP')).length, 1)
})

/** INBOX with more messages than one step of COPY and MOVE has, and an empty mailbox Target. */
async function manyMessages(fixture: ImapFixture): Promise<RawClient> {
  const client = await fixture.login('INBOX')
  await client.append('INBOX', 'Subject: 1\r\n\r\n')
  for (let at = 0; at < 9; at++) await client.ok('UID COPY 1:* INBOX')
  await client.ok('CREATE Target')
  return client
}

/** Resolves when the work that has this signal is to end. */
const ending = (signal: AbortSignal | undefined): Promise<void> =>
  new Promise((resolve) => {
    if (signal?.aborted === true) resolve()
    else signal?.addEventListener('abort', () => resolve())
  })

test('a closed connection ends COPY: all or nothing', async (t) => {
  const fixture = await startImapFixture(t)
  const client = await manyMessages(fixture)
  const { promise: ended, resolve } = Promise.withResolvers<unknown>()
  const { messages } = fixture.store
  const copy = messages.copy.bind(messages)
  messages.copy = async (...args) => {
    client.destroy()
    await ending(args[4])
    const copied = copy(...args)
    copied.then(resolve, resolve)
    return copied
  }
  client.send('a UID COPY 1:* Target\r\n')
  assert.equal(((await ended) as Error).name, 'AbortError')
  const other = await fixture.login()
  assert.ok((await other.ok('STATUS Target (MESSAGES)')).includes('* STATUS Target (MESSAGES 0)'))
  assert.ok((await other.ok('STATUS INBOX (MESSAGES)')).includes('* STATUS INBOX (MESSAGES 512)'))
})

test('RFC 6851 §3.3: a MOVE that the BYE ended says what was moved, then NO', async (t) => {
  const fixture = await startImapFixture(t)
  const client = await manyMessages(fixture)
  const { messages } = fixture.store
  const move = messages.move.bind(messages)
  messages.move = async (...args) => {
    void fixture.service.close(60_000)
    await ending(args[4])
    return move(...args)
  }
  client.send('a UID MOVE 1:* Target\r\n')
  const lines = await client.end()
  const told = lines.findIndex((line) => line.includes('COPYUID'))
  const expunged = lines.filter((line) => / EXPUNGE$/.test(line))
  const answer = lines.findIndex((line) => line.startsWith('a NO [UNAVAILABLE]'))
  assert.match(lines[told]!, / 1:384 1:384\]/)
  assert.equal(expunged.length, 384)
  assert.ok(told < lines.indexOf(expunged[0]!) && lines.lastIndexOf(expunged.at(-1)!) < answer)
  assert.match(lines[answer + 1]!, /^\* BYE/)
})

/** INBOX with 512 messages, all \\Deleted. */
async function allDeleted(fixture: ImapFixture): Promise<RawClient> {
  const client = await manyMessages(fixture)
  await client.ok('UID STORE 1:* +FLAGS.SILENT (\\Deleted)')
  return client
}

test('a client that vanishes has asked for its EXPUNGE: it is done in whole', async (t) => {
  const fixture = await startImapFixture(t)
  const client = await allDeleted(fixture)
  const { promise: ended, resolve, reject } = Promise.withResolvers<unknown>()
  const { messages } = fixture.store
  const expunge = messages.expunge.bind(messages)
  messages.expunge = async (...args) => {
    client.destroy()
    const gone = expunge(...args)
    gone.then(resolve, reject)
    return gone
  }
  client.send('a EXPUNGE\r\n')
  await ended
  const other = await fixture.login()
  assert.ok((await other.ok('STATUS INBOX (MESSAGES)')).includes('* STATUS INBOX (MESSAGES 0)'))
})

test('RFC 9051 §6.4.3: an EXPUNGE that the BYE ended says what went, then NO', async (t) => {
  const fixture = await startImapFixture(t)
  const client = await allDeleted(fixture)
  const { messages } = fixture.store
  const expunge = messages.expunge.bind(messages)
  const { promise: isStopping, resolve } = Promise.withResolvers<void>()
  messages.expunge = async (mailbox, uids, signal) => {
    assert.ok(signal)
    signal.addEventListener('abort', () => resolve())
    // The first part goes, then the server stops.
    await expunge(
      mailbox,
      Uint32Array.from({ length: 384 }, (_, n) => n + 1),
    )
    void fixture.service.close(60_000)
    await isStopping
    return expunge(mailbox, uids, signal)
  }
  client.send('a EXPUNGE\r\n')
  const lines = await client.end()
  const expunged = lines.filter((line) => / EXPUNGE$/.test(line))
  const answer = lines.findIndex((line) => line.startsWith('a NO [UNAVAILABLE]'))
  assert.equal(expunged.length, 384)
  assert.ok(lines.lastIndexOf(expunged.at(-1)!) < answer)
  assert.match(lines[answer + 1]!, /^\* BYE/)
})

test('the BYE ends a STORE of many messages; a client that vanishes does not', async (t) => {
  const fixture = await startImapFixture(t)
  const client = await manyMessages(fixture)
  const { messages } = fixture.store
  const changeFlags = messages.changeFlags.bind(messages)
  const { promise: ended, resolve, reject } = Promise.withResolvers<unknown>()
  messages.changeFlags = async (...args) => {
    client.destroy()
    const changed = changeFlags(...args)
    changed.then(resolve, reject)
    return changed
  }
  client.send('a UID STORE 1:* +FLAGS.SILENT (\\Seen)\r\n')
  await ended
  messages.changeFlags = async (mailbox, uids, change, signal) => {
    assert.ok(signal)
    void fixture.service.close(60_000)
    await ending(signal)
    return changeFlags(mailbox, uids, change, signal)
  }
  const other = await fixture.login('INBOX')
  assert.ok((await other.ok('STATUS INBOX (UNSEEN)')).includes('* STATUS INBOX (UNSEEN 0)'))
  other.send('b UID STORE 1:* -FLAGS.SILENT (\\Seen)\r\n')
  const lines = await other.end()
  assert.ok(
    lines.some((line) => line.startsWith('b NO [UNAVAILABLE]')),
    lines.join('|'),
  )
  assert.match(lines.at(-1)!, /^\* BYE/)
})

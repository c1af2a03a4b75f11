import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startImapFixture } from '../testkit/imap-fixture.ts'
import { RenderedCache } from './rendered-cache.ts'

const message = (number: number) =>
  `From: Ann <ann${number}@example.org>\r\nSubject: number ${number}\r\nMessage-ID: <${number}@x>\r\n\r\ntext\r\n`

test('RFC 9051 §6.4.5: answers given before stay true: flags, expunged messages, subsets, other items', async (t) => {
  const imap = await startImapFixture(t)
  const client = await imap.login()
  for (let n = 1; n <= 70; n++) await client.append('INBOX', message(n), '()')
  await client.ok('SELECT INBOX')
  const ask = async (command: string) => (await client.ok(command)).slice(0, -1)
  const items = '(UID FLAGS ENVELOPE BODY.PEEK[HEADER.FIELDS (Subject)] BODYSTRUCTURE)'
  const first = await ask(`FETCH 1:* ${items}`)
  assert.deepEqual(await ask(`FETCH 1:* ${items}`), first)
  assert.equal(first.filter((line) => line.startsWith('* ')).length, 70)
  const [alone] = await ask(`FETCH 40 ${items}`)
  assert.ok(first.includes(alone!))
  assert.deepEqual(await ask('FETCH 40 (BODY.PEEK[HEADER.FIELDS (Subject)]<0.9>)'), [
    '* 40 FETCH (BODY[HEADER.FIELDS (SUBJECT)]<0> {9}',
    'Subject: )',
  ])
  await ask('STORE 40 +FLAGS.SILENT (\\Flagged)')
  const flagged = await ask(`FETCH 40 ${items}`)
  assert.equal(flagged[0], alone!.replace('FLAGS (', 'FLAGS (\\Flagged '))
  await ask('STORE 2 +FLAGS.SILENT (\\Deleted)')
  await ask('EXPUNGE')
  const after = await ask(`FETCH 1:* ${items}`)
  assert.equal(after.filter((line) => line.startsWith('* ')).length, 69)
  assert.match(after.filter((line) => line.startsWith('* '))[1]!, /^\* 2 FETCH \(UID 3 .*number 3"/)
})

test('RFC 9051 §6.4.5: messages whose header is too large to be kept are answered among others', async (t) => {
  const imap = await startImapFixture(t)
  const client = await imap.login()
  await client.append('INBOX', message(1), '()')
  await client.append('INBOX', `Subject: large\r\n${'To: a@b\r\n'.repeat(20_000)}\r\nx`, '()')
  await client.append('INBOX', message(3), '()')
  await client.ok('SELECT INBOX')
  for (let round = 0; round < 2; round++) {
    const lines = await client.ok('FETCH 1:* (UID BODY.PEEK[HEADER.FIELDS (Subject)])')
    const subjects = lines.filter((line) => line.startsWith('Subject: '))
    assert.deepEqual(subjects, ['Subject: number 1', 'Subject: large', 'Subject: number 3'])
  }
})

test('RFC 9051 §6.4.5: each message once, wherever the batches of the store end', async (t) => {
  const imap = await startImapFixture(t)
  const client = await imap.login()
  const count = 300
  const literals = Array.from({ length: count }, (_, n) => {
    const text = `X-Odd: ${n + 1}\r\n\r\n`
    return `{${text.length}+}\r\n${text}`
  })
  await client.ok(`APPEND INBOX ${literals.join(' ')}`)
  await client.ok('SELECT INBOX')
  for (const set of ['1:*', '2:*', '1:299']) {
    const [from, to] = [Number(set.split(':')[0]), set === '1:299' ? 299 : count]
    const lines = await client.ok(`FETCH ${set} (UID BODY.PEEK[HEADER.FIELDS (X-Odd)])`)
    const wanted = Array.from({ length: to - from + 1 }, (_, n) => `X-Odd: ${from + n}`)
    assert.deepEqual(
      lines.filter((line) => line.startsWith('X-Odd')),
      wanted,
      set,
    )
  }
})

test('the cache keeps to its size, forgets what was used longest ago, and keeps the longer of two', () => {
  const rows = (octets: number, count = 1) => ({
    messageIds: new Float64Array(count),
    ends: new Uint32Array(count),
    octets: Buffer.alloc(octets),
  })
  const cache = new RenderedCache(4_000)
  cache.put('a', rows(1_000))
  cache.put('b', rows(1_000))
  assert.ok(cache.find('a'))
  cache.put('c', rows(1_000))
  assert.deepEqual(
    ['a', 'b', 'c'].map((key) => cache.find(key) !== undefined),
    [true, false, true],
  )
  cache.put('a', rows(900, 2))
  cache.put('a', rows(10, 1))
  assert.equal(cache.find('a')?.octets.length, 900)
  for (let n = 0; n < 100; n++) cache.put(`x${n}`, rows(100))
  assert.ok(cache.sizeBytes <= 4_000 && cache.sizeBytes > 1_000)
  assert.equal(cache.signature('y'.repeat(3_000)), undefined)
  assert.notEqual(cache.signature('ENVELOPE'), cache.signature('BODY'))
  cache.clear()
  assert.equal(cache.sizeBytes, 0)
})

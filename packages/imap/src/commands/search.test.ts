import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeCharset, type TestCharset } from '../testkit/charset-encoder.ts'
import { startImapFixture } from '../testkit/imap-fixture.ts'

async function fourMessages(t: import('node:test').TestContext) {
  const imap = await startImapFixture(t)
  const client = await imap.login()
  for (const flags of ['(\\Seen)', '(\\Deleted)', '(\\Seen foo)', '()']) {
    await client.append('INBOX', 'Subject: x\r\n\r\n', flags)
  }
  await client.ok('SELECT INBOX')
  // UIDs 1 3 4, sequence numbers 1 2 3.
  await client.ok('EXPUNGE')
  return { imap, client }
}

/** [command, its untagged answer]; sequence numbers 1 2 3 are UIDs 1 3 4. */
const table: readonly (readonly [string, string])[] = [
  ['SEARCH ALL', '* SEARCH 1 2 3'],
  ['UID SEARCH ALL', '* SEARCH 1 3 4'],
  ['SEARCH SEEN', '* SEARCH 1 2'],
  ['UID SEARCH UNSEEN', '* SEARCH 4'],
  ['SEARCH DELETED', '* SEARCH'],
  ['SEARCH KEYWORD FOO', '* SEARCH 2'],
  ['SEARCH UID 3:*', '* SEARCH 2 3'],
  ['UID SEARCH 3', '* SEARCH 4'],
  ['UID SEARCH 2:100', '* SEARCH 3 4'],
  ['SEARCH 9', '* SEARCH'],
  ['SEARCH OR 1 3', '* SEARCH 1 3'],
  ['SEARCH NOT (SEEN KEYWORD foo)', '* SEARCH 1 3'],
  ['SEARCH NEW', '* SEARCH 3'],
  ['SEARCH OLD', '* SEARCH'],
  ['SEARCH LARGER 1000', '* SEARCH'],
  ['SEARCH CHARSET UTF-8 ALL', '* SEARCH 1 2 3'],
  ['SEARCH RETURN () ALL', '* ESEARCH (TAG "$") ALL 1:3'],
  ['SEARCH RETURN (MIN MAX COUNT) ALL', '* ESEARCH (TAG "$") MIN 1 MAX 3 COUNT 3'],
  ['UID SEARCH RETURN (ALL) ALL', '* ESEARCH (TAG "$") UID ALL 1,3:4'],
  ['UID SEARCH RETURN (MIN) SEEN', '* ESEARCH (TAG "$") UID MIN 1'],
  ['SEARCH RETURN (ALL COUNT) DELETED', '* ESEARCH (TAG "$") COUNT 0'],
  ['SEARCH RETURN (MIN) DELETED', '* ESEARCH (TAG "$")'],
]

test('RFC 9051 §6.4.4, RFC 4731 §3.1: answers by number and by UID', async (t) => {
  const { client } = await fourMessages(t)
  for (const [command, expected] of table) {
    const lines = await client.ok(command)
    assert.equal(lines.length, 2, command)
    assert.equal(lines[0]!.replace(/\(TAG "t\d+"\)/, '(TAG "$")'), expected, command)
  }
})

test('RFC 9051 §6.4.4: an unknown charset is NO with those we know', async (t) => {
  const { client } = await fourMessages(t)
  assert.equal(
    (await client.command('SEARCH CHARSET X-NONE SUBJECT {3+}\r\nabc')).at(-1),
    'NO [BADCHARSET (US-ASCII UTF-8)] Unknown charset',
  )
})

test('RFC 9051 §6.4.4: strings in other charsets than UTF-8; SORT and THREAD too', async (t) => {
  const imap = await startImapFixture(t)
  const client = await imap.login()
  const subject = Buffer.from('会議 Привет é').toString('latin1')
  await client.append('INBOX', `Subject: ${subject}\r\n\r\n`)
  await client.ok('SELECT INBOX')
  const encoded: readonly (readonly [string, TestCharset])[] = [
    ['会議', 'gb18030'],
    ['会議', 'iso-2022-jp'],
    ['ПРИВЕТ', 'koi8-r'],
    ['É', 'iso-8859-1'],
  ]
  for (const [text, charset] of encoded) {
    const octets = encodeCharset(text, charset)
    const key = `SUBJECT {${octets.length}+}\r\n${octets.toString('latin1')}`
    assert.equal((await client.ok(`SEARCH CHARSET ${charset} ${key}`))[0], '* SEARCH 1', charset)
    assert.equal((await client.ok(`SORT (DATE) ${charset.toUpperCase()} ${key}`))[0], '* SORT 1', charset)
    assert.equal((await client.ok(`THREAD REFS "${charset}" NOT ${key}`))[0], '* THREAD', charset)
  }
})

test('RFC 9051 §6.4.4: mistakes are BAD, however deep', async (t) => {
  const { client } = await fourMessages(t)
  for (const keys of [
    '',
    ' ',
    ' BOGUS',
    ' OR ALL',
    ` ${'('.repeat(10_000)}`,
    ' RETURN (FOO) ALL',
    ' RETURN (MIN)',
    ' ON 31-Feb-2020',
  ]) {
    assert.match((await client.command(`SEARCH${keys}`)).at(-1)!, /^BAD /, keys.slice(0, 20))
  }
})

test('RFC 7162 §3.1.5: MODSEQ among the keys, and in the answer', async (t) => {
  const { client } = await fourMessages(t)
  const all = await client.ok('SEARCH MODSEQ 1')
  const [, highest] = /^\* SEARCH 1 2 3 \(MODSEQ (\d+)\)$/.exec(
    all.find((line) => line.startsWith('* SEARCH'))!,
  )!
  assert.equal(
    (await client.ok(`SEARCH RETURN (ALL) MODSEQ ${highest}`))[0]!.replace(/^.*\) /, ''),
    `ALL 3 MODSEQ ${highest}`,
  )
  assert.match((await client.ok('SEARCH RETURN (MIN) MODSEQ 1'))[0]!, /MIN 1 MODSEQ \d+$/)
  assert.deepEqual((await client.ok(`SEARCH MODSEQ ${Number(highest) + 1}`))[0], '* SEARCH')
})

test('RFC 5182 §2: SAVE and $', async (t) => {
  const { client } = await fourMessages(t)
  assert.deepEqual(await client.ok('SEARCH RETURN (SAVE) SEEN'), ['OK Search completed'])
  assert.equal((await client.ok('UID FETCH $ (FLAGS)')).length, 3)
  assert.equal((await client.ok('SEARCH $'))[0], '* SEARCH 1 2')
  assert.equal((await client.ok('UID SEARCH NOT UID $'))[0], '* SEARCH 4')
  assert.match((await client.ok('UID SEARCH RETURN (SAVE MIN) ALL'))[0]!, /UID MIN 1$/)
  assert.equal((await client.ok('SEARCH $'))[0], '* SEARCH 1')
  await client.command('SEARCH RETURN (SAVE) CHARSET X-UNKNOWN ALL')
  assert.equal((await client.ok('SEARCH $'))[0], '* SEARCH')
})

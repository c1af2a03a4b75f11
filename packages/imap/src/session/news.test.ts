/** What a session is told of what others do to its mailbox, and when. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startImapFixture } from '../testkit/imap-fixture.ts'

const message = 'Subject: one\r\n\r\nbody\r\n'

test('RFC 9051 §7.5.1: no EXPUNGE while FETCH, STORE or SEARCH by numbers runs; NOOP brings it', async (t) => {
  const imap = await startImapFixture(t)
  const one = await imap.login('INBOX')
  for (let at = 0; at < 4; at++) await one.append('INBOX', message)
  const two = await imap.login('INBOX')
  await one.ok('STORE 1 +FLAGS.SILENT (\\Deleted)')
  await one.ok('NOOP')
  const expunged = await one.ok('EXPUNGE')
  assert.ok(expunged.includes('* 1 EXPUNGE'))
  for (const line of ['FETCH 2:4 UID', 'SEARCH ALL', 'STORE 2 +FLAGS (\\Flagged)']) {
    const lines = await two.ok(line)
    assert.ok(!lines.some((text) => text.endsWith('EXPUNGE')), line)
  }
  await one.append('INBOX', message)
  const held = await two.ok('FETCH 2 UID')
  assert.ok(held.includes('* 5 EXISTS'), held.join('\n'))
  const lines = await two.ok('NOOP')
  assert.deepEqual(
    lines.filter((text) => text.endsWith('EXPUNGE')),
    ['* 1 EXPUNGE'],
  )
  assert.deepEqual((await two.ok('FETCH 1:* UID')).slice(0, -1), [
    '* 1 FETCH (UID 2)',
    '* 2 FETCH (UID 3)',
    '* 3 FETCH (UID 4)',
    '* 4 FETCH (UID 5)',
  ])
})

test('RFC 9051 §7.5.1: UID commands may bring EXPUNGE', async (t) => {
  const imap = await startImapFixture(t)
  const one = await imap.login('INBOX')
  for (let at = 0; at < 3; at++) await one.append('INBOX', message)
  const two = await imap.login('INBOX')
  await one.ok('STORE 1,3 +FLAGS.SILENT (\\Deleted)')
  await one.ok('UID EXPUNGE 1:2')
  const lines = await two.ok('UID FETCH 2 (UID)')
  assert.ok(lines.includes('* 1 EXPUNGE'))
})

test('RFC 7162 §3.2.10.2: nor while UID SEARCH, UID SORT or ESEARCH has sequence numbers among its keys', async (t) => {
  const imap = await startImapFixture(t)
  const one = await imap.login('INBOX')
  for (let at = 0; at < 4; at++) await one.append('INBOX', message)
  const two = await imap.login()
  await two.ok('ENABLE QRESYNC')
  await two.ok('SELECT INBOX')
  await one.ok('STORE 1 +FLAGS.SILENT (\\Deleted)')
  await one.ok('EXPUNGE')
  const commands = [
    'UID SEARCH 2:3',
    'UID SEARCH NOT (OR 1 SEEN)',
    'UID SORT (SUBJECT) UTF-8 2:3',
    'UID THREAD REFERENCES UTF-8 1:*',
    'ESEARCH IN (SELECTED) 2',
  ]
  for (const command of commands)
    assert.doesNotMatch((await two.ok(command)).join(), /VANISHED|EXPUNGE/, command)
  assert.deepEqual((await two.ok('UID SEARCH UID 2:3'))[1], '* VANISHED 1')
})

test('flags that another session changes arrive as FETCH; own .SILENT ones do not', async (t) => {
  const imap = await startImapFixture(t)
  const one = await imap.login('INBOX')
  await one.append('INBOX', message)
  const two = await imap.login('INBOX')
  const silent = await one.ok('STORE 1 +FLAGS.SILENT (\\Flagged $label1)')
  assert.ok(!silent.some((line) => line.includes('FETCH')))
  const lines = await two.ok('NOOP')
  assert.ok(
    lines.some((line) => /^\* FLAGS \(.*\$label1\)/.test(line)),
    lines.join('\n'),
  )
  const fetch = lines.find((line) => line.includes('FETCH'))!
  assert.match(fetch, /^\* 1 FETCH \(UID 1 FLAGS \(\\Flagged .*\$label1\)\)$/)
  assert.ok(!(await one.ok('NOOP')).some((line) => line.includes('FETCH')))
})

test('RFC 2177: IDLE pushes EXISTS, flags and EXPUNGE, ends with DONE', async (t) => {
  const imap = await startImapFixture(t)
  const one = await imap.login('INBOX')
  const two = await imap.login('INBOX')
  two.send('i IDLE\r\n')
  assert.equal(await two.line(), '+ idling')
  await one.append('INBOX', message)
  assert.match((await two.until(/RECENT/)).join('|'), /^\* 1 EXISTS\|\* [01] RECENT$/)
  await one.ok('STORE 1 +FLAGS (\\Deleted)')
  assert.match((await two.line())!, /^\* 1 FETCH \(UID 1 FLAGS \(\\Deleted( \\Recent)?\)\)$/)
  await one.ok('EXPUNGE')
  assert.equal(await two.line(), '* 1 EXPUNGE')
  two.send('done\r\nj NOOP\r\n')
  // Whose it was as \\Recent is told how many are left.
  const ended = (await two.until(/^i /)).filter((line) => line !== '* 0 RECENT')
  assert.deepEqual(ended, ['i OK Idle completed'])
  assert.equal(await two.line(), 'j OK NOOP completed')
  two.send('k IDLE\r\nl NOOP\r\n')
  assert.deepEqual(await two.until(/^k/), ['+ idling', 'k BAD Expected DONE.'])
})

test('RFC 3501 §2.3.2: one session alone gets a message as \\Recent', async (t) => {
  const imap = await startImapFixture(t)
  const one = await imap.login()
  await one.append('INBOX', message)
  assert.ok((await one.ok('EXAMINE INBOX')).includes('* 1 RECENT'))
  assert.ok((await one.ok('STATUS INBOX (RECENT)')).includes('* STATUS INBOX (RECENT 1)'))
  assert.ok((await one.ok('SELECT INBOX')).includes('* 1 RECENT'))
  assert.ok((await one.ok('FETCH 1 FLAGS'))[0]!.includes('\\Recent'))
  const two = await imap.login()
  assert.ok((await two.ok('SELECT INBOX')).includes('* 0 RECENT'))
})

test('RFC 7162 §3.1.4, RFC 9051 §7.3.5: a keyword that another session just made is not left out of FLAGS', async (t) => {
  const imap = await startImapFixture(t)
  const one = await imap.login()
  await one.append('INBOX', message)
  await one.append('INBOX', message)
  await one.ok('SELECT INBOX')
  const forms = [
    'FETCH 1 (FLAGS)',
    'FETCH 1 (FLAGS ENVELOPE)',
    'FETCH 1 (FLAGS BODY.PEEK[])',
    'STORE 1 +FLAGS ()',
  ]
  for (const [at, command] of [...forms, 'FETCH 1:2 (FLAGS RFC822.SIZE BODY.PEEK[TEXT])'].entries()) {
    const two = await imap.login('INBOX')
    await two.ok('ENABLE CONDSTORE')
    await one.ok(`STORE 1 FLAGS ($new${at})`)
    two.send(`a ${command}\r\n`)
    const lines = await two.until(/^a /)
    const told = lines.findIndex((line) => line.startsWith('* FLAGS ') && line.includes(`$new${at}`))
    const first = lines.findIndex((line) => line.startsWith('* 1 FETCH'))
    assert.ok(lines[first]!.includes(`$new${at}`), lines.join('|'))
    assert.ok(told >= 0 && told < first, lines.join('|'))
  }
})

test('RFC 3501 §7.3.2: RECENT is told again when messages that were \\Recent go', async (t) => {
  const imap = await startImapFixture(t)
  const one = await imap.login()
  for (let at = 0; at < 3; at++) await one.append('INBOX', message, '(\\Deleted)')
  await one.ok('SELECT INBOX')
  assert.deepEqual(await one.ok('UID EXPUNGE 2'), ['* 2 EXPUNGE', '* 2 RECENT', 'OK Expunge completed'])
  const two = await imap.login('INBOX')
  assert.deepEqual(await one.ok('EXPUNGE'), [
    '* 2 EXPUNGE',
    '* 1 EXPUNGE',
    '* 0 RECENT',
    'OK Expunge completed',
  ])
  assert.deepEqual(await two.ok('NOOP'), ['* 2 EXPUNGE', '* 1 EXPUNGE', 'OK NOOP completed'])
})

test('a mailbox deleted under a session ends it with BYE', async (t) => {
  const imap = await startImapFixture(t)
  const one = await imap.login()
  await one.ok('CREATE x')
  const two = await imap.login('x')
  const three = await imap.login('x')
  three.send('i IDLE\r\n')
  assert.equal(await three.line(), '+ idling')
  await one.ok('DELETE x')
  assert.deepEqual(await three.end(), ['* BYE Selected mailbox was deleted, have to disconnect.'])
  two.send('a NOOP\r\n')
  assert.deepEqual(await two.end(), ['* BYE Selected mailbox was deleted, have to disconnect.'])
})

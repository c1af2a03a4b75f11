import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answer, lines, literal, plain, withMessages } from '../testkit/fetch-samples.ts'

test('RFC 9051 §6.4.5: BODY[] and RFC822.TEXT set \\Seen and say so in the same response', async (t) => {
  const { client } = await withMessages(t, [plain, plain])
  assert.equal(
    await answer(client, 'FETCH 1 RFC822.TEXT'),
    `* 1 FETCH (FLAGS (\\Seen \\Recent) RFC822.TEXT ${literal(lines('one', 'two'))})`,
  )
  assert.equal(await answer(client, 'FETCH 1 BODY[]<0.4>'), `* 1 FETCH (BODY[]<0> ${literal('From')})`)
  assert.equal(
    await answer(client, 'FETCH 1:2 (BODY[]<0.1> FLAGS)'),
    '* 1 FETCH (BODY[]<0> {1}\nF FLAGS (\\Seen \\Recent))\n* 2 FETCH (BODY[]<0> {1}\nF FLAGS (\\Seen \\Recent))',
  )
})

test('RFC 9051 §6.3.3: EXAMINE never sets \\Seen', async (t) => {
  const { client } = await withMessages(t, [plain])
  await client.ok('EXAMINE INBOX')
  assert.equal(await answer(client, 'FETCH 1 BODY[]<0.1>'), '* 1 FETCH (BODY[]<0> {1}\nF)')
  assert.equal(
    (await client.command('STORE 1 +FLAGS (\\Seen)')).at(-1),
    'NO [READ-ONLY] Mailbox is read-only',
  )
})

test('RFC 2180 §4.1.3: a message expunged elsewhere is left out with NO, by UID with OK', async (t) => {
  const { imap, client } = await withMessages(t, [plain, plain])
  const other = await imap.login('INBOX')
  await other.ok('STORE 1 +FLAGS.SILENT (\\Deleted)')
  await other.ok('EXPUNGE')
  const fetched = await client.command('FETCH 1:2 (UID RFC822.SIZE)')
  assert.equal(fetched[0], `* 2 FETCH (UID 2 RFC822.SIZE ${plain.length})`)
  assert.match(fetched.at(-1)!, /^NO \[EXPUNGEISSUED\]/)
  assert.match((await client.command('FETCH 1 (BODY[])')).at(-1)!, /^NO \[EXPUNGEISSUED\]/)
  assert.ok((await client.ok('NOOP')).includes('* 1 EXPUNGE'))
})

test('RFC 7162 §3.1.4: MODSEQ, CHANGEDSINCE; §3.1.3: MODSEQ with \\Seen', async (t) => {
  const { client } = await withMessages(t, [plain, plain])
  const [, first] = /MODSEQ \((\d+)\)/.exec(await answer(client, 'FETCH 2 (MODSEQ)'))!
  assert.equal(await answer(client, `FETCH 1:2 (FLAGS) (CHANGEDSINCE ${first})`), '')
  assert.match(
    await answer(client, 'FETCH 1 BODY[]<0.1>'),
    /^\* 1 FETCH \(FLAGS \(\\Seen \\Recent\) UID 1 MODSEQ \(\d+\) BODY\[\]<0> \{1\}\nF\)$/,
  )
  assert.match(
    await answer(client, `UID FETCH 1:* (FLAGS) (CHANGEDSINCE ${first})`),
    /^\* 1 FETCH \(UID 1 FLAGS \(\\Seen \\Recent\) MODSEQ \(\d+\)\)$/,
  )
  assert.match((await client.command('UID FETCH 1:* (FLAGS) (CHANGEDSINCE 1 VANISHED)')).at(-1)!, /^BAD /)
})

test('RFC 7162 §3.2.6: UID FETCH with VANISHED tells what went since', async (t) => {
  const { imap, client } = await withMessages(t, [plain, plain, plain, plain])
  await client.ok('ENABLE QRESYNC')
  const [, modSeq] = /HIGHESTMODSEQ (\d+)/.exec((await client.ok('SELECT INBOX')).join('\n'))!
  const other = await imap.login('INBOX')
  await other.ok('STORE 1,3 +FLAGS.SILENT (\\Deleted)')
  await other.ok('STORE 4 +FLAGS.SILENT (\\Seen)')
  await other.ok('EXPUNGE')
  const found = await client.ok(`UID FETCH 2:* (FLAGS) (CHANGEDSINCE ${modSeq} VANISHED)`)
  assert.equal(found[0], '* VANISHED (EARLIER) 3')
  assert.match(found[1]!, /^\* 4 FETCH \(UID 4 FLAGS \(\\Seen\) MODSEQ \(\d+\)\)$/)
})

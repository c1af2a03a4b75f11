import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type MailboxId, systemFlag } from '@posthorn/storage'
import { type RawClient, startImapFixture } from '../testkit/imap-fixture.ts'
import { givePiece, takePiece } from './output-memory.ts'

async function withMessages(t: import('node:test').TestContext, count: number) {
  const imap = await startImapFixture(t)
  const client = await imap.login()
  for (let sent = 0; sent < count; sent++) await client.append('INBOX', 'Subject: x\r\n\r\n')
  // Another session takes \Recent away.
  await imap.login('INBOX')
  await client.ok('SELECT INBOX')
  return { imap, client }
}

const answer = async (client: RawClient, command: string) => (await client.ok(command)).join('\n')

test('RFC 9051 §6.4.6: FLAGS, +FLAGS, -FLAGS; the value is answered also where nothing changed', async (t) => {
  const { client } = await withMessages(t, 3)
  assert.equal(
    await answer(client, 'STORE 1:2 +FLAGS (\\Seen)'),
    '* 1 FETCH (FLAGS (\\Seen))\n* 2 FETCH (FLAGS (\\Seen))\nOK Store completed',
  )
  assert.equal(
    await answer(client, 'STORE 1 +FLAGS \\seen'),
    '* 1 FETCH (FLAGS (\\Seen))\nOK Store completed',
  )
  assert.equal(
    await answer(client, 'UID STORE 1,3 FLAGS \\Flagged \\Draft'),
    '* 1 FETCH (UID 1 FLAGS (\\Flagged \\Draft))\n* 3 FETCH (UID 3 FLAGS (\\Flagged \\Draft))\nOK Store completed',
  )
  assert.equal(
    await answer(client, 'STORE 1 -FLAGS (\\Draft)'),
    '* 1 FETCH (FLAGS (\\Flagged))\nOK Store completed',
  )
  assert.equal(await answer(client, 'STORE 1 FLAGS ()'), '* 1 FETCH (FLAGS ())\nOK Store completed')
})

test('STORE gives the memory of its answers back', async (t) => {
  const { client } = await withMessages(t, 2)
  // More than are ever kept: now there is this one alone.
  const [piece] = Array.from({ length: 32 }, takePiece)
  givePiece(piece!, { isGone: () => true, hurry: () => {} }, 0)
  await client.ok('STORE 1:2 +FLAGS (\\Seen)')
  assert.ok(Array.from({ length: 32 }, takePiece).includes(piece!))
})

test('RFC 9051 §6.4.6: .SILENT says nothing to this session, and the news reach another', async (t) => {
  const { imap, client } = await withMessages(t, 1)
  const other = await imap.login('INBOX')
  assert.equal(await answer(client, 'STORE 1 +FLAGS.SILENT (\\Deleted)'), 'OK Store completed')
  assert.equal(await answer(client, 'NOOP'), 'OK NOOP completed')
  assert.match((await other.ok('NOOP'))[0]!, /^\* 1 FETCH \((UID 1 )?FLAGS \(\\Deleted\)\)$/)
})

for (const extension of ['', 'CONDSTORE', 'QRESYNC']) {
  test(`RFC 9051 §6.4.6, RFC 7162 §3.2: what others change just before and just after a .SILENT STORE is told ${extension}`, async (t) => {
    const { imap, client } = await withMessages(t, 2)
    if (extension !== '') await client.ok(`ENABLE ${extension}`)
    await client.ok('FETCH 1:2 (FLAGS)')
    const { messages } = imap.store
    const changeFlags = messages.changeFlags.bind(messages)
    const others = (op: 'add' | 'remove', system: number) => (mailbox: MailboxId, uids: Uint32Array) =>
      changeFlags(mailbox, uids, { op, flags: { system, keywords: [] } })
    let before = others('add', systemFlag.answered)
    let after = others('remove', systemFlag.flagged)
    let interfering = true
    t.mock.method(messages, 'changeFlags', async (...args: Parameters<typeof changeFlags>) => {
      if (!interfering) return changeFlags(...args)
      interfering = false
      await before(args[0], args[1])
      const stored = await messages.changeFlags(...args)
      await after(args[0], args[1])
      return stored
    })
    const truth = (lines: readonly string[], number: number) =>
      lines
        .filter((line) => line.startsWith(`* ${number} FETCH`))
        .flatMap((line) => /FLAGS \(([^)]*)\)/.exec(line)?.[1] ?? [])
        .at(-1)
    assert.equal(truth(await client.ok('STORE 1 +FLAGS.SILENT (\\Flagged)'), 1), '\\Answered')

    interfering = true
    before = async (mailbox, uids) => changeFlags(mailbox, uids.subarray(0, 0), nothing)
    after = others('add', systemFlag.draft)
    assert.equal(truth(await client.ok('UID STORE 2 +FLAGS.SILENT (\\Flagged)'), 2), '\\Flagged \\Draft')

    interfering = true
    before = others('add', systemFlag.answered)
    after = before
    assert.equal(truth(await client.ok('STORE 2 -FLAGS.SILENT (\\Draft)'), 2), '\\Answered \\Flagged')
    assert.equal(truth(await client.ok('NOOP'), 2), undefined)
    assert.equal(truth(await client.ok('FETCH 1:2 (FLAGS)'), 2), '\\Answered \\Flagged')
  })
}

const nothing = { op: 'add', flags: { system: 0, keywords: [] } } as const

test('RFC 9051 §7.3.5: a new keyword is announced before it is used', async (t) => {
  const { client } = await withMessages(t, 1)
  const lines = await client.ok('UID STORE 1 +FLAGS ($label1)')
  assert.match(lines[0]!, /^\* FLAGS \(.*\$label1\)$/)
  assert.match(lines[1]!, /^\* OK \[PERMANENTFLAGS \(.*\$label1 \\\*\)\]/)
  assert.equal(lines[2], '* 1 FETCH (UID 1 FLAGS ($label1))')
})

test('RFC 3501 §2.3.2: \\Recent and unknown system flags are BAD', async (t) => {
  const { client } = await withMessages(t, 1)
  for (const command of [
    'STORE 1 +FLAGS (\\Recent)',
    'STORE 1 +FLAGS (\\Foo)',
    'STORE 1 FLAG (\\Seen)',
    'STORE 1 +FLAGS',
    'STORE 1 +FLAGS ',
    'STORE 1 +FLAGS (\\Seen) x',
    'STORE 2 +FLAGS (\\Seen)',
    'STORE 1 (UNCHANGEDSINCE) +FLAGS (\\Seen)',
    'STORE 1 () +FLAGS (\\Seen)',
  ]) {
    assert.match((await client.command(command)).at(-1)!, /^BAD /, command)
  }
  assert.match((await client.command(`STORE 1 +FLAGS (${'k'.repeat(200)})`)).at(-1)!, /^NO \[LIMIT\]/)
})

test('RFC 7162 §3.1.3: UNCHANGEDSINCE leaves changed messages alone and names them', async (t) => {
  const { imap, client } = await withMessages(t, 2)
  const [, modSeq] = /HIGHESTMODSEQ (\d+)/.exec((await client.ok('SELECT INBOX')).join('\n'))!
  const other = await imap.login('INBOX')
  await other.ok('STORE 2 +FLAGS (\\Flagged)')
  const lines = await client.ok(`STORE 1:2 (UNCHANGEDSINCE ${modSeq}) +FLAGS.SILENT (\\Seen)`)
  assert.match(lines.at(-1)!, /^OK \[MODIFIED 2\]/)
  assert.ok(
    lines.some((line) => /^\* 1 FETCH \(UID 1 MODSEQ \(\d+\)\)$/.test(line)),
    lines.join('\n'),
  )
  assert.match((await client.ok(`UID STORE 2 (UNCHANGEDSINCE 0) +FLAGS (x)`)).at(-1)!, /^OK \[MODIFIED 2\]/)
})

test('RFC 7162 §3.2.4: once CONDSTORE is in use, flag changes are told with their UID and MODSEQ', async (t) => {
  const { client } = await withMessages(t, 1)
  await client.ok('ENABLE CONDSTORE')
  assert.match(
    await answer(client, 'STORE 1 +FLAGS (\\Seen)'),
    /^\* 1 FETCH \(UID 1 MODSEQ \(\d+\) FLAGS \(\\Seen\)\)\nOK/,
  )
  assert.match(
    await answer(client, 'UID STORE 1 -FLAGS.SILENT (\\Seen)'),
    /^\* 1 FETCH \(UID 1 MODSEQ \(\d+\)\)\nOK/,
  )
})

test('RFC 5530 §3 LIMIT: more keywords than a mailbox has room for', async (t) => {
  const { client } = await withMessages(t, 1)
  for (let first = 0; first < 59; first += 20) {
    const names = Array.from({ length: Math.min(20, 59 - first) }, (_, at) => `k${first + at}`)
    await client.ok(`STORE 1 +FLAGS.SILENT (${names.join(' ')})`)
  }
  assert.match((await client.command('STORE 1 +FLAGS (one-more)')).at(-1)!, /^NO \[LIMIT\]/)
  const [flags] = await client.ok('FETCH 1 FLAGS')
  assert.ok(flags!.includes('(k0 ') && flags!.includes(' k58)'), flags)
  assert.equal((await client.ok('SEARCH KEYWORD k58'))[0], '* SEARCH 1')
})

test('RFC 5530 §3: EXPUNGEISSUED to a STORE, COPY or MOVE by number of what others expunged', async (t) => {
  const { imap, client } = await withMessages(t, 4)
  const other = await imap.login('INBOX')
  await other.ok('STORE 2:3 +FLAGS.SILENT (\\Deleted)')
  await other.ok('EXPUNGE')
  const gone = '[EXPUNGEISSUED] Some of the messages no longer exist'
  assert.equal(await answer(client, 'STORE 2 +FLAGS (\\Seen)'), `OK ${gone}`)
  assert.equal(
    await answer(client, 'STORE 1:3 +FLAGS (\\Seen)'),
    '* 1 FETCH (FLAGS (\\Seen))\nOK Store completed',
  )
  assert.deepEqual(await client.command('COPY 2:3 Trash'), [`NO ${gone}`])
  assert.deepEqual(await client.command('MOVE 2 Trash'), [`NO ${gone}`])
  assert.match((await client.command('COPY 3:4 Trash')).at(-1)!, /^OK \[COPYUID \d+ 4 1\]/)
  assert.deepEqual(await client.command('UID COPY 2:3 Trash'), [
    '* 3 EXPUNGE',
    '* 2 EXPUNGE',
    'OK No messages found',
  ])
})

test('RFC 9051 §7.1: where no keyword more finds room, PERMANENTFLAGS has no \\*', async (t) => {
  const imap = await startImapFixture(t)
  const client = await imap.login('INBOX')
  await client.append('INBOX', 'Subject: x\r\n\r\nbody\r\n')
  const some = Array.from({ length: 58 }, (_, at) => `k${at}`).join(' ')
  const permanent = (lines: readonly string[]) => lines.find((line) => line.includes('PERMANENTFLAGS')) ?? ''
  assert.match(permanent(await client.ok(`STORE 1 +FLAGS (${some})`)), / k57 \\\*\)/)
  assert.match(permanent(await client.ok('STORE 1 +FLAGS (last)')), / last\)/)
  assert.match((await client.command('STORE 1 +FLAGS (more)')).at(-1)!, /^NO \[LIMIT\]/)
  assert.doesNotMatch(permanent(await client.ok('SELECT INBOX')), /\\\*/)
  await client.ok('STORE 1 FLAGS (k1)')
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startImapFixture } from '../testkit/imap-fixture.ts'

const message = 'Subject: one\r\n\r\nbody\r\n'

test('RFC 9051 §6.3.2: what SELECT says; a failing one leaves nothing selected', async (t) => {
  const imap = await startImapFixture(t)
  const client = await imap.login()
  await client.append('INBOX', message, '(\\Seen)')
  await client.append('INBOX', message, '($label1)')
  const lines = await client.ok('SELECT INBOX')
  assert.match(lines[0]!, /^\* FLAGS \(\\Answered \\Flagged \\Deleted \\Seen \\Draft .*\$label1\)$/)
  assert.match(
    lines[1]!,
    /^\* OK \[PERMANENTFLAGS \(\\Answered \\Flagged \\Deleted \\Seen \\Draft .*\$label1 \\\*\)\] /,
  )
  assert.deepEqual(lines.slice(2, 5), ['* 2 EXISTS', '* 2 RECENT', '* OK [UNSEEN 2] First unseen.'])
  assert.match(lines[5]!, /^\* OK \[UIDVALIDITY [1-9]\d*\] /)
  assert.match(lines[6]!, /^\* OK \[UIDNEXT 3\] /)
  assert.match(lines[7]!, /^\* OK \[MAILBOXID \([0-9a-f]{32}\)\] /)
  assert.match(lines[8]!, /^\* OK \[HIGHESTMODSEQ [1-9]\d*\] /)
  assert.match(lines[9]!, /^OK \[READ-WRITE\] /)
  // RFC 3501 §6.3.10: \Recent in this session is \Recent.
  assert.equal((await client.ok('STATUS INBOX (RECENT)'))[0], '* STATUS INBOX (RECENT 2)')
  const other = await imap.login()
  assert.equal((await other.ok('STATUS INBOX (RECENT)'))[0], '* STATUS INBOX (RECENT 0)')
  const examined = await client.ok('EXAMINE INBOX')
  assert.equal(examined[0], '* OK [CLOSED] Previous mailbox closed.')
  assert.equal(examined[2], '* OK [PERMANENTFLAGS ()] Read-only mailbox.')
  assert.match(examined.at(-1)!, /^OK \[READ-ONLY\] /)
  for (const line of ['EXPUNGE', 'UID EXPUNGE 1', 'MOVE 1 Trash', 'STORE 1 +FLAGS (\\Seen)'])
    assert.match((await client.command(line)).at(-1)!, /^NO \[READ-ONLY\] /, line)
  const failed = await client.command('SELECT nowhere')
  assert.deepEqual(failed, [
    '* OK [CLOSED] Previous mailbox closed.',
    'NO [NONEXISTENT] Mailbox does not exist',
  ])
  assert.match((await client.command('CHECK')).at(-1)!, /^BAD /)
})

test('RFC 9051 §6.4.1, RFC 3691: CLOSE expunges in silence, UNSELECT and EXAMINE + CLOSE do not', async (t) => {
  const imap = await startImapFixture(t)
  const client = await imap.login()
  await client.append('INBOX', message, '(\\Deleted)')
  await client.ok('SELECT INBOX')
  assert.deepEqual(await client.ok('UNSELECT'), ['OK Unselect completed'])
  await client.ok('EXAMINE INBOX')
  await client.ok('CLOSE')
  assert.ok(
    (await client.ok('STATUS INBOX (MESSAGES DELETED)')).includes('* STATUS INBOX (MESSAGES 1 DELETED 1)'),
  )
  await client.ok('SELECT INBOX')
  assert.deepEqual(await client.ok('CLOSE'), ['OK Close completed'])
  assert.ok((await client.ok('STATUS INBOX (MESSAGES)')).includes('* STATUS INBOX (MESSAGES 0)'))
})

test('RFC 4315 §3: COPYUID; RFC 6851: MOVE says COPYUID before EXPUNGE', async (t) => {
  const imap = await startImapFixture(t)
  const client = await imap.login()
  for (let at = 0; at < 4; at++) await client.append('INBOX', message, '(\\Seen)')
  await client.ok('SELECT INBOX')
  assert.match((await client.ok('COPY 1,3:4 Trash')).at(-1)!, /^OK \[COPYUID \d+ 1,3:4 1:3\] /)
  assert.match((await client.ok('UID COPY 2 Trash')).at(-1)!, /^OK \[COPYUID \d+ 2 4\] /)
  assert.deepEqual(await client.ok('UID COPY 99 Trash'), ['OK No messages found'])
  assert.match((await client.command('COPY 1 nowhere')).at(-1)!, /^NO \[TRYCREATE\] /)
  assert.match((await client.command('UID MOVE 1 nowhere')).at(-1)!, /^NO \[TRYCREATE\] /)
  assert.match((await client.command('COPY 5 Trash')).at(-1)!, /^BAD /)
  const moved = await client.ok('MOVE 2:3 Archive')
  assert.match(moved[0]!, /^\* OK \[COPYUID \d+ 2:3 1:2\] /)
  assert.deepEqual(moved.slice(1, 3), ['* 3 EXPUNGE', '* 2 EXPUNGE'])
  assert.ok(
    (await client.ok('STATUS Archive (MESSAGES UNSEEN)')).includes('* STATUS Archive (MESSAGES 2 UNSEEN 0)'),
  )
  assert.ok((await client.ok('UID MOVE 1:* INBOX')).some((line) => line === '* 2 EXISTS'))
})

test('RFC 4315 §2.1: UID EXPUNGE removes only what is named', async (t) => {
  const imap = await startImapFixture(t)
  const client = await imap.login('INBOX')
  for (let at = 0; at < 3; at++) await client.append('INBOX', message, '(\\Deleted)')
  assert.deepEqual(await client.ok('UID EXPUNGE 2,7'), ['* 2 EXPUNGE', '* 2 RECENT', 'OK Expunge completed'])
  assert.deepEqual(await client.ok('UID EXPUNGE 7'), ['OK Expunge completed'])
  const rest = ['* 2 EXPUNGE', '* 1 EXPUNGE', '* 0 RECENT', 'OK Expunge completed']
  assert.deepEqual(await client.ok('EXPUNGE'), rest)
})

const nameRefusals: readonly (readonly [string, RegExp])[] = [
  ['CREATE INBOX', /^NO \[ALREADYEXISTS\]/],
  ['CREATE Sent', /^NO \[ALREADYEXISTS\]/],
  ['CREATE ""', /^NO \[CANNOT\]/],
  ['CREATE /a', /^NO \[CANNOT\]/],
  ['CREATE a//b', /^NO \[CANNOT\]/],
  ['CREATE "&"', /^NO \[CANNOT\]/],
  ['CREATE "&AGE-"', /^NO \[CANNOT\]/],
  ['CREATE "a\tb"', /^NO \[CANNOT\]/],
  ['DELETE INBOX', /^NO \[CANNOT\]/],
  ['DELETE nowhere', /^NO \[NONEXISTENT\]/],
  ['RENAME nowhere x', /^NO \[NONEXISTENT\]/],
  ['RENAME Sent Trash', /^NO \[ALREADYEXISTS\]/],
  ['SUBSCRIBE nowhere', /^NO \[NONEXISTENT\]/],
  ['UNSUBSCRIBE nowhere', /^OK /],
  ['STATUS nowhere (MESSAGES)', /^NO \[NONEXISTENT\]/],
  ['STATUS INBOX (FOO)', /^BAD /],
  ['GETQUOTA nowhere', /^NO \[NONEXISTENT\]/],
  ['SETQUOTA "" (STORAGE 5)', /^NO \[NOPERM\]/],
]

test('names that cannot be, and mailboxes that are not there', async (t) => {
  const imap = await startImapFixture(t)
  const client = await imap.login()
  for (const [line, answer] of nameRefusals) assert.match((await client.command(line)).at(-1)!, answer, line)
})

test('RFC 9051 §6.3.4–6: CREATE with parents and a trailing separator, RENAME with children, DELETE of the selected one', async (t) => {
  const imap = await startImapFixture(t)
  const client = await imap.login()
  await client.ok('CREATE a/b/c/')
  await client.ok('RENAME a z')
  assert.deepEqual((await client.ok('LIST "" z*')).slice(0, -1), [
    '* LIST (\\HasChildren) "/" z',
    '* LIST (\\HasChildren) "/" z/b',
    '* LIST (\\HasNoChildren) "/" z/b/c',
  ])
  await client.ok('SELECT z/b/c')
  await client.ok('RENAME z/b/c last')
  assert.deepEqual(await client.ok('DELETE last'), [
    '* OK [CLOSED] Selected mailbox is being deleted.',
    'OK Delete completed',
  ])
  assert.match((await client.command('CHECK')).at(-1)!, /^BAD /)
  await client.append('INBOX', message)
  await client.ok('RENAME INBOX Old')
  assert.ok((await client.ok('STATUS Old (MESSAGES)')).includes('* STATUS Old (MESSAGES 1)'))
  assert.ok((await client.ok('STATUS INBOX (MESSAGES)')).includes('* STATUS INBOX (MESSAGES 0)'))
})

test('RFC 9051 §6.3.11: STATUS, each item once', async (t) => {
  const imap = await startImapFixture(t)
  const client = await imap.login()
  await client.append('Drafts', message, '(\\Deleted)')
  const [line] = await client.ok(
    'STATUS Drafts (MESSAGES MESSAGES UNSEEN RECENT UIDNEXT UIDVALIDITY SIZE DELETED DELETED-STORAGE HIGHESTMODSEQ APPENDLIMIT)',
  )
  assert.match(
    line!,
    /^\* STATUS Drafts \(MESSAGES 1 UNSEEN 1 RECENT 1 UIDNEXT 2 UIDVALIDITY \d+ SIZE 22 DELETED 1 DELETED-STORAGE 22 HIGHESTMODSEQ \d+ APPENDLIMIT NIL\)$/,
  )
})

test('RFC 9208: GETQUOTAROOT and GETQUOTA', async (t) => {
  const imap = await startImapFixture(t)
  const client = await imap.login()
  assert.deepEqual((await client.ok('GETQUOTAROOT INBOX')).slice(0, -1), ['* QUOTAROOT INBOX'])
  assert.match((await client.command('GETQUOTA "User quota"')).at(-1)!, /^NO \[NONEXISTENT\] /)
  const quota = imap.store.mailboxes.quota
  imap.store.mailboxes.quota = async () => ({
    usedBytes: 1500,
    usedMessages: 1,
    limitBytes: 1_048_576,
    limitMessages: 0,
  })
  assert.deepEqual((await client.ok('GETQUOTAROOT INBOX')).slice(0, -1), [
    '* QUOTAROOT INBOX "User quota"',
    '* QUOTA "User quota" (STORAGE 2 1024)',
  ])
  assert.equal((await client.ok('GETQUOTA "User quota"'))[0], '* QUOTA "User quota" (STORAGE 2 1024)')
  imap.store.mailboxes.quota = quota
})

test('RFC 2971: ID; RFC 5161: ENABLE; RFC 2342: NAMESPACE', async (t) => {
  const imap = await startImapFixture(t, { idFields: { name: 'Posthorn', version: '1' } })
  const client = await imap.connect()
  assert.equal((await client.ok('ID NIL'))[0], '* ID ("name" "Posthorn" "version" "1")')
  await client.ok('ID ("name" "Thunderbird" "version" "153" "os" NIL)')
  assert.ok(imap.log.some(({ text }) => text.startsWith('ID sent: name=Thunderbird, version=153')))
  for (const line of ['ID ("name")', 'ID x', `ID (${'"a" "b" '.repeat(31).trim()})`])
    assert.match((await client.command(line)).at(-1)!, /^BAD /, line)
  await client.ok('LOGIN alice secret')
  assert.equal((await client.ok('NAMESPACE'))[0], '* NAMESPACE (("" "/")) (("Other Users/" "/")) NIL')
  assert.equal((await client.ok('ENABLE FOO'))[0], '* ENABLED')
  await client.ok('SELECT INBOX')
  const lines = await client.ok('ENABLE CONDSTORE FOO')
  assert.match(lines[0]!, /^\* OK \[HIGHESTMODSEQ \d+\] /)
  assert.equal(lines[1], '* ENABLED CONDSTORE')
})

test('RFC 7162 §3.1: once CONDSTORE is enabled news bring MODSEQ', async (t) => {
  const imap = await startImapFixture(t)
  const one = await imap.login('INBOX')
  await one.append('INBOX', message)
  const two = await imap.login('INBOX (CONDSTORE)')
  await one.ok('STORE 1 +FLAGS (\\Seen)')
  assert.match((await two.ok('NOOP'))[0]!, /^\* 1 FETCH \(UID 1 FLAGS \(\\Seen\) MODSEQ \(\d+\)\)$/)
})

test('RFC 9208 §4.1.3: SETQUOTA by administrators; a limit of messages holds for APPEND and COPY', async (t) => {
  const imap = await startImapFixture(t, { administrators: new Set(['bob@example.org']) })
  const client = await imap.login()
  assert.doesNotMatch(String((await client.ok('CAPABILITY'))[0]), /QUOTASET/)
  assert.match(String((await client.command('SETQUOTA "User quota" (MESSAGE 9)')).at(-1)), /^NO \[NOPERM\]/)
  const admin = await imap.connect()
  await admin.ok('LOGIN bob@example.org secret')
  assert.match(String((await admin.ok('CAPABILITY'))[0]), /QUOTA=RES-MESSAGE .*QUOTASET/)
  const root = '"User quota of alice@example.org"'
  assert.deepEqual((await admin.ok(`SETQUOTA ${root} (MESSAGE 2 STORAGE 10)`)).slice(0, -1), [
    `* QUOTA ${root} (STORAGE 0 10 MESSAGE 0 2)`,
  ])
  for (const wrong of ['(MESSAGE 0)', '(MAILBOX 3)'])
    assert.match(String((await admin.command(`SETQUOTA ${root} ${wrong}`)).at(-1)), /^NO \[CANNOT\]/)
  await client.append('INBOX', 'Subject: 1\r\n\r\n')
  assert.equal((await client.ok('GETQUOTAROOT INBOX'))[1], '* QUOTA "User quota" (STORAGE 1 10 MESSAGE 1 2)')
  await client.ok('SELECT INBOX')
  await client.ok('COPY 1 Drafts')
  assert.match(String((await client.command('COPY 1 Drafts')).at(-1)), /^NO \[OVERQUOTA\]/)
  assert.match(String((await client.command('APPEND Drafts {3+}\r\nabc')).at(-1)), /^NO \[OVERQUOTA\]/)
  // MOVE within an account takes no room.
  await client.ok('MOVE 1 Drafts')
  await admin.ok(`SETQUOTA ${root} ()`)
  assert.deepEqual((await client.ok('GETQUOTAROOT INBOX')).slice(0, -1), ['* QUOTAROOT INBOX'])
})

test('RFC 3502, RFC 9208: a quota reached in the middle of MULTIAPPEND keeps none of them', async (t) => {
  const imap = await startImapFixture(t)
  const client = await imap.login()
  const alice = await imap.store.accounts.find('alice@example.org')
  const message = 'Subject: x\r\n\r\nbody\r\n'
  const three = ` {${message.length}+}\r\n${message}`.repeat(3)
  for (const limit of [{ quotaMessages: 2 }, { quotaMessages: 0, quotaBytes: message.length * 2 }]) {
    await imap.store.accounts.update(alice!.id, limit)
    assert.match(String((await client.command(`APPEND INBOX${three}`)).at(-1)), /^NO \[OVERQUOTA\]/)
    assert.match((await client.ok('STATUS INBOX (MESSAGES)'))[0]!, /MESSAGES 0\)/)
  }
  await imap.store.accounts.update(alice!.id, { quotaBytes: message.length * 3 })
  assert.match(String((await client.ok(`APPEND INBOX${three}`)).at(-1)), /APPENDUID \d+ 1:3\]/)
})

test('RFC 7162 §3.1.3: of two clients that change the same flags one is told that it came too late', async (t) => {
  const imap = await startImapFixture(t)
  const [one, two] = [await imap.login(), await imap.login()]
  await one.append('INBOX', 'Subject: x\r\n\r\nbody\r\n')
  for (const client of [one, two]) await client.ok('SELECT INBOX (CONDSTORE)')
  const answers = await Promise.all(
    [one, two].map((client) => client.ok('STORE 1 (UNCHANGEDSINCE 2) +FLAGS.SILENT ($mine)')),
  )
  const late = answers.filter((lines) => lines.at(-1)!.includes('[MODIFIED 1]'))
  assert.equal(late.length, 1)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StoreError } from '@posthorn/storage'
import { startImapFixture } from '../testkit/imap-fixture.ts'

const message = 'Subject: hi\r\n\r\nbody\r\n'
const size = message.length

test('RFC 9051 §6.3.12: both literal kinds, flags, date; RFC 4315 §3: APPENDUID', async (t) => {
  const imap = await startImapFixture(t)
  const client = await imap.login()
  assert.match((await client.append('INBOX', message)).at(-1)!, /^OK \[APPENDUID \d+ 1\] Append completed/)
  client.send(`s APPEND INBOX (\\Seen $x) "17-Jul-1996 02:44:25 -0700" {${size}}\r\n`)
  assert.match((await client.line())!, /^\+ /)
  client.send(`${message}\r\n`)
  assert.match((await client.line())!, /^s OK \[APPENDUID \d+ 2\]/)
  await client.ok('SELECT INBOX')
  assert.equal(
    (await client.ok('FETCH 2 (FLAGS INTERNALDATE RFC822.SIZE)'))[0],
    `* 2 FETCH (FLAGS (\\Seen \\Recent $x) INTERNALDATE "17-Jul-1996 09:44:25 +0000" RFC822.SIZE ${size})`,
  )
})

test('Thunderbird: an empty line follows the literal in the same packet', async (t) => {
  const client = await (await startImapFixture(t)).login()
  client.send(`7 append "Sent" (\\Seen) {${size}+}\r\n${message}\r\n\r\n8 noop\r\n`)
  assert.match((await client.line())!, /^7 OK \[APPENDUID/)
  assert.match((await client.line())!, /^8 OK/)
})

test('the mailbox’s name may be a literal, too', async (t) => {
  const client = await (await startImapFixture(t)).login()
  assert.match((await client.append('{5+}\r\nINBOX', message)).at(-1)!, /^OK \[APPENDUID/)
  client.send('s APPEND {5}\r\n')
  assert.match((await client.line())!, /^\+ /)
  client.send(`INBOX () {${size}}\r\n`)
  assert.match((await client.line())!, /^\+ /)
  client.send(`${message}\r\n`)
  assert.match((await client.line())!, /^s OK/)
})

test('octet by octet it is the same', async (t) => {
  const imap = await startImapFixture(t)
  const client = await imap.login()
  client.socket.setNoDelay(true)
  for (const char of `s APPEND INBOX {${size}+}\r\n${message}\r\n`) {
    client.send(char)
    await new Promise(setImmediate)
  }
  assert.match((await client.line())!, /^s OK/)
  await client.ok('SELECT INBOX')
  assert.match((await client.ok('FETCH 1 RFC822.SIZE'))[0]!, new RegExp(`RFC822.SIZE ${size}\\)`))
})

test('RFC 9051 §6.3.12: no such mailbox: TRYCREATE, before the message is sent and after', async (t) => {
  const client = await (await startImapFixture(t)).login()
  const [line] = await client.command('APPEND nowhere {10}')
  assert.match(line!, /^NO \[TRYCREATE\]/)
  // The text of the refused literal is not run as a command.
  assert.match((await client.command('APPEND nowhere {10+}\r\nz LOGOUT\r\n')).at(-1)!, /^NO \[TRYCREATE\]/)
  assert.match((await client.command('NOOP')).at(-1)!, /^OK/)
})

test('RFC 7889 §4: a message that is too large is refused before it is sent', async (t) => {
  const client = await (await startImapFixture(t, { appendLimitBytes: 100 })).login()
  assert.deepEqual(await client.command('APPEND INBOX {101}'), [
    'NO [TOOBIG] Message is larger than the server accepts',
  ])
  const sent = 'y'.repeat(101)
  assert.match((await client.command(`APPEND INBOX {101+}\r\n${sent}`)).at(-1)!, /^NO \[TOOBIG\]/)
  assert.match((await client.ok('CAPABILITY'))[0]!, / APPENDLIMIT=100( |$)/)
})

test('RFC 5530 §3 OVERQUOTA: refused before it is sent', async (t) => {
  const imap = await startImapFixture(t)
  const account = (await imap.store.accounts.find('alice@example.org'))!
  await imap.store.accounts.update(account.id, { quotaBytes: 50 })
  const client = await imap.login()
  assert.match((await client.command('APPEND INBOX {51}')).at(-1)!, /^NO \[OVERQUOTA\]/)
  assert.match((await client.append('INBOX', message)).at(-1)!, /^OK/)
})

test('refusals and mistakes: nothing is kept, and the session goes on', async (t) => {
  const imap = await startImapFixture(t)
  const client = await imap.login()
  const table: readonly (readonly [string, RegExp])[] = [
    ['APPEND INBOX {0+}\r\n', /^NO Can't save a zero byte message/],
    ['APPEND INBOX {0}', /^NO Can't save a zero byte message/],
    ['APPEND INBOX {3+}\r\na\0b', /^NO \[CANNOT\] Message contains NUL/],
    ['APPEND INBOX {3+}\r\nabc x', /^BAD .*the message as a literal/],
    ['APPEND INBOX (\\Bogus) {3+}\r\nabc', /^BAD .*system flag/],
    ['APPEND INBOX "31-Feb-2020 00:00:00 +0000" {3+}\r\nabc', /^BAD .*date-time/],
    ['APPEND INBOX', /^BAD /],
    ['APPEND INBOX "abc"', /^BAD /],
    ['APPEND INBOX ~abc', /^BAD /],
    ['APPEND {3+}\r\na&b {3+}\r\nabc', /^NO \[CANNOT\]/],
    ['APPEND "a&b" {3}', /^NO \[CANNOT\]/],
  ]
  for (const [command, expected] of table) {
    assert.match((await client.command(command)).at(-1)!, expected, JSON.stringify(command))
  }
  assert.match((await client.ok('STATUS INBOX (MESSAGES)'))[0]!, /MESSAGES 0/)
})

test('a connection that ends in the middle of a message leaves nothing', async (t) => {
  const imap = await startImapFixture(t)
  const half = await imap.login()
  half.send('s APPEND INBOX {100}\r\n')
  await half.line()
  half.send('Subject: half')
  half.destroy()
  const client = await imap.login()
  assert.match((await client.ok('STATUS INBOX (MESSAGES)'))[0]!, /MESSAGES 0/)
})

test('RFC 5530 §3 UNAVAILABLE: the disk is full in the middle of a message; the next one is taken', async (t) => {
  const imap = await startImapFixture(t)
  const { messages } = imap.store
  const { stage } = messages
  let aborted = 0
  messages.stage = () => {
    const writer = stage.call(messages)
    let chunks = 0
    return {
      get sizeBytes() {
        return writer.sizeBytes
      },
      write: (chunk) => {
        if (chunks++ > 0) throw new StoreError('no-space', 'Cannot write the message: no room')
        return writer.write(chunk)
      },
      finish: () => writer.finish(),
      abort: () => {
        aborted++
        return writer.abort()
      },
    }
  }
  const client = await imap.login()
  client.send(`s APPEND INBOX {${size}}\r\n`)
  assert.match((await client.line())!, /^\+ /)
  // Octet by octet, so that the failure comes after the first of them was written.
  client.socket.setNoDelay(true)
  for (const char of `${message}\r\n`) {
    client.send(char)
    await new Promise(setImmediate)
  }
  assert.match((await client.line())!, /^s NO \[UNAVAILABLE\]/)
  assert.equal(aborted, 1)
  messages.stage = stage
  assert.match((await client.append('INBOX', message)).at(-1)!, /^OK \[APPENDUID \d+ 1\]/)
})

test('RFC 3502, RFC 9208 §5: quota reached in the middle of MULTIAPPEND keeps none; REPLACE counts the difference', async (t) => {
  const { login, store } = await startImapFixture(t)
  const account = (await store.accounts.find('alice@example.org'))!
  await store.accounts.update(account.id, { quotaBytes: 3_500 })
  const client = await login('INBOX')
  const letter = (name: string, sizeBytes: number): string =>
    `Subject: ${name}\r\n\r\n`.padEnd(sizeBytes - 2, 'x').concat('\r\n')
  const literal = (name: string, sizeBytes: number): string => `{${sizeBytes}+}\r\n${letter(name, sizeBytes)}`
  await client.ok(`APPEND INBOX ${literal('one', 2000)}`)
  for (const second of ['+', '']) {
    const text = `APPEND INBOX ${literal('two', 900)} {900${second}}\r\n`
    const rest = second === '' ? '' : `${letter('three', 900)}`
    assert.match((await client.command(text + rest)).at(-1)!, /^NO \[OVERQUOTA\]/)
  }
  assert.match((await client.ok('STATUS INBOX (MESSAGES UIDNEXT)'))[0]!, /MESSAGES 1 UIDNEXT 2/)
  const replaced = await client.ok(`UID REPLACE 1 INBOX ${literal('one again', 3000)}`)
  assert.deepEqual(
    replaced.map((line) => line.replace(/\d{5,}/, 'V')),
    [
      '* OK [APPENDUID V 2] Replacement message ready',
      '* 1 EXPUNGE',
      '* 1 EXISTS',
      '* 1 RECENT',
      'OK Replace completed',
    ],
  )
  const refused = await client.command(`REPLACE 1 INBOX ${literal('too long', 3600)}`)
  assert.match(refused.at(-1)!, /^NO \[OVERQUOTA\]/)
  assert.deepEqual((await client.ok('FETCH 1 (UID)'))[0], '* 1 FETCH (UID 2)')
})

for (const { what, limits, quotaBytes, refusal } of [
  { what: 'too large', limits: { appendLimitBytes: 500_000 }, quotaBytes: 0, refusal: /^NO \[TOOBIG\]/ },
  { what: 'beyond the quota', limits: {}, quotaBytes: 500_000, refusal: /^NO \[OVERQUOTA\]/ },
])
  test(`RFC 4469: URLs that name a message many times: ${what} is refused before all of it is on the disk`, async (t) => {
    const imap = await startImapFixture(t, limits)
    const account = (await imap.store.accounts.find('alice@example.org'))!
    await imap.store.accounts.update(account.id, { quotaBytes })
    let writtenBytes = 0
    const { messages } = imap.store
    const stage = messages.stage.bind(messages)
    messages.stage = () => {
      const writer = stage()
      const write = writer.write.bind(writer)
      writer.write = (chunk) => {
        writtenBytes += chunk.length
        return write(chunk)
      }
      return writer
    }
    const client = await imap.login()
    assert.match((await client.append('INBOX', message + 'x'.repeat(200_000))).at(-1)!, /^OK/)
    const urls = Array(100).fill('URL "/INBOX/;UID=1"').join(' ')
    assert.match((await client.command(`APPEND INBOX CATENATE (${urls})`)).at(-1)!, refusal)
    const several = Array(100).fill('CATENATE (URL "/INBOX/;UID=1")').join(' ')
    if (quotaBytes > 0) assert.match((await client.command(`APPEND INBOX ${several}`)).at(-1)!, refusal)
    await client.ok('SELECT INBOX')
    assert.match((await client.command(`REPLACE 1 INBOX CATENATE (${urls})`)).at(-1)!, refusal)
    assert.ok(writtenBytes < 2_500_000, `${writtenBytes} octets were written`)
    // What goes makes room for what comes.
    const twice = 'URL "/INBOX/;UID=1" URL "/INBOX/;UID=1"'
    assert.match((await client.command(`REPLACE 1 INBOX CATENATE (${twice})`)).at(-1)!, /^OK/)
  })

import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { test } from 'node:test'
import { startImapFixture } from '../testkit/imap-fixture.ts'

test('RFC 9051 §7.1.1: the greeting brings the capabilities that may be used before login', async (t) => {
  const { port } = await startImapFixture(t, { greeting: 'Hello' })
  const socket = net.connect(port, '127.0.0.1')
  const [chunk] = await once(socket, 'data')
  socket.destroy()
  assert.equal(
    chunk.toString(),
    '* OK [CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL+ ID ENABLE IDLE SASL-IR AUTH=PLAIN AUTH=LOGIN] Hello\r\n',
  )
})

test('RFC 9051 §6.1.1: after login the whole list, in the OK too; what is withheld is not in it', async (t) => {
  const imap = await startImapFixture(t, { withheld: new Set(['MOVE']) })
  const client = await imap.connect()
  const [tagged] = await client.ok('LOGIN alice@example.org secret')
  const names = /\[CAPABILITY ([^\]]+)\]/.exec(tagged!)![1]!.split(' ')
  for (const name of [
    'IMAP4rev1',
    'LITERAL+',
    'SASL-IR',
    'ID',
    'ENABLE',
    'IDLE',
    'NAMESPACE',
    'UIDPLUS',
    'UNSELECT',
    'CHILDREN',
    'SPECIAL-USE',
    'CREATE-SPECIAL-USE',
    'LIST-EXTENDED',
    'LIST-STATUS',
    'CONDSTORE',
    'QUOTA',
    'QUOTA=RES-STORAGE',
    'STATUS=SIZE',
  ])
    assert.ok(names.includes(name), name)
  for (const name of ['MOVE', 'STARTTLS', 'LOGINDISABLED', 'AUTH=PLAIN'])
    assert.ok(!names.includes(name), name)
  assert.equal((await client.ok('CAPABILITY'))[0], `* CAPABILITY ${names.join(' ')}`)
})

test('every command in the wrong state, unknown, malformed: BAD, and the session goes on', async (t) => {
  const imap = await startImapFixture(t, { badCommandLimit: 100 })
  const client = await imap.connect()
  const before = [
    'SELECT INBOX',
    'FETCH 1 FLAGS',
    'LIST "" "*"',
    'IDLE',
    'FOO',
    'UID',
    'UID FOO 1',
    'NOOP x',
    '',
  ]
  for (const line of before) assert.match((await client.command(line)).at(-1)!, /^BAD /, line)
  assert.match((await client.command('LOGIN alice')).at(-1)!, /^BAD /)
  await client.ok('LOGIN alice secret')
  for (const line of [
    'LOGIN alice secret',
    'STARTTLS',
    'AUTHENTICATE PLAIN',
    'FETCH 1 FLAGS',
    'UID COPY 1 Sent',
    'CLOSE',
  ])
    assert.match((await client.command(line)).at(-1)!, /^BAD /, line)
  await client.ok('SELECT INBOX')
  for (const line of [
    'COPY',
    'COPY 0 Sent',
    'COPY 1 Sent',
    'MOVE 1',
    'EXPUNGE 1',
    'UID EXPUNGE',
    'UID NOOP',
    'STATUS INBOX ()',
    'LIST',
    'ENABLE',
    'ID (',
    'SELECT',
  ])
    assert.match((await client.command(line)).at(-1)!, /^BAD /, line)
  client.send('\r\n') // A blank line is no command.
  client.send('noTag\r\n')
  assert.match((await client.line())!, /^\* BAD /)
  await client.ok('NOOP')
})

test('bad commands in a row end with BYE; a good one forgives', async (t) => {
  const imap = await startImapFixture(t, { badCommandLimit: 3 })
  const client = await imap.connect()
  for (const line of ['X', 'X', 'NOOP', 'X', 'X']) await client.command(line)
  client.send('a X\r\n')
  assert.deepEqual(await client.end(), [
    'a BAD Error in IMAP command received by server: Unknown command.',
    '* BYE Too many invalid IMAP commands.',
  ])
})

test('an HTTP request ends the session at once (ALPACA)', async (t) => {
  const imap = await startImapFixture(t)
  const client = await imap.connect()
  client.send('POST / HTTP/1.1\r\nHost: x\r\na LOGIN alice secret\r\n')
  assert.deepEqual(await client.end(), ['* BYE This is IMAP, not HTTP'])
})

test('RFC 9051 §5.5: pipelined commands are answered in order, one at a time', async (t) => {
  const imap = await startImapFixture(t)
  const client = await imap.connect()
  client.send(
    'a LOGIN alice secret\r\nb SELECT INBOX\r\nc CREATE x\r\nd LIST "" x\r\ne DELETE x\r\nf LIST "" x\r\ng LOGOUT\r\nh NOOP\r\n',
  )
  const lines = await client.end()
  const tagged = lines.filter((line) => /^[a-h] /.test(line)).map((line) => line.slice(0, 4))
  assert.deepEqual(tagged, ['a OK', 'b OK', 'c OK', 'd OK', 'e OK', 'f OK', 'g OK'])
  assert.equal(lines.filter((line) => line.startsWith('* LIST')).length, 1)
})

test('commands a byte at a time give the same answers', async (t) => {
  const imap = await startImapFixture(t)
  const script =
    'a LOGIN {5}\r\nalice {6+}\r\nsecret\r\nb SELECT "INBOX"\r\nc STATUS INBOX (MESSAGES)\r\nd LOGOUT\r\n'
  const client = await imap.connect()
  client.socket.setNoDelay(true)
  for (const char of script) {
    client.send(char)
    await new Promise(setImmediate)
  }
  const lines = await client.end()
  assert.ok(lines.includes('+ OK'))
  assert.ok(lines.includes('* STATUS INBOX (MESSAGES 0)'))
  assert.deepEqual(
    lines.filter((line) => /^[a-d] /.test(line)).map((line) => line.slice(0, 4)),
    ['a OK', 'b OK', 'c OK', 'd OK'],
  )
})

test('before login a large literal is refused, and its octets are no commands', async (t) => {
  const imap = await startImapFixture(t)
  const client = await imap.connect()
  client.send('a LOGIN {40000}\r\n')
  assert.match((await client.line())!, /^a NO \[TOOBIG\]/)
  client.send(`b LOGIN {40000+}\r\n${'x NOOP\r\n'.repeat(5000)}\r\nc NOOP\r\n`)
  assert.match((await client.line())!, /^b NO \[TOOBIG\]/)
  assert.match((await client.line())!, /^c OK/)
})

test('a fault of ours: NO [SERVERBUG], logged with its stack, and the session goes on', async (t) => {
  const imap = await startImapFixture(t)
  const client = await imap.login('INBOX')
  const names = imap.store.mailboxes.names
  imap.store.mailboxes.names = () => Promise.reject(new TypeError('secret detail'))
  const lines = await client.command('LIST "" "*"')
  imap.store.mailboxes.names = names
  assert.deepEqual(lines, [
    'NO [SERVERBUG] Internal error occurred. Refer to server log for more information.',
  ])
  const event = imap.log.find(({ level }) => level === 'error')!
  assert.match(event.text, /^Error: LIST failed: secret detail$/)
  assert.ok(event.error instanceof TypeError)
  await client.ok('LIST "" "*"')
})

test('Dovecot: mail_max_userip_connections', async (t) => {
  const imap = await startImapFixture(t, { maxUserIpConnections: 1 })
  const one = await imap.login()
  const two = await imap.connect()
  assert.match(
    (await two.command('LOGIN alice secret')).at(-1)!,
    /^NO \[LIMIT\] Maximum number of connections/,
  )
  await two.ok('LOGIN bob secret')
  await one.ok('LOGOUT')
  await one.end()
  const three = await imap.connect()
  await three.ok('LOGIN alice secret')
})

test('mail_max_userip_connections leaves the addresses alone that are exempt', async (t) => {
  const imap = await startImapFixture(t, { maxUserIpConnections: 1, seatsUnlimitedFor: () => true })
  await imap.login()
  await imap.login()
})

test('log lines in the words of Dovecot', async (t) => {
  const imap = await startImapFixture(t)
  const client = await imap.connect()
  await client.command('LOGIN alice wrong')
  await client.ok('LOGIN alice secret')
  await client.ok('LOGOUT')
  await client.end()
  const texts = imap.log.map(({ service, text }) => `${service}: ${text}`)
  assert.ok(
    texts.some((text) =>
      /^imap-login: Login: user=<alice@example\.org>, method=PLAIN, rip=127\.0\.0\.1, lip=127\.0\.0\.1, secured, session=<[\w-]{12}>$/.test(
        text,
      ),
    ),
    texts.join('\n'),
  )
  const stranger = await imap.connect()
  await stranger.command('LOGIN alice wrong')
  await stranger.command('AUTHENTICATE LOGIN dXNlcg==\r\nd3Jvbmc=')
  stranger.destroy()
  const curious = await imap.connect()
  await curious.ok('LOGOUT')
  await curious.end()
  while (imap.service.sessions > 0) await new Promise(setImmediate)
  const ends = imap.log.map(
    ({ service, text }) => `${service}: ${text.replace(/session=<.*>|\d+ secs/g, '…')}`,
  )
  const where = 'rip=127.0.0.1, lip=127.0.0.1, secured, …'
  for (const line of [
    `imap-login: Disconnected: Connection closed (auth failed, 2 attempts in …): user=<user>, method=LOGIN, ${where}`,
    `imap-login: Disconnected: Aborted login by logging out (no auth attempts in …): user=<>, ${where}`,
  ])
    assert.ok(ends.includes(line), ends.join('\n'))
  assert.ok(
    ends.some((line) =>
      /^imap\(alice@example\.org\)<[\w-]{12}>: Disconnected: Logged out in=\d+ out=\d+$/.test(line),
    ),
    ends.join('\n'),
  )
})

test('close: BYE to idle sessions at once, resolves when all are gone', async (t) => {
  const imap = await startImapFixture(t)
  const one = await imap.login('INBOX')
  const two = await imap.login('INBOX')
  two.send('i IDLE\r\n')
  await two.line()
  const closing = imap.service.close(5000)
  assert.deepEqual(await one.end(), ['* BYE Server shutting down.'])
  assert.deepEqual(await two.end(), ['* BYE Server shutting down.'])
  one.destroy()
  two.destroy()
  await closing
  assert.equal(imap.service.sessions, 0)
})

test('close: in the moment between an answer and the next command, and for who comes later', async (t) => {
  const imap = await startImapFixture(t)
  const client = await imap.login('INBOX')
  const [connection] = imap.listener.connections
  assert.ok(connection)
  const { now } = performance
  let closing: Promise<void> | undefined
  t.mock.method(connection, 'write', function write(this: typeof connection, text: string) {
    Object.getPrototypeOf(connection).write.call(connection, text)
    if (!text.startsWith('n OK')) return
    // It has taken long: others have their turn before the session looks for more.
    t.mock.method(performance, 'now', () => now.call(performance) + 1000)
    setImmediate(() => {
      closing = imap.service.close(60_000)
    })
  })
  client.send('n NOOP\r\n')
  assert.deepEqual(await client.end(), ['n OK NOOP completed', '* BYE Server shutting down.'])
  const late = await imap.connect()
  assert.deepEqual(await late.end(), ['* BYE Server shutting down.'])
  await closing
})

test('a client that goes away in the middle of anything leaves nothing behind', async (t) => {
  const imap = await startImapFixture(t)
  for (const words of [
    'a LOGIN {5}\r\nal',
    'a AUTHENTICATE PLAIN\r\n',
    'a LOGIN alice secret\r\nb IDLE\r\n',
    'a LOGIN alice secret\r\nb APPEND INBOX {9+}\r\nabc',
  ]) {
    const client = await imap.connect()
    client.send(words)
    await new Promise((resolve) => setTimeout(resolve, 20))
    client.destroy()
  }
  while (imap.service.sessions > 0) await new Promise(setImmediate)
  assert.equal(imap.log.filter(({ level }) => level === 'error').length, 0)
})

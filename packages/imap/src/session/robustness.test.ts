import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startImapFixture } from '../testkit/imap-fixture.ts'
import { randomFrom } from '../testkit/random.ts'

const lines = [
  'SELECT INBOX',
  'EXAMINE "INBOX" (CONDSTORE)',
  'SELECT INBOX (QRESYNC (1 1 1:5 (1:2 1:2)))',
  'ENABLE CONDSTORE QRESYNC',
  'FETCH 1:* (UID FLAGS BODY.PEEK[HEADER.FIELDS (From To)]<0.100>)',
  'UID FETCH 1:4294967295 (FLAGS) (CHANGEDSINCE 1 VANISHED)',
  'STORE 1:* +FLAGS.SILENT (\\Seen $x)',
  'UID STORE 1 (UNCHANGEDSINCE 5) -FLAGS \\Deleted',
  'SEARCH OR (NOT SEEN) (1:* TEXT {3}',
  'UID SEARCH RETURN (MIN MAX COUNT) OR FLAGGED UNSEEN',
  'COPY 1:* Sent',
  'UID MOVE *:1 "Archive"',
  'EXPUNGE',
  'UID EXPUNGE 1:*',
  'LIST (SUBSCRIBED RECURSIVEMATCH) "" (% *) RETURN (CHILDREN STATUS (MESSAGES UNSEEN))',
  'LSUB "" "*"',
  'XLIST "" %',
  'STATUS Sent (MESSAGES UIDNEXT RECENT)',
  'CREATE "a/&AOk-/b" (USE (\\All))',
  'DELETE a',
  'RENAME INBOX old/box',
  'SUBSCRIBE Sent',
  'APPEND Sent (\\Seen) "17-Jul-1996 02:44:25 -0700" {5+}\r\nhello',
  'APPEND INBOX {3}\r\nabc',
  'ID ("name" "x")',
  'NAMESPACE',
  'GETQUOTAROOT INBOX',
  'IDLE\r\nDONE',
  'CHECK',
  'CLOSE',
  'UNSELECT',
  'NOOP',
  'CAPABILITY',
  'AUTHENTICATE PLAIN\r\n*',
  'UID',
  'LOGIN a b',
]
const spices = [
  '{',
  '}',
  '(',
  ')',
  '"',
  '\\',
  '*',
  '%',
  '\0',
  '\xff',
  '{9999999999}',
  '{10+}\r\n',
  '\r\n',
  '\r',
  '\n',
  ' ',
  '~{3}',
  '4294967296',
  '0',
  '$',
  ':',
  ',',
  '[',
  ']',
  '<',
  '>',
  '&',
  'UID ',
  'NIL',
]

test('mangled commands: each is answered or refused, none is a fault of ours, none ends the server', async (t) => {
  const imap = await startImapFixture(t, { badCommandLimit: 1000, maxUserIpConnections: 0 })
  const random = randomFrom(20_261_121)
  for (let round = 0; round < 150; round++) {
    const client = await imap.login('INBOX')
    let script = ''
    for (let at = 0; at < 15; at++) {
      let line = lines[random(lines.length)]!
      for (let times = random(3); times > 0; times--) {
        const place = random(line.length + 1)
        line = line.slice(0, place) + spices[random(spices.length)]! + line.slice(place + random(3))
      }
      script += `f${at} ${line}\r\n`
    }
    client.send(script)
    // Whatever state this left the session in, closing our side must end it.
    client.socket.end()
    await client.end()
  }
  assert.deepEqual(
    imap.log.filter(({ level }) => level === 'error').map(({ text, error }) => [text, error]),
    [],
  )
  const client = await imap.login('INBOX')
  await client.ok('NOOP')
})

test('half commands on 300 connections do not keep the next client waiting', async (t) => {
  const imap = await startImapFixture(t)
  for (let at = 0; at < 300; at++) {
    const client = await imap.connect()
    client.send(
      at % 3 === 0 ? 'a LOGIN {5000}' : at % 3 === 1 ? 'a LOGIN {500+}\r\nabc' : `a ${'x'.repeat(4000)}`,
    )
  }
  const startedMs = performance.now()
  const client = await imap.login('INBOX')
  await client.ok('NOOP')
  assert.ok(performance.now() - startedMs < 1000)
})

test('a line without end before login costs its limit, not the memory', async (t) => {
  const imap = await startImapFixture(t)
  const client = await imap.connect()
  for (let at = 0; at < 50; at++) client.send('x'.repeat(65_536))
  client.send('\r\na NOOP\r\n')
  const answers = await client.until(/^a /)
  assert.match(answers[0]!, /^\* BAD Error in IMAP command received by server: Too long/)
})

test('a client that does not read is made to wait, and its commands with it', async (t) => {
  const imap = await startImapFixture(t)
  const client = await imap.login('INBOX')
  await client.append('INBOX', `Subject: large\r\n\r\n${'x'.repeat(1_000_000)}`)
  client.socket.pause()
  client.send(
    Array.from({ length: 60 }, (_, at) => `g${at} FETCH 1 RFC822.SIZE\r\ng${at} ENABLE FOO\r\n`).join(''),
  )
  client.send('big SEARCH ALL\r\n'.repeat(200_000))
  await new Promise((resolve) => setTimeout(resolve, 300))
  const [connection] = imap.listener.connections
  assert.ok(connection!.backlogBytes < 4_000_000, `${connection!.backlogBytes}`)
  client.destroy()
  while (imap.service.sessions > 0) await new Promise(setImmediate)
})

test('a flood of pipelined commands does not hold up others', async (t) => {
  const imap = await startImapFixture(t)
  const flood = await imap.login('INBOX')
  const other = await imap.login('INBOX')
  flood.send('x STATUS Sent (MESSAGES UNSEEN)\r\n'.repeat(20_000))
  const floodStartedMs = performance.now()
  const flooded = flood.command('NOOP')
  let worstMs = 0
  for (let at = 0; at < 30; at++) {
    const startedMs = performance.now()
    await other.ok('NOOP')
    worstMs = Math.max(worstMs, performance.now() - startedMs)
  }
  await flooded
  // Whatever the machine: who has to wait waits a small part of the flood.
  const floodMs = performance.now() - floodStartedMs
  assert.ok(worstMs < floodMs / 3, `${worstMs} of ${floodMs} ms`)
})

test('RFC 2971 §3.3: the largest ID may come before login; what is larger is refused', async (t) => {
  const imap = await startImapFixture(t)
  const client = await imap.connect()
  const fields = (valueBytes: number): string =>
    Array.from(
      { length: 30 },
      (_, at) => `"${String(at).padStart(30, 'x')}" "${'v'.repeat(valueBytes)}"`,
    ).join(' ')
  await client.ok(`ID (${fields(1024)})`)
  assert.match((await client.command(`ID (${fields(2048)})`)).at(-1)!, /^BAD /)
  assert.match((await client.command(`ID (${fields(10)} "one" "more")`)).at(-1)!, /^BAD /)
  await client.ok('LOGIN alice@example.org secret')
})

test('literals before login: those of the largest ID, and no more', async (t) => {
  const imap = await startImapFixture(t)
  const client = await imap.connect()
  // Each costs memory beside its octet.
  const literals = (count: number): string => Array(count).fill('{1+}\r\nx').join(' ')
  await client.ok(`ID (${literals(60)})`)
  assert.match((await client.command(`ID (${literals(66)})`)).at(-1)!, /^NO \[TOOBIG\] /)
  assert.match((await client.command(`SEARCH ${literals(5_000)}`)).at(-1)!, /^BAD .*log in/)
  await client.ok('LOGIN alice@example.org {6+}\r\nsecret')
  await client.ok(`ID (${literals(60)})`)
  assert.match((await client.command(`LIST "" (${literals(500)})`)).at(-1)!, /^OK /)
})

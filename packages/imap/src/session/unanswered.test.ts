import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { StoreError, type Uid } from '@posthorn/storage'
import { type FileLayer, realFileLayer } from '../../../storage/src/segments/file-layer.ts'
import { type RawClient, startImapFixture } from '../testkit/imap-fixture.ts'

const message = 'Subject: x\r\n\r\nx\r\n'

async function withMessages(
  t: TestContext,
  count: number,
  parts: Parameters<typeof startImapFixture>[2] = {},
) {
  const imap = await startImapFixture(t, {}, parts)
  const client = await imap.login()
  await client.ok('CREATE Target')
  for (let sent = 0; sent < count; sent++) await client.append('INBOX', message)
  // Another session takes \Recent away.
  await imap.login('INBOX')
  await client.ok('SELECT INBOX')
  return { imap, client }
}

/** Sends them all at once, tagged a1, a2 …; what comes until the last is answered. */
async function pipeline(client: RawClient, commands: readonly string[]): Promise<string[]> {
  client.send(commands.map((command, at) => `a${at + 1} ${command}\r\n`).join(''))
  return client.until(new RegExp(`^a${commands.length} `))
}

const append = (mailbox: string): string => `APPEND ${mailbox} {${message.length}+}\r\n${message}`
const tagged = (lines: readonly string[]): string[] => lines.filter((line) => /^a\d+ /.test(line))

/** `hold` keeps what the store says until `release`. */
function heldBack(t: TestContext, target: object, method: string) {
  const original = (target as Record<string, (...args: unknown[]) => Promise<unknown>>)[method]!
  const { promise, resolve } = Promise.withResolvers<void>()
  let calls = 0
  t.mock.method(target as Record<string, (...args: unknown[]) => unknown>, method, (...args: unknown[]) => {
    calls++
    const work = original.apply(target, args)
    return promise.then(() => work)
  })
  return { release: resolve, calls: () => calls }
}

const until = async (isSo: () => boolean): Promise<void> => {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve))
}

test('RFC 9051 §5.5: STOREs that came together are in the store together, and answered in order', async (t) => {
  const { imap, client } = await withMessages(t, 3)
  const held = heldBack(t, imap.store.messages, 'changeFlags')
  const answers = pipeline(client, [
    'STORE 1 +FLAGS (\\Seen)',
    'UID STORE 1:2 +FLAGS (\\Flagged $label)',
    'STORE 3 FLAGS.SILENT (\\Draft)',
    'STORE 1 -FLAGS (\\Seen)',
  ])
  await until(() => held.calls() === 4)
  held.release()
  assert.deepEqual(
    (await answers).filter((line) => !/^\* (FLAGS|OK)/.test(line)),
    [
      '* 1 FETCH (FLAGS (\\Seen))',
      'a1 OK Store completed',
      '* 1 FETCH (UID 1 FLAGS (\\Flagged \\Seen $label))',
      '* 2 FETCH (UID 2 FLAGS (\\Flagged $label))',
      'a2 OK Store completed',
      'a3 OK Store completed',
      '* 1 FETCH (FLAGS (\\Flagged $label))',
      'a4 OK Store completed',
    ],
  )
})

test('what the client itself has changed is no news to it; what others have is, with the last answer', async (t) => {
  const { imap, client } = await withMessages(t, 40)
  const other = await imap.login('INBOX')
  await client.ok('NOOP')
  await other.ok('STORE 40 +FLAGS.SILENT (\\Answered)')
  const silent = Array.from({ length: 200 }, (_, at) => {
    const sign = at % 80 < 40 ? '+' : '-'
    return `UID STORE ${(at % 39) + 1} ${sign}FLAGS.SILENT (\\Seen)`
  })
  const lines = await pipeline(client, silent)
  assert.equal(tagged(lines).length, 200)
  assert.deepEqual(
    lines.filter((line) => line.startsWith('*')),
    ['* 40 FETCH (UID 40 FLAGS (\\Answered))'],
  )
  const mine = await client.ok('FETCH 1:* (FLAGS)')
  await other.ok('NOOP')
  assert.deepEqual(await other.ok('FETCH 1:* (FLAGS)'), mine)
})

test('a .SILENT STORE behind another of the same client keeps what somebody else did between them as news', async (t) => {
  const { imap, client } = await withMessages(t, 1)
  const { messages } = imap.store
  const changeFlags = messages.changeFlags.bind(messages)
  let calls = 0
  t.mock.method(messages, 'changeFlags', (...args: Parameters<typeof changeFlags>) => {
    if (++calls !== 2) return changeFlags(...args)
    void changeFlags(args[0], args[1], { op: 'add', flags: { system: 2, keywords: [] } })
    return changeFlags(...args)
  })
  const lines = await pipeline(client, [
    'STORE 1 +FLAGS.SILENT (\\Seen)',
    'STORE 1 +FLAGS.SILENT (\\Flagged)',
  ])
  assert.deepEqual(lines, [
    'a1 OK Store completed',
    '* 1 FETCH (UID 1 FLAGS (\\Answered \\Flagged \\Seen))',
    'a2 OK Store completed',
  ])
})

test('each has its own answer: OK, NO and BAD in their order, and other commands after them', async (t) => {
  const { imap, client } = await withMessages(t, 2)
  const { messages } = imap.store
  const changeFlags = messages.changeFlags.bind(messages)
  let calls = 0
  t.mock.method(messages, 'changeFlags', async (...args: Parameters<typeof changeFlags>) => {
    if (++calls === 2) throw new StoreError('no-space', 'Cannot write: the disk is full')
    return changeFlags(...args)
  })
  const lines = await pipeline(client, [
    'STORE 1 +FLAGS.SILENT (\\Seen)',
    'STORE 1 +FLAGS.SILENT (\\Flagged)',
    'STORE 9 +FLAGS.SILENT (\\Flagged)',
    'COPY 1 Nowhere',
    'COPY 1 Target',
    'STORE 2 +FLAGS.SILENT (\\Draft)',
    'FETCH 1:2 (FLAGS)',
    'APPEND Nowhere {3+}\r\nxyz',
    'NONSENSE',
    append('Target'),
    'STATUS Target (MESSAGES)',
  ])
  assert.deepEqual(
    lines.map((line) => line.replace(/^(a\d+ (?:\w+)(?: \[\w+)?).*/, '$1')),
    [
      'a1 OK',
      'a2 NO [UNAVAILABLE',
      'a3 BAD',
      'a4 NO [TRYCREATE',
      'a5 OK [COPYUID',
      'a6 OK',
      '* 1 FETCH (FLAGS (\\Seen))',
      '* 2 FETCH (FLAGS (\\Draft))',
      'a7 OK',
      'a8 NO [TRYCREATE',
      'a9 BAD',
      'a10 OK [APPENDUID',
      '* STATUS Target (MESSAGES 2)',
      'a11 OK',
    ],
  )
})

test('numbers mean what they mean when commands wait for each other', async (t) => {
  const { client } = await withMessages(t, 2)
  const lines = await pipeline(client, [
    append('INBOX'),
    append('INBOX'),
    'STORE * +FLAGS (\\Seen)',
    'COPY 1 INBOX',
    'COPY * Target',
    'UID STORE 5:* +FLAGS.SILENT (\\Draft)',
  ])
  assert.deepEqual(
    lines
      .filter((line) => !line.includes('RECENT'))
      // Without UIDVALIDITY.
      .map((line) => line.replace(/UID \d{6,}/, 'UID')),
    [
      'a1 OK [APPENDUID 3] Append completed',
      '* 4 EXISTS',
      'a2 OK [APPENDUID 4] Append completed',
      '* 4 FETCH (FLAGS (\\Seen \\Recent))',
      'a3 OK Store completed',
      '* 5 EXISTS',
      'a4 OK [COPYUID 1 5] Copy completed',
      'a5 OK [COPYUID 5 1] Copy completed',
      'a6 OK Store completed',
    ],
  )
})

test('a hundred APPENDs at once: in their order, and each octet of them', async (t) => {
  const { imap, client } = await withMessages(t, 0)
  const bodies = Array.from(
    { length: 100 },
    (_, at) => `Subject: ${at}\r\n\r\n${`${at} `.repeat(at * 40)}\r\n`,
  )
  const lines = await pipeline(
    client,
    bodies.map((body) => `APPEND Target {${body.length}+}\r\n${body}`),
  )
  assert.deepEqual(
    tagged(lines).map((line) => /^a(\d+) OK \[APPENDUID \d+ (\d+)\]/.exec(line)?.slice(1)),
    bodies.map((_, at) => [`${at + 1}`, `${at + 1}`]),
  )
  const account = await imap.store.accounts.find('alice@example.org')
  const target = (await imap.store.mailboxes.find(account!.id, 'Target'))!
  for (const [at, body] of bodies.entries()) {
    const octets = await imap.store.messages.read(target.id, (at + 1) as Uid)
    assert.equal(Buffer.from(octets!).toString('latin1'), body)
  }
})

test('who waits for a continuation hears of what was before it first', async (t) => {
  const { client } = await withMessages(t, 1)
  client.send('a1 STORE 1 +FLAGS.SILENT (\\Seen)\r\na2 APPEND Target {5}\r\n')
  assert.deepEqual(await client.until(/^\+/), ['a1 OK Store completed', '+ OK'])
  client.send('x: y\n\r\n')
  assert.match((await client.until(/^a2/)).at(-1)!, /^a2 OK/)
})

test('IDLE and LOGOUT wait for what was before them', async (t) => {
  const { client } = await withMessages(t, 1)
  client.send('a1 STORE 1 +FLAGS.SILENT (\\Seen)\r\na2 IDLE\r\nDONE\r\na3 STORE 1 -FLAGS.SILENT (\\Seen)\r\n')
  client.send('a4 LOGOUT\r\n')
  assert.deepEqual(
    (await client.until(/^a4/)).map((line) => line.replace(/^(\S+ \S+).*/, '$1')),
    ['a1 OK', '+ idling', 'a2 OK', 'a3 OK', '* BYE', 'a4 OK'],
  )
})

test('the server shuts down: what the store has is answered before the BYE', async (t) => {
  const { imap, client } = await withMessages(t, 1)
  const held = heldBack(t, imap.store.messages, 'changeFlags')
  client.send('a1 STORE 1 +FLAGS.SILENT (\\Seen)\r\na2 STORE 1 +FLAGS.SILENT (\\Draft)\r\n')
  await until(() => held.calls() === 2)
  const closed = imap.service.close(5_000)
  held.release()
  await closed
  assert.deepEqual(
    (await client.until(/BYE/)).map((line) => line.replace(/^(\S+ \S+).*/, '$1')),
    ['a1 OK', 'a2 OK', '* BYE'],
  )
})

test('a client that is gone has its commands carried out', async (t) => {
  const { imap, client } = await withMessages(t, 30)
  client.send(Array.from({ length: 30 }, (_, at) => `a${at} STORE ${at + 1} +FLAGS (\\Seen)\r\n`).join(''))
  client.destroy()
  const other = await imap.login()
  for (let left = 30; left > 0; ) {
    const [line] = await other.ok('STATUS INBOX (UNSEEN)')
    left = Number(/UNSEEN (\d+)/.exec(line!)?.[1])
  }
})

test('a sync that fails: none of those that waited for it is told OK', async (t) => {
  let fails = 0
  let isBroken = false
  const fault = (): Error => {
    fails++
    return Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' })
  }
  const files: FileLayer = {
    ...realFileLayer,
    dataSync: (file) => (isBroken ? Promise.reject(fault()) : realFileLayer.dataSync(file)),
    dataSyncNow: (file) => {
      if (isBroken) throw fault()
      realFileLayer.dataSyncNow(file)
    },
  }
  const { client } = await withMessages(t, 3, { store: { files } })
  t.mock.method(process, 'emitWarning', () => {})
  isBroken = true
  const lines = await pipeline(client, [
    'STORE 1 +FLAGS.SILENT (\\Seen)',
    'COPY 2 Target',
    'STORE 3 +FLAGS (\\Seen)',
    append('Target'),
    'STORE 2 +FLAGS (\\Seen)',
  ])
  isBroken = false
  assert.ok(fails > 0)
  assert.deepEqual(
    tagged(lines).map((line) => line.replace(/^(\S+ \S+).*/, '$1')),
    ['a1 NO', 'a2 NO', 'a3 NO', 'a4 NO', 'a5 NO'],
  )
})

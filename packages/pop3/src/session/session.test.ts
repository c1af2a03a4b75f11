import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hello, startPop3Fixture, until } from '../testkit/pop3-fixture.ts'
import { defaultPop3Options } from './options.ts'

test('RFC 1939 §3: ten minutes of silence end a session, without deleting; commands postpone it', async (t) => {
  const fixture = await startPop3Fixture(t, [hello, hello])
  const client = await fixture.login()
  await client.ask('DELE 1')
  fixture.pass(9 * 60_000)
  assert.equal(await client.ask('NOOP'), '+OK')
  fixture.pass(9 * 60_000)
  assert.equal(await client.ask('NOOP'), '+OK')
  fixture.pass(10 * 60_000 + 3000)
  assert.equal(await client.line(), '-ERR Disconnected for inactivity.')
  assert.equal(await client.line(), undefined)
  const next = await fixture.login()
  assert.match(String(await next.ask('STAT')), /^\+OK 2 /)
  assert.match(fixture.log[1]!.text, /^Disconnected: Inactivity top=0\/0, retr=0\/0, del=1\/2, size=48$/)
})

test('a stranger who keeps talking has to log in all the same', async (t) => {
  const fixture = await startPop3Fixture(t, [])
  const client = await fixture.connect()
  for (let i = 0; i < 4; i++) {
    fixture.pass(50_000)
    await client.ask('CAPA')
  }
  let line = await client.line()
  while (line !== undefined && !line.startsWith('-ERR')) line = await client.line()
  assert.equal(line, '-ERR Disconnected for inactivity.')
  assert.match(
    fixture.log[0]!.text,
    /^Disconnected: Inactivity \(no auth attempts in \d+ secs\): user=<>, rip=127\.0\.0\.1, /,
  )
})

test('shutdown tells clients, applies no deletions, and waits for the command under way', async (t) => {
  const fixture = await startPop3Fixture(t, [hello])
  const idle = await fixture.login()
  await idle.ask('DELE 1')
  const stranger = await fixture.connect()
  const closed = fixture.service.close(5000)
  assert.equal(await idle.line(), '-ERR [SYS/TEMP] Server shutting down.')
  assert.equal(await idle.line(), undefined)
  assert.equal(await stranger.line(), '-ERR [SYS/TEMP] Server shutting down.')
  const late = await fixture.connect()
  assert.equal(await late.line(), '-ERR [SYS/TEMP] Server shutting down.')
  idle.socket.destroy()
  stranger.socket.destroy()
  await closed
  assert.equal(fixture.service.sessions, 0)
  assert.equal((await fixture.store.messages.view(fixture.inbox)).uids.length, 1)
})

test('the lock is free again after a reset connection', async (t) => {
  const fixture = await startPop3Fixture(t, [hello])
  const client = await fixture.login()
  client.socket.resetAndDestroy()
  await until(() => fixture.service.sessions === 0)
  const next = await fixture.login()
  assert.equal(await next.ask('QUIT'), '+OK Logging out.')
})

test('a client that retrieves without reading costs bounded memory, and others are served meanwhile', async (t) => {
  const large = `Subject: large\r\n\r\n${`${'x'.repeat(76)}\r\n`.repeat(40_000)}`
  const fixture = await startPop3Fixture(t, [large])
  const client = await fixture.login()
  client.socket.pause()
  const before = process.memoryUsage()
  client.socket.write('RETR 1\r\n'.repeat(30))
  await new Promise((resolve) => setTimeout(resolve, 50))
  const other = await fixture.connect()
  assert.equal(await other.ask('CAPA'), '+OK')
  await new Promise((resolve) => setTimeout(resolve, 50))
  const after = process.memoryUsage()
  // Three megabytes a message, thirty of them.
  assert.ok(after.arrayBuffers - before.arrayBuffers < 20_000_000)
  client.socket.destroy()
  await until(() => fixture.service.sessions === 1)
})

test('a large message without an empty line gets one, and its every octet', async (t) => {
  const header = `${'X-Line: forty octets of nothing at all\r\n'.repeat(5000)}`
  const fixture = await startPop3Fixture(t, [header])
  const client = await fixture.login()
  const lines = await client.askLines('RETR 1')
  assert.equal(lines[0], `+OK ${header.length} octets`)
  assert.equal(lines.length, 1 + 5000 + 2)
  assert.deepEqual(lines.slice(-2), ['', '.'])
})

test('RFC 1939 §7: TOP between RETR and RETR, of other messages and of the next one', async (t) => {
  const texts = [1, 2, 3, 4].map((number) => `Subject: ${number}\r\n\r\ntext of ${number}\r\n`)
  const fixture = await startPop3Fixture(t, texts)
  const client = await fixture.login()
  for (const next of [1, 2, 3]) {
    const message = texts[next - 1]!.split('\r\n')
    assert.deepEqual((await client.askLines(`RETR ${next}`)).slice(1, -1), message.slice(0, -1))
    // The answer to the next RETR has been made by now.
    assert.equal(await client.ask('NOOP'), '+OK')
    for (const other of [4, next + 1, 1]) {
      assert.deepEqual(await client.askLines(`TOP ${other} 0`), ['+OK', `Subject: ${other}`, '', '.'])
    }
  }
})

test('Dovecot: pop3_reuse_xuidl - what a former server wrote is the unique-id, where it is one', async (t) => {
  const texts = [
    'X-UIDL: abc\r\n',
    'X-UIDL: a b\r\n',
    'x-uidl: <1@x>\r\n',
    'X-UIDL: abc\r\n',
    'A: b\r\n',
  ].map((field) => `${field}\r\ntext\r\n`)
  const options = { ...defaultPop3Options, xUidl: 'kept' as const, uidlFormat: '%u.%v' }
  const fixture = await startPop3Fixture(t, texts, undefined, { options: () => options })
  const client = await fixture.login()
  const ids = (await client.askLines('UIDL')).slice(1, -1).map((line) => line.replace(/\.\d+$/, ''))
  assert.deepEqual(ids, ['1 abc', '2 2', '3 <1@x>', '4 4', '5 5'])
  assert.equal(await client.ask('UIDL 3'), '+OK 3 <1@x>')
  assert.match(String(await client.ask('UIDL 9')), /^-ERR/)
})

test('unique-ids that were kept go before the format, and before X-UIDL', async (t) => {
  const texts = ['X-UIDL: abc\r\n\r\n1\r\n', hello, hello]
  const options = { ...defaultPop3Options, xUidl: 'kept' as const, uidlFormat: '%u' }
  const fixture = await startPop3Fixture(t, texts, undefined, { options: () => options })
  await fixture.store.mailboxes.keepUniqueIds(
    fixture.inbox,
    new Map([
      [1, 'UID17-1300000000'],
      [3, 'old:3'],
    ]),
  )
  const client = await fixture.login()
  assert.equal(await client.ask('UIDL 3'), '+OK 3 old:3')
  assert.deepEqual((await client.askLines('UIDL')).slice(1, -1), ['1 UID17-1300000000', '2 2', '3 old:3'])
})

test('Dovecot: pop3_save_uidl - what a client was told stays, new messages follow the new format', async (t) => {
  let options = { ...defaultPop3Options, toldUidls: 'kept' as const, uidlFormat: 'a%u' }
  const fixture = await startPop3Fixture(t, [hello, hello], undefined, { options: () => options })
  const first = await fixture.login()
  assert.equal(await first.ask('UIDL 1'), '+OK 1 a1')
  await first.ask('QUIT')
  const { store, inbox } = fixture
  const writer = store.messages.stage()
  await writer.write(Buffer.from(hello))
  const message = await writer.finish()
  await store.messages.append(inbox, [{ message, flags: { system: 0, keywords: [] }, internalDateMs: 0 }])
  options = { ...options, uidlFormat: '%g' }
  const second = await fixture.login()
  const { objectId } = (await store.mailboxes.get(inbox))!
  assert.deepEqual((await second.askLines('UIDL')).slice(1, -1), ['1 a1', '2 a2', `3 ${objectId}00000003`])
})

test('LIST and UIDL of a large maildrop come in pieces, commands behind them wait', async (t) => {
  const fixture = await startPop3Fixture(t, [])
  const { store, inbox } = fixture
  for (let batch = 0; batch < 21; batch++) {
    const items = []
    for (let number = 0; number < 200; number++) {
      const writer = store.messages.stage()
      await writer.write(Buffer.from(`A: b\r\n\r\n${'x'.repeat(number)}\r\n`))
      const message = await writer.finish()
      items.push({ message, flags: { system: 0, keywords: [] }, internalDateMs: 0 })
    }
    await store.messages.append(inbox, items)
  }
  const client = await fixture.login()
  assert.equal(await client.ask('DELE 3000'), '+OK Marked to be deleted.')
  client.socket.write('LIST\r\nUIDL\r\nNOOP\r\n')
  const read = async (): Promise<string[]> => {
    const lines: string[] = []
    while (lines.at(-1) !== '.') lines.push(String(await client.line()))
    return lines.slice(0, -1)
  }
  const expected = Array.from({ length: 4_200 }, (_, at) => at + 1).filter((number) => number !== 3_000)
  const sizes = expected.map((number) => `${number} ${10 + ((number - 1) % 200)}`)
  assert.deepEqual(await read(), ['+OK 4199 messages:', ...sizes])
  const uidls = await read()
  assert.deepEqual(
    uidls.slice(1).map((line) => Number(line.split(' ')[0])),
    expected,
  )
  assert.equal(new Set(uidls).size, 4_200)
  assert.equal(await client.line(), '+OK')
})

test('Evolution: UTF8 without a line end is answered, whether its line end comes later or never', async (t) => {
  const fixture = await startPop3Fixture(t, [hello])
  for (const late of ['', '\r\n', '\n']) {
    const client = await fixture.connect()
    client.socket.write('UTF8')
    assert.equal(await client.line(), '+OK UTF8 enabled.')
    client.socket.write(`${late}USER alice\r\n`)
    assert.equal(await client.line(), '+OK')
    assert.equal(await client.ask('PASS secret'), '+OK Logged in.')
    assert.equal(await client.ask('QUIT'), '+OK Logging out.')
  }
  const slow = await fixture.connect()
  slow.socket.write('UTF8')
  slow.socket.write(' x\r\n')
  assert.equal(await slow.line(), '-ERR UTF8 takes no argument.')
  const other = await fixture.connect()
  other.socket.write('NOOP')
  other.socket.write('\r\nUTF8')
  assert.match(String(await other.line()), /^-ERR/)
  other.socket.write('\r\n')
  assert.equal(await other.line(), '+OK UTF8 enabled.')
})

test('RFC 2449 §6.8: commands far ahead of an answer, and then answered all at once, keep nobody waiting', async (t) => {
  const fixture = await startPop3Fixture(t, [hello])
  const client = await fixture.connect()
  const { messages } = fixture.store
  const view = messages.view.bind(messages)
  const held = Promise.withResolvers<void>()
  t.mock.method(messages, 'view', async (...args: Parameters<typeof view>) => {
    await held.promise
    return await view(...args)
  })
  const count = 50_000
  client.socket.write(`USER alice\r\nPASS secret\r\n${'NOOP\r\n'.repeat(count)}`)
  for (let i = 0; i < 20; i++) await new Promise(setImmediate)
  held.resolve()
  assert.equal(await client.line(), '+OK')
  assert.equal(await client.line(), '+OK Logged in.')
  for (let answered = 0; answered < count; answered++) assert.equal(await client.line(), '+OK')
  assert.equal(await client.ask('STAT'), '+OK 1 24')
})

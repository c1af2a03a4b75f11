import assert from 'node:assert/strict'
import { createServer, type Socket } from 'node:net'
import { after, test } from 'node:test'
import type { LogEvent } from '@posthorn/mail'
import { answered, createTables, LookupFailed, LookupWaits, lookupAccessAddress } from './index.ts'

type Reply = (line: string) => string | undefined

const closers: (() => void)[] = []
after(() => {
  for (const close of closers) close()
})

/** Answers each question, split where `frame` says; octet by octet when asked to. */
async function service(
  frame: (text: string) => readonly [question: string, rest: string] | undefined,
  reply: Reply,
  send: (socket: Socket, text: string) => void = (socket, text) => void socket.write(text),
) {
  const asked: string[] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
      for (let next = frame(text); next !== undefined; next = frame(text)) {
        text = next[1]
        asked.push(next[0])
        const said = reply(next[0])
        if (said === undefined) socket.destroy()
        else send(socket, said)
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const bound = server.address()
  return { port: typeof bound === 'object' && bound !== null ? bound.port : 0, asked }
}

const lineOf = (text: string) => {
  const end = text.indexOf('\n')
  return end === -1 ? undefined : ([text.slice(0, end), text.slice(end + 1)] as const)
}

const netstringOf = (text: string) => {
  const [whole, digits] = /^(\d+):/.exec(text) ?? []
  if (whole === undefined) return undefined
  const end = whole.length + Number(digits)
  return text.length <= end ? undefined : ([text.slice(whole.length, end), text.slice(end + 1)] as const)
}

const netstring = (text: string): string => `${Buffer.byteLength(text)}:${text},`

function site() {
  const events: LogEvent[] = []
  const tables = createTables({ log: (event) => void events.push(event), now: Date.now })
  return { tables, lines: () => events.map(({ text }) => text) }
}

const octetByOctet = (socket: Socket, text: string): void => {
  for (const char of text) socket.write(Buffer.from(char, 'latin1'))
}

for (const [how, send] of [
  ['at once', undefined],
  ['octet by octet', octetByOctet],
] as const)
  test(`tcp_table(5): found, not found, encoded keys and values, ${how}`, async () => {
    const replies: Record<string, string> = {
      'get alice@example.org': '200 REJECT%20go%20away%25\n',
      'get a%20b%25%C3%A9': '200 caf%C3%A9\n',
    }
    const { port, asked } = await service(lineOf, (line) => replies[line] ?? '500 not%20found\n', send)
    const { tables } = site()
    const table = tables.open(`tcp:127.0.0.1:${port}`)
    const look = async (key: string) => await answered(() => table.lookup(key))
    assert.equal(await look('alice@example.org'), 'REJECT go away%')
    assert.equal(await look('a b%é'), 'café')
    assert.equal(await look('nobody'), undefined)
    assert.equal(asked.length, 3)
    // Partial keys of access(5): one question after the other, each answer asked for once.
    assert.equal(
      await answered(() =>
        lookupAccessAddress(table, 'x@sub.example.org', '+', { parentMatchesSubdomains: 'yes' }),
      ),
      undefined,
    )
    assert.deepEqual(asked.slice(3), [
      'get x@sub.example.org',
      'get sub.example.org',
      'get example.org',
      'get org',
      'get x@',
    ])
  })

test('tcp_table(5): 400, nonsense, a line without an end and a dead server are failures for now', async () => {
  const { tables, lines } = site()
  for (const said of ['400 database%20down\n', 'hello\n', '200 bad%zz\n', '600 what\n', '2'.repeat(5_000)]) {
    const { port } = await service(lineOf, () => said)
    const table = tables.open(`tcp:127.0.0.1:${port}`)
    await assert.rejects(async () => await answered(() => table.lookup('key')), LookupFailed)
  }
  assert.match(lines()[0] ?? '', /^tcp:127\.0\.0\.1:\d+ lookup error for "key": database down$/)
  assert.throws(() => tables.open('tcp:localhost'), /expected tcp:host:port/)
  assert.throws(() => tables.open('tcp:localhost:99999'), /expected tcp:host:port/)
})

for (const [how, send] of [
  ['at once', undefined],
  ['octet by octet', octetByOctet],
] as const)
  test(`socketmap_table(5): OK, NOTFOUND and the failures, ${how}`, async () => {
    const replies: Record<string, string> = {
      'users alice': 'OK alice@elsewhere.example',
      'users empty': 'OK ',
      'users temp': 'TEMP come again',
      'users late': 'TIMEOUT too slow',
      'users perm': 'PERM broken',
      'users odd': 'WHAT',
    }
    const { port } = await service(netstringOf, (line) => netstring(replies[line] ?? 'NOTFOUND '), send)
    const { tables, lines } = site()
    const table = tables.open(`socketmap:inet:127.0.0.1:${port}:users`)
    const look = async (key: string) => await answered(() => table.lookup(key))
    assert.equal(await look('alice'), 'alice@elsewhere.example')
    assert.equal(await look('empty'), '')
    assert.equal(await look('nobody'), undefined)
    for (const key of ['temp', 'late', 'perm', 'odd']) await assert.rejects(() => look(key), LookupFailed)
    assert.match(lines()[0] ?? '', /lookup error for "temp": TEMP come again$/)
    for (const bad of [
      'socketmap:inet:127.0.0.1:25',
      'socketmap:unix:x',
      'socketmap:/x:y',
      'socketmap:unix:/x:',
    ])
      assert.throws(() => tables.open(bad), /expected socketmap:/, bad)
  })

test('socketmap_table(5): a length that cannot be, or text that is none, is no answer', async () => {
  const { tables } = site()
  for (const said of ['999999:', 'hello', ':x,', '12345678:x']) {
    const { port } = await service(netstringOf, () => said)
    const table = tables.open(`socketmap:inet:127.0.0.1:${port}:m`)
    await assert.rejects(async () => await answered(() => table.lookup('key')), LookupFailed, said)
  }
})

test('an answer that is not there is waited for, once for all who ask; a table in memory never waits', async () => {
  const { port, asked } = await service(lineOf, () => '200 yes\n')
  const { tables } = site()
  const table = tables.open(`proxy:tcp:127.0.0.1:${port}`)
  assert.throws(() => table.lookup('key'), LookupWaits)
  const all = Array.from({ length: 20 }, () => answered(() => table.lookup('key')))
  assert.deepEqual(new Set(await Promise.all(all)), new Set(['yes']))
  assert.equal(asked.length, 1)
  assert.equal(table.lookup('key'), 'yes')
  assert.equal(
    answered(() => tables.open('inline:{a=b}').lookup('a')),
    'b',
  )
  const union = tables.open(`unionmap:{inline:{key=no},tcp:127.0.0.1:${port}}`)
  assert.equal(await answered(() => union.lookup('key')), 'no,yes')
  assert.throws(
    () => tables.openAll([`pipemap:{tcp:127.0.0.1:${port}}`], 'header_checks'),
    /cannot be used in header_checks/,
  )
})

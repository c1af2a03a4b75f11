import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Pop3Client, startPop3Fixture } from '../testkit/pop3-fixture.ts'

const header = 'Subject: x\n\n'
const lines = (count: number, end: string): string => `.${'x'.repeat(50)}${end}`.repeat(count)

/** How messages come by APPEND, and the octets that a client counts. */
const messages: readonly (readonly [text: string, sentBytes: number])[] = [
  ['Subject: x\r\n\r\na\r\n.b\r\n', 21],
  ['Subject: x\n\na\n.b\n', 21],
  ['Subject: x\r\n\r\na\rb\r\n', 20],
  ['Subject: x\r\n\r\na\r\r\n', 19],
  // As many as a placement counts, one more, and many more.
  [header + lines(252, '\n'), 14 + 252 * 53],
  [header + lines(253, '\n'), 14 + 253 * 53],
  [header + lines(3_000, '\n'), 14 + 3_000 * 53],
  // Longer than is sent in one piece.
  [header + lines(6_000, '\n'), 14 + 6_000 * 53],
  [`Subject: y\r\n\r\n${'x\r\n'.repeat(100_000)}`, 300_014],
]

/** What the client has of a message: dots taken out, each line with its end. */
const octetsOf = (answer: readonly string[]): number =>
  answer.slice(1, -1).reduce((sum, line) => sum + line.replace(/^\./, '').length + 2, 0)

async function compared(client: Pop3Client, expected: readonly number[]): Promise<void> {
  const total = expected.reduce((sum, size) => sum + size, 0)
  assert.equal(await client.ask('STAT'), `+OK ${expected.length} ${total}`)
  const listed = (await client.askLines('LIST')).slice(1, -1)
  assert.deepEqual(
    listed,
    expected.map((size, at) => `${at + 1} ${size}`),
  )
  for (const [at, size] of expected.entries()) {
    assert.equal(await client.ask(`LIST ${at + 1}`), `+OK ${at + 1} ${size}`)
    const answer = await client.askLines(`RETR ${at + 1}`)
    assert.equal(answer[0], `+OK ${size} octets`)
    assert.equal(octetsOf(answer), size)
  }
}

test('RFC 1939 §11: sizes are those of lines that end with CRLF, however messages came', async (t) => {
  const fixture = await startPop3Fixture(
    t,
    messages.map(([text]) => text),
  )
  const expected = messages.map(([, sentBytes]) => sentBytes)
  const first = await fixture.login()
  await compared(first, expected)
  await first.ask('DELE 2')
  assert.equal(
    await first.ask('STAT'),
    `+OK ${expected.length - 1} ${expected.reduce((sum, size) => sum + size, -21)}`,
  )
  await first.ask('RSET')
  await first.ask('QUIT')
  const { uids } = await fixture.store.messages.view(fixture.inbox)
  await fixture.store.messages.copy(fixture.inbox, uids, fixture.inbox)
  await compared(await fixture.login(), [...expected, ...expected])
})

test('a large message that is asked for before any size is known is sent whole', async (t) => {
  const [text, sentBytes] = messages[7]!
  const fixture = await startPop3Fixture(t, [text])
  const client = await fixture.login()
  assert.equal(octetsOf(await client.askLines('RETR 1')), sentBytes)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startImapFixture } from '../testkit/imap-fixture.ts'

/** Around every limit at which octets are copied, passed on or read otherwise. */
const sizes = [
  40, 900, 2_048, 12_000, 32_768, 33_000, 65_400, 65_536, 98_000, 98_400, 131_000, 140_000, 270_000,
]

function message(number: number): string {
  const head = `Subject: ${number}\r\n\r\n`
  const line = `${String.fromCharCode(0x61 + number).repeat(70)}\r\n`
  return head + line.repeat(Math.ceil(sizes[number]! / line.length)).slice(0, sizes[number]! - head.length)
}

test('messages asked for one by one, by several clients, pipelined by one, come octet for octet', async (t) => {
  const imap = await startImapFixture(t)
  const writer = await imap.login()
  for (let number = 0; number < sizes.length; number++)
    await writer.append('INBOX', message(number), '(\\Seen)')
  const clients = await Promise.all([0, 1, 2].map(() => imap.login('INBOX')))
  const expected = (number: number): string =>
    `* ${number + 1} FETCH (UID ${number + 1} BODY[] {${sizes[number]}}\r\n${message(number)})`
  const oneByOne = async (client: (typeof clients)[number], from: number): Promise<void> => {
    for (let step = 0; step < 3 * sizes.length; step++) {
      const number = (from + step * 5) % sizes.length
      const item = step % 2 === 0 ? 'BODY.PEEK[]' : 'BODY[]'
      const lines = await client.ok(`UID FETCH ${number + 1} (UID ${item})`)
      assert.equal(lines.slice(0, -1).join('\r\n'), expected(number))
    }
  }
  await Promise.all(clients.slice(0, 2).map((client, index) => oneByOne(client, index * 7)))
  const [, , pipelining] = clients
  const order = Array.from({ length: 60 }, (_, step) => (step * 8) % sizes.length)
  pipelining!.send(order.map((number, step) => `p${step} FETCH ${number + 1} (UID BODY.PEEK[])\r\n`).join(''))
  const others = oneByOne(clients[0]!, 3)
  for (const [step, number] of order.entries()) {
    const lines = await pipelining!.until(new RegExp(`^p${step} OK`))
    assert.equal(lines.slice(0, -1).join('\r\n'), expected(number))
  }
  await others
})

test('RFC 9051 §6.4.5: one message that is not \\Seen is marked by BODY[], and not by BODY.PEEK[]', async (t) => {
  const imap = await startImapFixture(t)
  const client = await imap.login()
  await client.append('INBOX', message(1))
  await client.ok('SELECT INBOX')
  const octets = `{${sizes[1]}}\r\n${message(1)}`
  const answer = async (command: string): Promise<string> =>
    (await client.ok(command)).slice(0, -1).join('\r\n')
  const peek = 'FETCH 1 (FLAGS RFC822.SIZE BODY.PEEK[])'
  assert.equal(await answer(peek), `* 1 FETCH (FLAGS (\\Recent) RFC822.SIZE ${sizes[1]} BODY[] ${octets})`)
  assert.equal(await answer('FETCH 1 BODY[]'), `* 1 FETCH (FLAGS (\\Seen \\Recent) BODY[] ${octets})`)
  assert.equal(await answer('FETCH 1 BODY[]'), `* 1 FETCH (BODY[] ${octets})`)
  assert.equal(
    await answer('FETCH 1 (BODY[TEXT]<3.4> BODY[1]<0.2>)'),
    '* 1 FETCH (BODY[TEXT]<3> {4}\r\nbbbb BODY[1]<0> {2}\r\nbb)',
  )
})

test('one message asked for alone is answered as it is among others, whatever is asked', async (t) => {
  const imap = await startImapFixture(t)
  const writer = await imap.login()
  const plain = 'From: A <a@b.example>\r\nSubject: =?utf-8?q?caf=C3=A9?=\r\nX-Other: 1\r\n\r\ntext\r\n'
  const nested = `MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n${plain}--b--\r\n`
  // Its fields are too many for the summary to keep them.
  const wide = `${Array.from({ length: 3_000 }, (_, at) => `To: Somebody Somewhere <n${at}@b.example>\r\n`).join('')}\r\ntext\r\n`
  for (const text of [plain, nested, wide]) await writer.append('INBOX', text, '(\\Seen $Label1)')
  const client = await imap.login('INBOX')
  await client.ok('ENABLE CONDSTORE')
  for (const items of [
    'FLAGS',
    'UID MODSEQ RFC822.SIZE INTERNALDATE EMAILID SAVEDATE',
    'ENVELOPE',
    'UID FLAGS BODYSTRUCTURE BODY',
    'BODY.PEEK[HEADER]',
    'BODY.PEEK[HEADER.FIELDS (FROM SUBJECT TO)]',
    'BODY.PEEK[HEADER.FIELDS.NOT (FROM)] ENVELOPE',
    'BODY.PEEK[HEADER.FIELDS (X-OTHER)] UID',
    'THREADID UID',
  ]) {
    const together = (await client.ok(`FETCH 1:3 (${items})`)).slice(0, -1).join('\r\n')
    const alone: string[] = []
    for (const number of [1, 2, 3])
      alone.push(...(await client.ok(`FETCH ${number} (${items})`)).slice(0, -1))
    assert.equal(alone.join('\r\n'), together, items)
  }
})

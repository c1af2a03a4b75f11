import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type RawClient, startImapFixture } from '../testkit/imap-fixture.ts'
import { makePart, sectionsOf, structureOf } from '../testkit/mime-tree.ts'
import { randomFrom } from '../testkit/random.ts'

/** What follows the label: NIL, a quoted string or a literal. */
async function fetched(client: RawClient, item: string): Promise<string> {
  const text = (await client.ok(`UID FETCH * (${item})`)).slice(0, -1).join('\r\n')
  const literal = /\] ?(?:<\d+>)? ?\{(\d+)\}\r\n/.exec(text)
  if (literal === null) return /(?:NIL|"((?:[^"\\]|\\.)*)")\)$/.exec(text)?.[1] ?? ''
  const start = literal.index + literal[0].length
  return text.slice(start, start + Number(literal[1]))
}

test('RFC 9051 §6.4.5.1, §7.5.2: structure and sections of random messages are those they were made of', async (t) => {
  const imap = await startImapFixture(t)
  const client = await imap.login()
  const random = randomFrom(2046)
  for (let round = 0; round < 25; round++) {
    const message = makePart(random, 0, 'message')
    const octets = message.header + message.body
    await client.append('INBOX', octets)
    await client.ok('SELECT INBOX')
    const structure = (await client.ok('UID FETCH * (BODY)')).slice(0, -1).join('\r\n')
    assert.equal(/BODY (.*)\)$/s.exec(structure)?.[1], structureOf(message), `${round}: ${octets}`)
    for (const [section, expected] of sectionsOf(message)) {
      const what = `${round} BODY[${section}]: ${octets}`
      assert.equal(await fetched(client, `BODY.PEEK[${section}]`), expected, what)
      const [from, length] = [random(expected.length + 3), 1 + random(40)]
      const partial = await fetched(client, `BODY.PEEK[${section}]<${from}.${length}>`)
      assert.equal(partial, expected.slice(from, from + length), `<${from}.${length}> of ${what}`)
    }
  }
})

test('RFC 9051 §6.4.5.1: parts within parts, 10,000 deep', async (t) => {
  const imap = await startImapFixture(t)
  const client = await imap.login('INBOX')
  const depth = 10_000
  const multiparts = Array.from(
    { length: depth },
    (_, n) => `Content-Type: multipart/mixed; boundary=b${n}\r\n\r\n--b${n}\r\n`,
  )
  await client.append('INBOX', `${multiparts.join('')}\r\nx\r\n`)
  await client.append('INBOX', `${'Content-Type: message/rfc822\r\n\r\n'.repeat(depth)}\r\nx\r\n`)
  for (const number of ['1', '2']) {
    await client.ok(`FETCH ${number} (ENVELOPE BODY BODYSTRUCTURE)`)
    await client.ok(`FETCH ${number} (BODY.PEEK[${'1.'.repeat(50)}1])`)
    await client.ok(`SEARCH ${number} TEXT "nowhere"`)
  }
})

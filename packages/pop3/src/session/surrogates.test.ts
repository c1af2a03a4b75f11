import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hello, startPop3Fixture } from '../testkit/pop3-fixture.ts'
import { defaultPop3Options } from './options.ts'

const octets = (text: string): string => Buffer.from(text).toString('latin1')
const international = octets('Subject: Grüße\r\nFrom: jörg@example.org\r\n\r\nGrüße\r\n.\r\n')
const surrogate = [
  'Subject: =?utf-8?B?R3LDvMOfZQ==?=',
  'From: =?utf-8?B?asO2cmdAZXhhbXBsZS5vcmc=?=',
  ' <invalid@internationalized-address.invalid>',
  '',
]
const large = octets(`Subject: ü\r\n\r\n${`${'x'.repeat(70)}\r\n`.repeat(4_000)}`)
const parts = { options: () => ({ ...defaultPop3Options, surrogates: 'made' as const }) }

test('RFC 6856 §2.1: without UTF8 what has UTF-8 in its header is told in ASCII; sizes are those sent', async (t) => {
  const fixture = await startPop3Fixture(t, [hello, international, hello, large], undefined, parts)
  const client = await fixture.login()
  const sizes = (await client.askLines('LIST')).slice(1, -1).map((line) => Number(line.split(' ')[1]))
  for (const [index, size] of sizes.entries()) {
    const lines = await client.askLines(`RETR ${index + 1}`)
    assert.equal(lines[0], `+OK ${size} octets`)
    const sent = lines.slice(1, -1).map((line) => (line.startsWith('.') ? line.slice(1) : line))
    assert.equal(
      sent.reduce((sum, line) => sum + line.length + 2, 0),
      size,
    )
    if (index === 1) assert.deepEqual(sent, [...surrogate, octets('Grüße'), '.'])
    if (index === 3) assert.deepEqual(sent.slice(0, 3), ['Subject: =?utf-8?B?w7w=?=', '', 'x'.repeat(70)])
  }
  const total = sizes.reduce((sum, size) => sum + size, 0)
  assert.equal(await client.ask('STAT'), `+OK 4 ${total}`)
  assert.deepEqual(await client.askLines('TOP 2 1'), ['+OK', ...surrogate, octets('Grüße'), '.'])
})

test('RFC 6856 §2.1: with UTF8, and unless the options say so, messages come as they are', async (t) => {
  const fixture = await startPop3Fixture(t, [international], undefined, parts)
  const client = await fixture.connect()
  assert.equal(await client.ask('UTF8'), '+OK UTF8 enabled.')
  await client.ask('USER alice')
  assert.equal(await client.ask('PASS secret'), '+OK Logged in.')
  const expected = [...international.split('\r\n').slice(0, -2), '..', '.']
  assert.deepEqual((await client.askLines('RETR 1')).slice(1), expected)
  assert.equal(await client.ask('QUIT'), '+OK Logging out.')
  const plain = await startPop3Fixture(t, [international])
  assert.deepEqual((await (await plain.login()).askLines('RETR 1')).slice(1), expected)
})

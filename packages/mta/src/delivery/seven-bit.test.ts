import assert from 'node:assert/strict'
import { test } from 'node:test'
import { simpleParser } from 'mailparser'
import { sevenBit } from './seven-bit.ts'

interface Parsed {
  readonly text?: string
  readonly html?: string | false
  readonly attachments: readonly { readonly contentType: string; readonly content: Buffer }[]
}

const convert = async (message: Buffer, pieceBytes: number): Promise<Buffer> => {
  const out: Uint8Array[] = []
  const content = async function* () {
    for (let at = 0; at < message.length; at += pieceBytes) yield message.subarray(at, at + pieceBytes)
  }
  for await (const chunk of sevenBit(content)) out.push(chunk)
  return Buffer.concat(out)
}

const lines = (...all: string[]): Buffer => Buffer.from(`${all.join('\r\n')}\r\n`, 'utf8')

const mixed = lines(
  'From: a@b.test',
  'Subject: x',
  'MIME-Version: 1.0',
  'Content-Type: multipart/mixed; boundary="one"',
  'Content-Transfer-Encoding: 8bit',
  '',
  'preamble',
  '--one',
  'Content-Type: text/plain; charset=utf-8',
  'Content-Transfer-Encoding: 8bit',
  '',
  `Grüße = ${'ä'.repeat(40)} `,
  '.second line',
  '',
  '--one',
  'Content-Type: text/plain; charset=us-ascii',
  '',
  'plain = stays',
  '--one',
  'Content-Type: message/rfc822',
  'Content-Transfer-Encoding: 8bit',
  '',
  'Subject: inner',
  'Content-Type: multipart/alternative; boundary=two',
  'Content-Transfer-Encoding: 8bit',
  '',
  '--two',
  'Content-Type: text/html; charset=utf-8',
  'Content-Transfer-Encoding: 8bit',
  '',
  '<p>über</p>',
  '--two--',
  '--one',
  'Content-Type: application/octet-stream; name=b',
  'Content-Disposition: attachment; filename=b',
  'Content-Transfer-Encoding: binary',
  '',
  'ÿþ\tbytes'.repeat(20),
  'more bytes é',
  '--one--',
)

for (const pieceBytes of [1, 7, 100_000]) {
  test(`RFC 6152 §3: each part in 7 bits, and the same to its reader, in pieces of ${pieceBytes}`, async () => {
    const narrow = await convert(mixed, pieceBytes)
    assert.ok(
      narrow.every((octet) => octet < 0x80),
      'an octet above 127 is left',
    )
    assert.ok(
      narrow
        .toString('latin1')
        .split('\r\n')
        .every((line) => line.length <= 78),
    )
    const text = narrow.toString('latin1')
    assert.match(text, /plain = stays/)
    assert.doesNotMatch(text, /8bit|binary/)
    const [before, after] = (await Promise.all([simpleParser(mixed), simpleParser(narrow)])) as [
      Parsed,
      Parsed,
    ]
    assert.equal(after.text, before.text)
    assert.equal(after.html, before.html)
    assert.deepEqual(
      after.attachments
        .filter(({ contentType }) => contentType !== 'message/rfc822')
        .map(({ content }) => content),
      before.attachments
        .filter(({ contentType }) => contentType !== 'message/rfc822')
        .map(({ content }) => content),
    )
    assert.equal(after.attachments.length, before.attachments.length)
  })
}

test('without octets above 127 nothing changes', async () => {
  const plain = lines('Content-Transfer-Encoding: 8bit', '', 'all = ascii ', '')
  assert.deepEqual(await convert(plain, 5), plain)
})

test('8-bit text that says nothing of MIME', async () => {
  const narrow = await convert(lines('Subject: x', '', 'é', 'end'), 4)
  assert.equal(
    narrow.toString('latin1'),
    'Subject: x\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=C3=A9\r\nend\r\n',
  )
})

test('RFC 2045 §6.7: blanks at line ends, lines without an end', async () => {
  const narrow = await convert(Buffer.from('Subject: x\r\n\r\né \t\r\nlast ', 'utf8'), 3)
  assert.match(narrow.toString('latin1'), /\r\n\r\n=C3=A9 =09\r\nlast $/)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { scanMessage } from '@posthorn/mail'
import { previewPart, previewText } from './preview-text.ts'

function previewOf(type: string, encoding: string, body: Buffer): string {
  const header = `MIME-Version: 1.0\r\nContent-Type: ${type}\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n`
  const message = Buffer.concat([Buffer.from(header), body])
  const part = previewPart(scanMessage(message).structure)
  assert.ok(part)
  return previewText(part, message.subarray(part.bodyStart, part.bodyEnd))
}

test('RFC 8970 §4.1: 200 characters, wherever the first octets that are looked at end', () => {
  // What is long and shows little, so that the 200th character stands where the first look ends.
  for (let shift = 0; shift < 24; shift++) {
    const blanks = (octets: number) => Buffer.alloc(octets, ' ')
    const umlauts = Buffer.concat([blanks(3_690 + shift), Buffer.from('äöüß'.repeat(200))])
    assert.equal(previewOf('text/plain; charset=utf-8', '8bit', umlauts), 'äöüß'.repeat(50))
    assert.equal(previewOf('text/plain; charset=x-nobody-knows', '8bit', umlauts), 'äöüß'.repeat(50))
    const quoted = Buffer.concat([blanks(3_385 + shift), Buffer.from('x=C3=A4'.repeat(200))])
    assert.equal(previewOf('text/plain; charset=utf-8', 'quoted-printable', quoted), 'xä'.repeat(100))
    const page = Buffer.concat([blanks(3_235 + shift), Buffer.from('<b>a</b>&#x1F600;'.repeat(200))])
    assert.equal(previewOf('text/html; charset=utf-8', '7bit', page), 'a \u{1f600} '.repeat(50).slice(0, -1))
  }
})

test('RFC 8970 §4.1: words that come late in a page are found', () => {
  const page = Buffer.from(`<style>${'p { margin: 0 }\r\n'.repeat(600)}</style><p>Hello &amp; welcome</p>`)
  assert.equal(previewOf('text/html', '7bit', page), 'Hello & welcome')
})

test('a charset that is decoded at its end only', () => {
  const korean = Buffer.concat([
    Buffer.from('\x1b$)C\x0e'),
    Buffer.alloc(6_000, '\x30\x21'),
    Buffer.from('\x0f'),
  ])
  assert.equal(previewOf('text/plain; charset=iso-2022-kr', '7bit', korean).length, 200)
})

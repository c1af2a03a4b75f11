import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DotStuffer, type NulTreatment } from './dot-stuffing.ts'

function stuff(input: Buffer, cuts: readonly number[] = [], nul: NulTreatment = 'keep-nul'): string {
  const stuffer = new DotStuffer(nul)
  const parts: Uint8Array[] = []
  let from = 0
  for (const to of [...cuts, input.length]) {
    parts.push(stuffer.push(input.subarray(from, to)))
    from = to
  }
  return Buffer.concat(parts).toString('latin1') + stuffer.finish()
}

const rows: readonly { readonly why: string; readonly input: string; readonly expect: string }[] = [
  { why: 'RFC 1939 §3: nothing', input: '', expect: '.\r\n' },
  { why: 'RFC 1939 §3: a line as it should be', input: 'a\r\n', expect: 'a\r\n.\r\n' },
  { why: 'RFC 1939 §3: a dot alone', input: '.\r\n', expect: '..\r\n.\r\n' },
  { why: 'RFC 1939 §3: a dot before text', input: 'a\r\n.b\r\n', expect: 'a\r\n..b\r\n.\r\n' },
  { why: 'a dot inside a line', input: 'a.b.\r\n', expect: 'a.b.\r\n.\r\n' },
  { why: 'no line end at the end', input: 'a', expect: 'a\r\n.\r\n' },
  { why: 'bare LF', input: 'a\nb\n', expect: 'a\r\nb\r\n.\r\n' },
  { why: 'bare LF and a dot', input: 'a\n.\n', expect: 'a\r\n..\r\n.\r\n' },
  { why: 'bare CR', input: 'a\rb', expect: 'a\r\nb\r\n.\r\n' },
  { why: 'bare CR and a dot (CVE-2026-33604)', input: 'a\r.\r\nb\r\n', expect: 'a\r\n..\r\nb\r\n.\r\n' },
  { why: 'CR CR LF', input: 'a\r\r\n.\r\n', expect: 'a\r\n\r\n..\r\n.\r\n' },
  { why: 'LF CR', input: 'a\n\r.b', expect: 'a\r\n\r\n..b\r\n.\r\n' },
  { why: 'CR at the end', input: 'a\r', expect: 'a\r\n.\r\n' },
  { why: 'LF first', input: '\na', expect: '\r\na\r\n.\r\n' },
  { why: 'NUL is kept unless told', input: 'a\0b\r\n', expect: 'a\0b\r\n.\r\n' },
  { why: 'eight bits', input: '\xff\xfe\x80\r\n', expect: '\xff\xfe\x80\r\n.\r\n' },
]

for (const { why, input, expect } of rows)
  test(`stuffing: ${why}`, () => {
    const bytes = Buffer.from(input, 'latin1')
    assert.equal(stuff(bytes), expect)
    for (let cut = 0; cut <= bytes.length; cut++) assert.equal(stuff(bytes, [cut]), expect, `cut at ${cut}`)
    assert.equal(stuff(bytes, [...bytes.keys()]), expect, 'octet by octet')
  })

test('NUL becomes 0x80 for Outlook (Dovecot: outlook-no-nuls)', () => {
  const input = Buffer.from('a\0\0\r\n.\0')
  for (let cut = 0; cut <= input.length; cut++)
    assert.equal(stuff(input, [cut], 'replace-nul'), 'a\x80\x80\r\n..\x80\r\n.\r\n')
})

test('a chunk without anything to change is not copied', () => {
  const chunk = Buffer.from('Subject: x\r\n\r\nbody\r\n')
  assert.equal(new DotStuffer('replace-nul').push(chunk), chunk)
})

test('however a message is cut: CRLF lines only, one end, and unstuffing gives it back', () => {
  // Mostly text, so that the stretches without anything to change are long, too.
  const octet = fc.oneof({ weight: 3, arbitrary: fc.constant(65) }, fc.constantFrom(10, 13, 46, 65, 0, 255))
  fc.assert(
    fc.property(
      fc.array(octet, { maxLength: 200 }),
      fc.array(fc.nat(200), { maxLength: 5 }),
      (octets, places) => {
        const input = Buffer.from(octets)
        const cuts = places.map((place) => Math.min(place, input.length)).sort((a, b) => a - b)
        const sent = stuff(input, cuts)
        assert.ok(!/\r(?!\n)|(?<!\r)\n/.test(sent), 'a bare CR or LF was sent')
        const lines = sent.split('\r\n')
        assert.equal(lines.pop(), '')
        assert.equal(lines.indexOf('.'), lines.length - 1, 'the response ends once, at its end')
        const back = lines.slice(0, -1).map((line) => `${line.replace(/^\./, '')}\r\n`)
        const canonical = input.toString('latin1').replace(/\r\n|\r|\n/g, '\r\n')
        const complete = canonical === '' || canonical.endsWith('\r\n') ? canonical : `${canonical}\r\n`
        assert.equal(back.join(''), complete)
      },
    ),
  )
})

test('whole words are looked at at once: every octet counts wherever it lies in one', () => {
  for (const odd of ['\r', '\n', '\n.', '\r.', '\0', '\r\n.', '\r\n'])
    for (let at = 0; at < 48; at++)
      for (let from = 0; from < 4; from++) {
        const text = `${'x'.repeat(at)}${odd}${'y'.repeat(48 - at)}`
        const room = Buffer.alloc(from + text.length)
        room.write(text, from, 'latin1')
        const lines = text.replace(/\r\n|\r|\n/g, '\r\n').replace(/(^|\r\n)\./g, '$1..')
        assert.equal(stuff(room.subarray(from)), `${lines}\r\n.\r\n`, `${JSON.stringify(odd)} at ${at}`)
      }
})

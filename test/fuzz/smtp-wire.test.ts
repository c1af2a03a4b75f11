import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseNextHop } from '../../packages/mta/src/delivery/next-hop.ts'
import { countHops } from '../../packages/mta/src/queue/job.ts'
import { readRemoteReply } from '../../packages/smtp/src/client/reply.ts'
import { parseCommandLine } from '../../packages/smtp/src/wire/command-line.ts'
import { DataReader } from '../../packages/smtp/src/wire/data-reader.ts'
import { DotStuffer } from '../../packages/smtp/src/wire/dot-stuffer.ts'
import { parseMailCommand, parseRcptCommand } from '../../packages/smtp/src/wire/envelope-command.ts'
import { formatReply } from '../../packages/smtp/src/wire/reply.ts'
import { decodeXtext, encodeXtext } from '../../packages/smtp/src/wire/xtext.ts'

const numRuns = Number(process.env['FUZZ_RUNS'] ?? 2000)
const has = {
  dsn: true,
  requireTls: true,
  verp: true,
  smtpUtf8: true,
  syntax: 'lenient' as const,
  hyphens: 'refused' as const,
  numericDomains: 'refused' as const,
}
const octets = fc.array(fc.oneof(fc.constantFrom(13, 10, 46, 97, 0, 255), fc.nat(255)), { maxLength: 200 })
const argument = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc
    .array(
      fc.constantFrom(
        'FROM:',
        'TO:',
        '<',
        '>',
        '"',
        '\\',
        '@',
        'a',
        '.',
        ' ',
        'SIZE=',
        '1',
        'NOTIFY=',
        'NEVER',
        ',',
        'ORCPT=',
        'rfc822;',
        '+2B',
        '+',
        '=',
        '[',
        ']',
        ':',
        'RET=FULL',
        'ENVID=',
        'ä',
        '\r',
        '\n',
        '\0',
      ),
      { maxLength: 30 },
    )
    .map((parts) => parts.join('')),
)

test('commands: every argument has one outcome, and none brings a line break in', () => {
  fc.assert(
    fc.property(argument, (text) => {
      for (const parse of [parseMailCommand, parseRcptCommand] as const) {
        const parsed = parse(text, has)
        if (!parsed.ok) assert.doesNotMatch(formatReply(parsed.reply).slice(0, -2), /[\r\n\0]/)
        else {
          assert.doesNotMatch(parsed.value.address, /[\x00-\x1f\x7f]/)
          // What was taken is taken again as it was written down.
          const again =
            parse === parseMailCommand ? `FROM:<${parsed.value.address}>` : `TO:<${parsed.value.address}>`
          const twice = parse(again, has)
          assert.ok(twice.ok, again)
          assert.equal(twice.value.address, parsed.value.address)
        }
      }
      const { verb, argument } = parseCommandLine(text)
      assert.ok(verb.length <= text.length * 3 && argument.length <= text.length)
    }),
    { numRuns },
  )
})

test('a message survives the way through another server, whatever its octets', () => {
  fc.assert(
    fc.property(octets, fc.integer({ min: 1, max: 50 }), fc.constantFrom(0, 5, 998), (list, step, limit) => {
      const message = Buffer.from(list)
      const stuffer = new DotStuffer(limit)
      const sent: Uint8Array[] = []
      for (let at = 0; at < message.length; at += step)
        sent.push(stuffer.push(message.subarray(at, at + step)))
      sent.push(stuffer.finish())
      const wire = Buffer.concat(sent)
      for (const bareLf of ['strict', 'lenient'] as const) {
        let got = Buffer.alloc(0)
        const reader = new DataReader({
          sink: (chunk) => {
            got = Buffer.concat([got, chunk])
          },
          bareLf,
          commandEnd: 'crlf',
        })
        assert.equal(reader.push(wire, 0), wire.length, 'the end is at the end')
        assert.ok(reader.ended)
        assert.doesNotMatch(got.toString('latin1'), /\r(?!\n)|(?<!\r)\n/)
        if (limit > 0)
          for (const line of got.toString('latin1').split('\r\n')) assert.ok(line.length <= limit + 1)
        const flat = (text: string): string => text.replace(/[\r\n ]/g, '')
        assert.equal(flat(got.toString('latin1')), flat(message.toString('latin1')))
      }
    }),
    { numRuns },
  )
})

test('replies, xtext, next hops, headers: total', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
      const reply = readRemoteReply(text)
      assert.ok(reply.code >= 200 && reply.code < 600)
      assert.match(reply.status, /^[245]\.\d{1,3}\.\d{1,3}$/)
      assert.doesNotMatch(reply.text, /[\x00-\x1f\x7f]/)
      const decoded = decodeXtext(text)
      if (decoded !== undefined) assert.equal(decodeXtext(encodeXtext(decoded)), decoded)
      parseNextHop(text)
      countHops(Buffer.from(text))
    }),
    { numRuns },
  )
})

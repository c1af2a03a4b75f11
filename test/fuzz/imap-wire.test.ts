/**
 * IMAP's wire layer under arbitrary input. Properties: total (only SyntaxFault and StoreError are thrown),
 * independent of how the octets are split, bounded in memory.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StoreError } from '@posthorn/storage'
import fc from 'fast-check'
import { fetchItems, fetchModifiers } from '../../packages/imap/src/wire/fetch-items.ts'
import { Framer } from '../../packages/imap/src/wire/framer.ts'
import {
  canonicalName,
  decodeMailboxName,
  decodeUtf8MailboxName,
  encodeMailboxName,
} from '../../packages/imap/src/wire/mailbox-name.ts'
import { formatNumbers, NumberSet, pick } from '../../packages/imap/src/wire/number-set.ts'
import { Parser } from '../../packages/imap/src/wire/parser.ts'
import { type SearchScope, searchProgram } from '../../packages/imap/src/wire/search-program.ts'
import { SyntaxFault } from '../../packages/imap/src/wire/syntax-fault.ts'

const runs = { numRuns: Number(process.env.FUZZ_RUNS ?? 2000) }

/** Octets in which the grammar's own pieces are as likely as noise. */
const imapText = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        ...[
          'a ',
          '\r\n',
          '\n',
          '\r',
          '{3}',
          '{3+}',
          '{0+}',
          '~{2+}',
          '{99999999999}',
          '{300+}',
          '"',
          '\\',
          '(',
          ')',
          ' ',
          '\0',
        ],
        ...[
          'NOOP',
          'UID FETCH ',
          '1:*',
          '4294967295',
          '$',
          '*',
          'BODY[',
          ']',
          '<0.1>',
          'HEADER.FIELDS',
          'NIL',
          '%',
          '&',
          '-',
        ],
        ...[
          'OR ',
          'NOT ',
          'SUBJECT ',
          'CHARSET ',
          '1-Jan-2020',
          '\\Seen',
          '+FLAGS',
          'INBOX',
          '&AOQ-',
          '\xe4',
          '\xc3\xa4',
          ',',
        ],
      ),
      fc.string({ maxLength: 4 }),
      fc.uint8Array({ maxLength: 4 }).map((octets) => Buffer.from(octets).toString('latin1')),
    ),
    { maxLength: 40 },
  )
  .map((pieces) => Buffer.from(pieces.join(''), 'latin1'))

const limits = { commandBytes: 128, swallowBytes: 256 }

/** What the framer makes of the pieces; every third literal is refused, every other one streamed. */
function framed(pieces: readonly Buffer[]): string[] {
  const framer = new Framer(limits)
  const events: string[] = []
  let literals = 0
  let octets = ''
  for (const piece of pieces) {
    framer.push(piece)
    for (let event = framer.next(); event !== undefined; event = framer.next()) {
      switch (event.kind) {
        case 'literal':
          events.push(`literal ${event.sizeBytes} ${event.sync} ${event.soFar.text.toString('latin1')}`)
          if (literals % 3 === 2 || (literals % 3 === 0 && !event.fits)) framer.refuse()
          else if (literals % 3 === 0) framer.buffer()
          else framer.stream()
          literals++
          break
        case 'octets':
          octets += event.octets.toString('latin1')
          if (event.last) events.push(`octets ${octets}`)
          if (event.last) octets = ''
          break
        case 'command':
          assert.ok(event.frame.text.length <= limits.commandBytes + 64 * 24)
          events.push(`command ${event.frame.text.toString('latin1')} ${event.frame.literals.length}`)
          break
        case 'unreadable':
          events.push(`unreadable ${event.reason}`)
          break
        default:
          events.push(event.kind)
      }
    }
  }
  return events
}

test('framer: the same events however the octets are split', () => {
  fc.assert(
    fc.property(imapText, fc.array(fc.nat(200), { maxLength: 8 }), (octets, cuts) => {
      const places = [...new Set(cuts.map((cut) => cut % (octets.length + 1)))].sort((a, b) => a - b)
      const pieces = [...places, octets.length].map((end, at) => octets.subarray(places[at - 1] ?? 0, end))
      const whole = framed([octets])
      assert.deepEqual(framed(pieces), whole)
      assert.deepEqual(framed([...octets].map((octet) => Buffer.from([octet]))), whole)
    }),
    runs,
  )
})

test('framer: nothing is kept beyond the limits', () => {
  fc.assert(
    fc.property(imapText, (octets) => {
      const framer = new Framer(limits)
      for (let round = 0; round < 20; round++) {
        framer.push(octets)
        for (let event = framer.next(); event !== undefined; event = framer.next()) {
          if (event.kind === 'literal') framer.refuse()
        }
        assert.equal(framer.pendingBytes, 0)
      }
    }),
    runs,
  )
})

const scope: SearchScope = {
  sequenceRanges: (set) => (set.saved ? [] : set.ranges(3)),
  uidRanges: (set) => set.ranges(3),
  recentRanges: () => [],
  nowMs: 0,
}

const readers: readonly ((p: Parser) => unknown)[] = [
  (p) => p.tag(),
  (p) => p.astring(),
  (p) => p.nstring(),
  (p) => p.literal8(),
  (p) => p.number64(),
  (p) => p.numberSet(),
  (p) => p.mailbox(),
  (p) => p.listMailbox(),
  (p) => p.flagList(),
  (p) => p.storeFlags(),
  (p) => p.dateTime(),
  (p) => p.date(),
  (p) => p.list(() => p.list(() => p.astring())),
  (p) => [fetchItems(p), fetchModifiers(p)],
  (p) => searchProgram(p, scope),
]

test('parser: every rule ends, with a value or a fault', () => {
  fc.assert(
    fc.property(imapText, fc.array(imapText, { maxLength: 2 }), fc.boolean(), (text, literals, utf8) => {
      for (const read of readers) {
        try {
          const p = new Parser({ text, literals }, { utf8 })
          read(p)
          p.end()
        } catch (error) {
          assert.ok(error instanceof SyntaxFault || error instanceof StoreError, String(error))
          assert.match(error.message, /^[\x20-\x7e]{1,200}$/)
        }
      }
    }),
    runs,
  )
})

test('modified UTF-7: decode and encode are each other’s inverse on canonical names', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 30 }), (text) => {
      const name = canonicalName(text)
      if (name === undefined) return
      assert.equal(decodeMailboxName(Buffer.from(encodeMailboxName(name), 'latin1')), name)
      assert.equal(decodeUtf8MailboxName(Buffer.from(name)), name)
    }),
    runs,
  )
})

test('modified UTF-7: what is accepted is the one spelling of its name', () => {
  const shifted = fc
    .array(fc.constantFrom(...'&-+,/AaBb019OQPY2D3e'), { maxLength: 12 })
    .map((chars) => Buffer.from(chars.join('')))
  fc.assert(
    fc.property(fc.oneof(shifted, imapText), (wire) => {
      const name = decodeMailboxName(wire)
      if (name === undefined || name.startsWith('INBOX')) return
      const spelling = encodeMailboxName(name)
      // Only composition (NFC) may have changed it.
      if (spelling !== wire.toString('latin1')) assert.match(wire.toString('latin1'), /&[A-Za-z0-9+,]+-/)
      assert.equal(decodeMailboxName(Buffer.from(spelling, 'latin1')), name)
    }),
    runs,
  )
})

test('number sets: resolving equals expanding', () => {
  const number = fc.oneof(fc.integer({ min: 1, max: 60 }), fc.constantFrom('*', 4_294_967_295))
  const range = fc.oneof(
    number.map(String),
    fc.tuple(number, number).map((pair) => pair.join(':')),
  )
  fc.assert(
    fc.property(
      fc.array(range, { minLength: 1, maxLength: 8 }),
      fc.uniqueArray(fc.integer({ min: 1, max: 70 }), { minLength: 1, maxLength: 40 }),
      (ranges, numbers) => {
        const uids = Uint32Array.from(numbers).sort()
        const last = uids.at(-1)!
        const value = (text: string) => (text === '*' ? last : Number(text))
        const wanted = uids.filter((uid) =>
          ranges.some((text) => {
            const [first, second = first] = text.split(':').map(value)
            return uid >= Math.min(first!, second!) && uid <= Math.max(first!, second!)
          }),
        )
        const set = NumberSet.parse(ranges.join(','), () => new SyntaxFault('set'))
        const picked = pick(uids, set.uidIndexes(uids))
        assert.deepEqual([...picked], [...wanted])
        if (picked.length === 0) return
        const again = NumberSet.parse(formatNumbers(picked), () => new SyntaxFault('set'))
        assert.deepEqual([...pick(uids, again.uidIndexes(uids))], [...picked])
      },
    ),
    runs,
  )
})

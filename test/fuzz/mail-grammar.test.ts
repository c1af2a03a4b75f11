import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  createTransferDecoder,
  decodeParameters,
  decodeTransfer,
  decodeWords,
  encodeWords,
  foldCase,
  formatAddress,
  formatDate,
  formatField,
  headerEnd,
  headerFields,
  hiddenRoute,
  parseAddress,
  parseAddressEntries,
  parseAddressList,
  parseDate,
  parseForwardPath,
  parseReversePath,
  selectFields,
  splitPathArgument,
  unfold,
} from '@posthorn/mail'
import fc from 'fast-check'

const runs = Number(process.env.FUZZ_RUNS ?? 1000)
const check = <T>(arbitrary: fc.Arbitrary<T>, predicate: (value: T) => void): void =>
  fc.assert(fc.property(arbitrary, predicate), { numRuns: runs })

const bits = (...pieces: string[]): fc.Arbitrary<string> =>
  fc
    .array(
      fc.oneof(
        { weight: 5, arbitrary: fc.constantFrom(...pieces) },
        { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 4 }) },
      ),
      { maxLength: 40, size: 'max' },
    )
    .map((parts) => parts.join(''))
const octets = (arbitrary: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  arbitrary.map((text) => Buffer.from(text).toString('latin1'))

const addressBits = bits(
  'a',
  'b.c',
  '@',
  '"',
  '\\',
  '<',
  '>',
  ',',
  ';',
  ':',
  '(',
  ')',
  '[',
  ']',
  '.',
  ' ',
  '\r\n ',
  'ä',
  '%',
  '!',
  '[1.2.3.4]',
)

test('addresses: total; what parses, formats and parses to the same', () => {
  check(addressBits, (text) => {
    for (const parse of [parseAddress, parseReversePath, parseForwardPath]) {
      const address = parse(text)
      if (address === undefined) continue
      const formatted = formatAddress(address)
      assert.doesNotMatch(formatted, /[\0-\x1f\x7f]/)
      if (formatted !== '') assert.deepEqual(parseReversePath(`<${formatted}>`), address)
    }
    splitPathArgument(text)
    hiddenRoute(text)
    parseAddress(Buffer.from(text))
  })
})

test('address lists: total, groups are balanced', () => {
  check(octets(addressBits), (field) => {
    let inGroup = false
    for (const entry of parseAddressEntries(field)) {
      if (entry.host !== undefined) continue
      assert.equal(entry.mailbox === undefined, inGroup)
      inGroup = !inGroup
    }
    assert.equal(inGroup, false)
    parseAddressList(field)
  })
})

test('address lists: formatted addresses are found again', () => {
  const word = fc.string({ unit: fc.constantFrom(...'abcxyz019+-_'), minLength: 1, maxLength: 12 })
  const entry = fc.record({
    name: fc.string({ unit: fc.constantFrom(...'ab ,;<>"\\()@:.'), maxLength: 12 }),
    local: word,
    domain: word,
  })
  check(fc.array(entry, { maxLength: 12 }), (entries) => {
    const field = entries
      .map(({ name, local, domain }) => `"${name.replace(/["\\]/g, '\\$&')}" <${local}@${domain}>`)
      .join(', ')
    assert.deepEqual(
      parseAddressEntries(field),
      entries.map(({ name, local, domain }) => ({
        name: name === '' ? undefined : name,
        mailbox: local,
        host: domain,
      })),
    )
  })
})

test('headers: fields tile the header, selecting every name keeps every field', () => {
  check(octets(bits('A', 'Bc', ':', ' ', '\t', '\r\n', '\n', '\r', '\r\n ', 'ä')), (text) => {
    const fields = [...headerFields(text)]
    let at = 0
    for (const field of fields) {
      assert.ok(field.start >= at && field.end > field.start)
      at = field.end
    }
    assert.ok(at <= headerEnd(Buffer.from(text, 'latin1')))
    const names = new Set(fields.map(({ name }) => name.toLowerCase()))
    assert.equal(selectFields(text, names), fields.map(({ start, end }) => text.slice(start, end)).join(''))
    for (const field of fields) assert.doesNotMatch(unfold(field.rawValue), /[\r\n]/)
  })
})

test('encoded words: total; decode after encode is the same text', () => {
  check(
    octets(
      bits(
        '=?',
        '?=',
        '?',
        'utf-8',
        'Q',
        'B',
        '_',
        '=C3',
        '=A4',
        'w6Q=',
        ' ',
        '\r\n ',
        'iso-2022-jp',
        '\x1b$B',
      ),
    ),
    (text) => {
      assert.equal(typeof decodeWords(text), 'string')
    },
  )
  check(fc.string({ unit: 'grapheme', maxLength: 200, size: 'max' }), (text) => {
    const clean = text.toWellFormed().replace(/[\0-\x1f\x7f]+/g, ' ')
    assert.match(encodeWords(text), /^[\x20-\x7e]*$/)
    assert.equal(decodeWords(encodeWords(text)), clean)
  })
})

test('header writer: one field whatever the value, unfolded it is the value', () => {
  check(fc.string({ unit: 'binary', maxLength: 300, size: 'max' }), (value) => {
    const written = formatField('Subject', value)
    const fields = [...headerFields(written)]
    assert.equal(fields.length, 1)
    assert.equal(fields[0]?.end, written.length)
    assert.equal(headerEnd(written), written.length)
  })
})

test('parameters: total', () => {
  check(
    octets(bits('a', ';', '=', '"', '\\', '*', '*0', '*1*', "utf-8''", '%41', '(', ')', ' ', '\r\n ', "'")),
    (field) => {
      const { parameters } = decodeParameters(field)
      for (const value of parameters.values()) assert.equal(typeof value, 'string')
    },
  )
})

test('dates: total; parse after format is the same', () => {
  check(
    bits(
      'Fri',
      ', ',
      '21',
      ' ',
      'Nov',
      '1997',
      '09:55:06',
      '-0600',
      ':',
      '(',
      ')',
      'GMT',
      '-',
      '+',
      '60',
      '.',
    ),
    (text) => {
      const date = parseDate(text)
      if (date !== undefined) assert.ok(Number.isSafeInteger(date.ms) && Number.isSafeInteger(date.day))
    },
  )
  check(
    fc.tuple(
      fc.integer({ min: -62_000_000_000, max: 250_000_000_000 }),
      fc.integer({ min: -1439, max: 1439 }),
    ),
    ([seconds, offset]) => {
      const ms = seconds * 1000
      if (new Date(ms + offset * 60_000).getUTCFullYear() < 1000) return
      if (new Date(ms + offset * 60_000).getUTCFullYear() > 9999) return
      const date = parseDate(formatDate(ms, offset))
      assert.equal(date?.ms, ms)
      assert.equal(date?.offsetMinutes, offset)
    },
  )
})

test('transfer encodings: any chunking gives the same; decode after encode is the same', () => {
  const encoded = octets(bits('YWJj', 'YQ==', '=', '=41', '=c', ' ', '\t', '\r\n', '\n', '\r', '-', '_', 'ä'))
  const cuts = fc.array(fc.nat(200), { maxLength: 6 })
  check(
    fc.tuple(encoded, cuts, fc.constantFrom('base64', 'quoted-printable')),
    ([text, places, encoding]) => {
      const bytes = Buffer.from(text, 'latin1')
      const decoder = createTransferDecoder(encoding)
      const parts: Buffer[] = []
      let from = 0
      for (const cut of [...places.map((c) => c % (bytes.length + 1)), bytes.length].sort((a, b) => a - b)) {
        parts.push(Buffer.from(decoder.push(bytes.subarray(from, cut))))
        from = cut
      }
      parts.push(Buffer.from(decoder.finish()))
      assert.deepEqual(Buffer.concat(parts), Buffer.from(decodeTransfer(bytes, encoding)))
    },
  )
  check(fc.uint8Array({ maxLength: 300, size: 'max' }), (bytes) => {
    const text = Buffer.from(bytes).toString('base64').replace(/.{76}/g, '$&\r\n')
    assert.deepEqual(Buffer.from(decodeTransfer(Buffer.from(text), 'base64')), Buffer.from(bytes))
  })
})

test('case folding: total, idempotent', () => {
  check(fc.string({ unit: 'grapheme', maxLength: 60, size: 'max' }), (text) =>
    assert.equal(foldCase(foldCase(text)), foldCase(text)),
  )
})

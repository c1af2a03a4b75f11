import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asciiDomain, formatAddress, normalizeAddress, parseAddress } from './address.ts'
import { literalAddress } from './address-literal.ts'

const accepted: readonly [input: string, local: string, domain: string, formatted?: string][] = [
  ['a@b', 'a', 'b'],
  ['Alice.Smith+tag@Example.ORG', 'Alice.Smith+tag', 'Example.ORG'],
  ["!#$%&'*+-/=?^_`{|}~@example.org", "!#$%&'*+-/=?^_`{|}~", 'example.org'],
  ['"a b"@example.org', 'a b', 'example.org'],
  ['"a\\"b\\\\c"@example.org', 'a"b\\c', 'example.org'],
  ['"a"@example.org', 'a', 'example.org', 'a@example.org'],
  ['"a".b@example.org', 'a.b', 'example.org', 'a.b@example.org'],
  ['""@example.org', '', 'example.org'],
  ['"a@b"@example.org', 'a@b', 'example.org'],
  ['a@b@example.org', 'a@b', 'example.org', '"a@b"@example.org'],
  ['a..b@example.org', 'a..b', 'example.org', '"a..b"@example.org'],
  ['.a.@example.org', '.a.', 'example.org', '".a."@example.org'],
  ['a@[192.0.2.1]', 'a', '[192.0.2.1]'],
  ['a@[IPv6:2001:db8::1]', 'a', '[IPv6:2001:db8::1]'],
  ['a@[ipv6:::ffff:192.0.2.1]', 'a', '[ipv6:::ffff:192.0.2.1]'],
  ['a@example.org.', 'a', 'example.org', 'a@example.org'],
  ['a@_spf.example.org', 'a', '_spf.example.org'],
  ['用户@例子.广告', '用户', '例子.广告'],
  ['jörg@xn--mnchen-3ya.de', 'jörg', 'xn--mnchen-3ya.de'],
  [`${'a'.repeat(512)}@example.org`, 'a'.repeat(512), 'example.org'],
]

for (const [input, local, domain, formatted] of accepted) {
  test(`RFC 5321 §4.1.2, RFC 6531 §3.3: accepts ${input.slice(0, 60)}`, () => {
    assert.deepEqual(parseAddress(input), { local, domain })
    assert.deepEqual(parseAddress(Buffer.from(input)), { local, domain })
    assert.equal(formatAddress({ local, domain }), formatted ?? input)
    assert.deepEqual(parseAddress(formatAddress({ local, domain })), { local, domain })
  })
}

const refused: readonly [name: string, input: string | Buffer][] = [
  ['nothing', ''],
  ['no domain', 'a'],
  ['no local part', '@b'],
  ['no domain after @', 'a@'],
  ['CVE-2020-10967: an empty quoted string without domain', '""@'],
  ['an empty quoted string alone', '""'],
  ['an open quoted string', '"a@b'],
  ['a quote inside an atom', 'a"b"@c'],
  ['text after a quoted string', '"a"b@c'],
  ['a blank', 'a b@c'],
  ['a comma', 'a,b@c'],
  ['angle brackets', '<a@b>'],
  ['NUL', 'a\0b@c'],
  ['NUL in quotes', '"a\0b"@c'],
  ['CR LF in quotes', '"a\r\nb"@c'],
  ['DEL', 'a\x7f@b'],
  ['C1 control', 'a\u0085@b'],
  ['line separator', 'a\u2028@b'],
  ['lone surrogate', 'a\ud800@b'],
  ['broken UTF-8', Buffer.from([0x61, 0xff, 0x40, 0x62])],
  ['overlong UTF-8', Buffer.from([0x61, 0xc0, 0x80, 0x40, 0x62])],
  ['a leading dot in the domain', 'a@.b'],
  ['two dots in the domain', 'a@b..c'],
  ['a blank in the domain', 'a@b c'],
  ['a slash in the domain', 'a@b/c'],
  ['a colon in the domain', 'a@b:c'],
  ['a percent sign in the domain', 'a@b%c'],
  ['a full-width dot', 'a@b\uff0ec'],
  ['an ideographic stop', 'a@b\u3002c'],
  ['a full-width at sign in the domain', 'a@b\uff20c'],
  ['a label of 64', `a@${'b'.repeat(64)}.c`],
  ['a domain of 256', `a@${'b.'.repeat(127)}bb`],
  ['a local part of 513', `${'a'.repeat(513)}@b`],
  ['a megabyte', `${'a'.repeat(1 << 20)}@b`],
  ['a literal out of range', 'a@[1.2.3.256]'],
  ['a short literal', 'a@[1.2.3]'],
  ['an untagged IPv6 literal', 'a@[::1]'],
  ['a literal with two ::', 'a@[IPv6:1::2::3]'],
  ['a literal with nine groups', 'a@[IPv6:1:2:3:4:5:6:7:8:9]'],
  ['an open literal', 'a@[1.2.3.4'],
  ['text after a literal', 'a@[1.2.3.4]x'],
]

for (const [name, input] of refused) {
  test(`RFC 5321 §4.1.2: refuses ${name}`, () => assert.equal(parseAddress(input), undefined))
}

test('RFC 5321 §2.3.11: the domain is compared in lower case, the local part kept', () => {
  assert.deepEqual(normalizeAddress({ local: 'Al', domain: 'EX.org' }), { local: 'Al', domain: 'ex.org' })
})

test('RFC 5890 §2.3.2.1: domains for look-ups are A-labels', () => {
  assert.equal(asciiDomain('MÜNCHEN.de'), 'xn--mnchen-3ya.de')
  assert.equal(asciiDomain('Example.ORG'), 'example.org')
  assert.equal(asciiDomain('[IPv6:::1]'), '[ipv6:::1]')
})

test('RFC 5321 §4.1.3: address literals', () => {
  assert.equal(literalAddress('[192.0.2.1]'), '192.0.2.1')
  assert.equal(literalAddress('[IPv6:1:2:3:4:5:6:7::]'), '1:2:3:4:5:6:7::')
  assert.equal(literalAddress('[IPv6:1:2:3:4:5:6:7:8]'), '1:2:3:4:5:6:7:8')
  assert.equal(literalAddress('[IPv6:1:2:3:4:5:6:7]'), undefined)
  assert.equal(literalAddress('[IPv6:1:2:3:4:5:6:7:8::]'), undefined)
})

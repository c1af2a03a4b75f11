import assert from 'node:assert/strict'
import { test } from 'node:test'
import { maxAddressTokens, parseAddressEntries, parseAddressList } from './address-list.ts'

type Row = readonly [name: string | null, mailbox: string | null, host: string | null]
const rows: readonly [input: string, ...entries: Row[]][] = [
  [''],
  ['a@b', [null, 'a', 'b']],
  ['a@b, c@d', [null, 'a', 'b'], [null, 'c', 'd']],
  ['Anna Keller <p1@example.org>', ['Anna Keller', 'p1', 'example.org']],
  ['"Keller, Anna" <p1@example.org>', ['Keller, Anna', 'p1', 'example.org']],
  ['"A \\"B\\" C" <a@b>', ['A "B" C', 'a', 'b']],
  ['Joe Q. Public <john.q.public@example.com>', ['Joe Q. Public', 'john.q.public', 'example.com']],
  ['<a@b>', [null, 'a', 'b']],
  ['a@b (Anna Keller)', ['Anna Keller', 'a', 'b']],
  ['(c) a (d) @ (e) b (f)', ['f', 'a', 'b']],
  [
    'A Group:Ed Jones <joe@where.test>,joe@where.test,John <jdoe@one.test>;',
    [null, 'A Group', null],
    ['Ed Jones', 'joe', 'where.test'],
    [null, 'joe', 'where.test'],
    ['John', 'jdoe', 'one.test'],
    [null, null, null],
  ],
  ['Undisclosed recipients:;', [null, 'Undisclosed recipients', null], [null, null, null]],
  [
    '(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;',
    [null, 'Hidden recipients', null],
    [null, null, null],
  ],
  ['Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>', ['Pete', 'pete', 'silly.test']],
  [
    'Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example',
    ['Mary Smith', 'mary', 'example.net'],
    [null, 'jdoe', 'test.example'],
  ],
  ['Joe <@a,@b:joe@c>', ['Joe', 'joe', 'c']],
  ['a . b @ c', [null, 'a.b', 'c']],
  ['a@[192.0.2.1]', [null, 'a', '[192.0.2.1]']],
  ['"a b"@c', [null, 'a b', 'c']],
  ['pkumar', [null, 'pkumar', '']],
  ['Mail System <MAILER-DAEMON>', ['Mail System', 'MAILER-DAEMON', '']],
  ['=?utf-8?Q?J=C3=BCrgen?= =?utf-8?Q?_M?= <j@x>', ['=?utf-8?Q?J=C3=BCrgen?= =?utf-8?Q?_M?=', 'j', 'x']],
  ['J\xfcrgen <j@x>', ['J\xfcrgen', 'j', 'x']],
  ['a@b\r\n ,\r\n\tc@d\r\n', [null, 'a', 'b'], [null, 'c', 'd']],
  ['john@doe.example <john@doe.example>', ['john@doe.example', 'john', 'doe.example']],
  ['"" <a@b>', [null, 'a', 'b']],
  ['<>'],
  [',,,;;'],
  ['a@b c@d', [null, 'a', 'b'], [null, 'c', 'd']],
  ['A <a@b> C <c@d>', ['A', 'a', 'b'], ['C', 'c', 'd']],
  ['<a@b> <c@d>', [null, 'a', 'b'], [null, 'c', 'd']],
  ['a@b@c', [null, 'a@b', 'c']],
  ['a@b; c@d', [null, 'a', 'b'], [null, 'c', 'd']],
  ['g: a@b', [null, 'g', null], [null, 'a', 'b'], [null, null, null]],
  ['<a@b', [null, 'a', 'b']],
  ['"open <a@b>', [null, 'open <a@b>', '']],
  ['(open a@b'],
  ['"Keller,\r\n Anna" <a@b>', ['Keller, Anna', 'a', 'b']],
  ['(Keller,\r\n\tAnna) a@b', ['Keller,\tAnna', 'a', 'b']],
  ['a@b (A nice \\) chap)', ['A nice ) chap', 'a', 'b']],
  ['"open <a@b>\r\n', [null, 'open <a@b>', '']],
  ['a@b (open\r\n', ['open', 'a', 'b']],
]
for (const [input, ...entries] of rows) {
  test(`RFC 5322 §3.4, Appendix A: ${JSON.stringify(input).slice(0, 70)}`, () => {
    const got = parseAddressEntries(input).map((e) => [e.name ?? null, e.mailbox ?? null, e.host ?? null])
    assert.deepEqual(got, entries)
  })
}

test('RFC 5322 §4.4 obs-route: kept beside the address', () => {
  const routesOf = (field: string) => parseAddressEntries(field).map(({ route }) => route)
  assert.deepEqual(routesOf('<@route:user@domain>'), ['@route'])
  assert.deepEqual(routesOf('Joe <@a, @b.example : joe@c>, d@e, <@:f@g>, <h@i:j@k>'), [
    '@a,@b.example',
    undefined,
    undefined,
    undefined,
  ])
})

test('RFC 2047 §5: names are decoded in parseAddressList, groups named', () => {
  const field = '=?iso-8859-1?Q?J=FCrgen?= <j@x>, Team =?utf-8?B?w6Q=?=: a@b, C <c@d>;, e@f'
  assert.deepEqual(parseAddressList(field), [
    { name: 'Jürgen', local: 'j', domain: 'x' },
    { name: '', local: 'a', domain: 'b', group: 'Team ä' },
    { name: 'C', local: 'c', domain: 'd', group: 'Team ä' },
    { name: '', local: 'e', domain: 'f' },
  ])
  assert.deepEqual(parseAddressList(Buffer.from('Zoë <zoë@exämple.org>')), [
    { name: 'Zoë', local: 'zoë', domain: 'exämple.org' },
  ])
})

// CVE-2024-23184, CVE-2025-14874, CVE-2026-47088 classes.
const bombs: readonly [name: string, field: string][] = [
  ['a hundred thousand addresses', 'a@b,'.repeat(100_000)],
  ['a hundred thousand opening parentheses', '('.repeat(100_000)],
  ['nested comments', `${'('.repeat(50_000)}${')'.repeat(50_000)} a@b`],
  ['opening quotes', '"'.repeat(100_001)],
  ['groups', 'a:'.repeat(100_000)],
  ['routes', `<${'@a,'.repeat(100_000)}:b@c>`],
  ['at signs', '@'.repeat(200_000)],
  ['at signs with words', 'a@b '.repeat(100_000)],
  ['dots and blanks', 'a@b'.concat(' . b'.repeat(100_000))],
  ['angle brackets', '<'.repeat(200_000)],
  ['words', 'word '.repeat(100_000)],
]
for (const [name, field] of bombs) {
  test(`header bomb is linear and capped: ${name}`, () => {
    const start = process.cpuUsage()
    assert.ok(parseAddressEntries(field).length <= maxAddressTokens + 1)
    assert.ok(process.cpuUsage(start).user < 500_000)
  })
}

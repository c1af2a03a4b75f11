import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatAddress } from './address.ts'
import { parseForwardPath, parseReversePath, splitPathArgument } from './path.ts'
import { hiddenRoute, splitRecipientDelimiter } from './recipient.ts'

const paths: readonly [input: string, address: string | undefined][] = [
  ['<a@b>', 'a@b'],
  ['a@b', 'a@b'],
  [' <a@b> ', 'a@b'],
  ['< a@b >', 'a@b'],
  ['<pkumar>', 'pkumar'],
  ['pkumar', 'pkumar'],
  ['<postmaster>', 'postmaster'],
  ['<@a,@b:c@d>', 'c@d'],
  ['<@a:c@d>', 'c@d'],
  ['<"a b"@c>', '"a b"@c'],
  ['<"a>b"@c>', '"a>b"@c'],
  ['<a@[127.0.0.1]>', 'a@[127.0.0.1]'],
  ['<@a>', undefined],
  ['<@a:>', undefined],
  ['<a@b', undefined],
  ['a@b>', undefined],
  ['<<a@b>>', undefined],
  ['<a@b> x', undefined],
  ['', undefined],
  ['  ', undefined],
  ['<a b>', undefined],
  ['<a@b\r\nRCPT TO:<c@d>>', undefined],
]

for (const [input, address] of paths) {
  test(`RFC 5321 §4.1.2: path ${JSON.stringify(input)}`, () => {
    const parsed = parseForwardPath(input)
    assert.equal(parsed && formatAddress(parsed), address)
    assert.deepEqual(parseReversePath(input), parsed)
  })
}

test('RFC 5321 §4.5.5: the null path is for reverse-paths alone', () => {
  assert.deepEqual(parseReversePath('<>'), { local: '', domain: '' })
  assert.equal(parseForwardPath('<>'), undefined)
  assert.deepEqual(parseReversePath('< >'), { local: '', domain: '' })
})

test('RFC 5321 §4.1.1.11: a path ends at its bracket, not inside quotes', () => {
  assert.deepEqual(splitPathArgument('<a@b> SIZE=1'), { path: '<a@b>', parameters: 'SIZE=1' })
  assert.deepEqual(splitPathArgument(' <"> "@b> BODY=8BITMIME'), {
    path: '<"> "@b>',
    parameters: 'BODY=8BITMIME',
  })
  assert.deepEqual(splitPathArgument('<"\\">"@b>'), { path: '<"\\">"@b>', parameters: '' })
  assert.deepEqual(splitPathArgument('a@b SIZE=1'), { path: 'a@b', parameters: 'SIZE=1' })
  assert.deepEqual(splitPathArgument('<<a@b>> SIZE=1'), { path: '<<a@b>>', parameters: 'SIZE=1' })
  assert.equal(splitPathArgument('<a@b>>>'), undefined)
  assert.equal(splitPathArgument('<a@b'), undefined)
  assert.equal(splitPathArgument('<"a@b>'), undefined)
})

const routes: readonly [local: string, expected: string | undefined][] = [
  ['user', undefined],
  ['user+x', undefined],
  ['victim%relay.example', 'percent victim@relay.example'],
  ['relay.example!victim', 'bang victim@relay.example'],
  ['a.example!b.example!victim', 'bang b.example!victim@a.example'],
  ['victim@relay.example', 'at victim@relay.example'],
  ['victim%c@relay.example', 'at victim%c@relay.example'],
  ['victim%b%c', 'percent victim%b@c'],
  ['victim@[192.0.2.1]', 'at victim@[192.0.2.1]'],
  ['victim@', 'at victim'],
  ['!victim', 'bang victim'],
  ['%', 'percent '],
]
for (const [local, expected] of routes) {
  test(`CVE-2005-0337 class, open relay tricks: ${local}`, () => {
    const route = hiddenRoute(local)
    assert.equal(route && `${route.kind} ${formatAddress(route.address)}`, expected)
  })
}

test('Postfix: recipient_delimiter', () => {
  const split = (local: string, delimiters: string) => {
    const { user, extension } = splitRecipientDelimiter(local, delimiters)
    return [user, extension]
  }
  assert.deepEqual(split('user+ext', '+'), ['user', 'ext'])
  assert.deepEqual(split('user+a+b', '+'), ['user', 'a+b'])
  assert.deepEqual(split('user-a+b', '+-'), ['user', 'a+b'])
  assert.deepEqual(split('user+', '+'), ['user', ''])
  assert.deepEqual(split('+ext', '+'), ['+ext', undefined])
  assert.deepEqual(split('user', '+'), ['user', undefined])
  assert.deepEqual(split('user+ext', ''), ['user+ext', undefined])
  assert.deepEqual(split('double-bounce', '-'), ['double-bounce', undefined])
  assert.deepEqual(split('MAILER-DAEMON', '-'), ['MAILER-DAEMON', undefined])
  assert.deepEqual(split('owner-list', '-'), ['owner-list', undefined])
  assert.deepEqual(split('list-request', '-'), ['list-request', undefined])
  assert.deepEqual(split('list-x', '-'), ['list', 'x'])
})

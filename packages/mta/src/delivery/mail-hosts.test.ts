import assert from 'node:assert/strict'
import { test } from 'node:test'
import { zoneFileResolver } from '@posthorn/dns'
import { type MailHostOptions, mailHosts } from './mail-hosts.ts'
import { chosenBy, parseNextHop } from './next-hop.ts'

const zone = `
far.test.       MX 20 b.far.test.
far.test.       MX 10 a.far.test.
far.test.       MX 10 c.far.test.
a.far.test.     A 192.0.2.1
a.far.test.     AAAA 2001:db8::1
b.far.test.     A 192.0.2.2
c.far.test.     A 192.0.2.3
plain.test.     A 192.0.2.9
null.test.      MX 0 .
nomail.test.    TXT "nothing here"
gone.test.      MX 10 nowhere.test.
backup.test.    MX 10 a.far.test.
backup.test.    MX 20 us.test.
backup.test.    MX 30 b.far.test.
us.test.        A 192.0.2.100
mine.test.      MX 10 us.test.
mine.test.      MX 20 b.far.test.
alias.test.     MX 10 other-name.test.
other-name.test. A 192.0.2.100
loop.test.      MX 10 localhost.test.
localhost.test. A 127.0.0.1
sick.test.      FAIL servfail
half.test.      MX 10 sick.test.
half.test.      MX 20 b.far.test.
hurt.test.      MX 10 sick.test.
`

const options = (random = 0): MailHostOptions => ({
  resolver: zoneFileResolver(zone),
  families: ['ipv6', 'ipv4'],
  defaultPort: 25,
  isOwnName: (name) => name === 'us.test',
  isOwnAddress: (address) => address === '192.0.2.100' || address.startsWith('127.'),
  addressLimit: 5,
  randomizeAddresses: 'yes',
  balanceProtocols: 'yes',
  hostLookup: ['dns'],
  mxLookups: 'yes',
  ignoreMxErrors: 'no',
  random: () => random,
})

const ask = async (text: string, given = options()): Promise<string> => {
  const hop = parseNextHop(text)
  if (hop === undefined) return 'unusable'
  const hosts = await mailHosts(hop, given)
  if (hosts.kind === 'none') return `${hosts.status} ${hosts.text}`
  return hosts.servers.map(({ host, address, port }) => `${host}[${address}]:${port}`).join(' ')
}

const rows: readonly (readonly [rfc: string, nextHop: string, expect: string])[] = [
  [
    'RFC 5321 §5.1 preference',
    'far.test',
    'a.far.test[2001:db8::1]:25 a.far.test[192.0.2.1]:25 c.far.test[192.0.2.3]:25 b.far.test[192.0.2.2]:25',
  ],
  ['RFC 5321 §5.1 no MX', 'plain.test', 'plain.test[192.0.2.9]:25'],
  ['RFC 7505 §4 null MX', 'null.test', '5.1.10 Domain null.test does not accept mail (nullMX)'],
  [
    'no address at all',
    'nomail.test',
    '5.4.4 Host or domain name not found. Name service error for name=nomail.test type=A: Host found but no data record of requested type',
  ],
  [
    'no such domain',
    'nosuch.test',
    '5.4.4 Host or domain name not found. Name service error for name=nosuch.test type=MX: Host not found',
  ],
  [
    'MX without address',
    'gone.test',
    '5.4.4 Host or domain name not found. Name service error for name=nowhere.test type=A: Host not found',
  ],
  [
    'DNS out of order',
    'sick.test',
    '4.4.3 Host or domain name not found. Name service error for name=sick.test type=MX: Host not found, try again',
  ],
  ['one MX host unknown now', 'half.test', 'b.far.test[192.0.2.2]:25'],
  [
    'no MX host known now',
    'hurt.test',
    '4.4.3 Host or domain name not found. Name service error for name=sick.test type=A: Host not found, try again',
  ],
  ['RFC 5321 §5.1 we are a backup', 'backup.test', 'a.far.test[2001:db8::1]:25 a.far.test[192.0.2.1]:25'],
  ['we are the best', 'mine.test', '5.4.6 mail for mine.test loops back to myself'],
  ['we under another name', 'alias.test', '5.4.6 mail for alias.test loops back to myself'],
  ["a stranger's MX to our loopback", 'loop.test', '5.4.6 mail for loop.test loops back to myself'],
  ["the administrator's own port", 'loop.test:2525', 'localhost.test[127.0.0.1]:2525'],
  ['relayhost in brackets', '[localhost.test]', 'localhost.test[127.0.0.1]:25'],
  ['relayhost with port', '[b.far.test]:submission', 'b.far.test[192.0.2.2]:587'],
  [
    'relayhost by MX with port',
    'far.test:587',
    'a.far.test[2001:db8::1]:587 a.far.test[192.0.2.1]:587 c.far.test[192.0.2.3]:587 b.far.test[192.0.2.2]:587',
  ],
  ['RFC 5321 §4.1.3 literals', '[192.0.2.7]', '192.0.2.7[192.0.2.7]:25'],
  ['RFC 5321 §4.1.3 literals', '[IPv6:2001:db8::7]:26', '2001:db8::7[2001:db8::7]:26'],
  [
    'an address without brackets',
    '192.0.2.7',
    '5.4.4 Host or domain name not found. Name service error for name=192.0.2.7 type=MX: Host not found',
  ],
  ['UNIX socket', 'unix:/run/lmtp', 'localhost[/run/lmtp]:0'],
  ['inet:', 'inet:b.far.test:24', 'b.far.test[192.0.2.2]:24'],
  ['syntax', '', 'unusable'],
  ['syntax', '[x', 'unusable'],
  ['syntax', 'a:b:c', 'unusable'],
  ['syntax', 'x:99999', 'unusable'],
  ['syntax', '[x]:', 'unusable'],
  ['syntax', 'a b', 'unusable'],
]
for (const [rfc, nextHop, expect] of rows) {
  test(`next hop, ${rfc}: ${nextHop}`, async () => assert.equal(await ask(nextHop), expect))
}

test('a literal that a sender wrote never leads to this machine; one of a table or relayhost may', async () => {
  for (const literal of ['[127.0.0.2]', '[192.0.2.100]']) {
    const address = literal.slice(1, -1)
    for (const [recipient, expected] of [
      [`x@${literal}`, `5.4.6 mail for ${literal} loops back to myself`],
      ['x@far.test', `${address}[${address}]:25`],
    ] as const) {
      const given = { ...options(), chosenBy: chosenBy(literal, [{ address: recipient }]) }
      assert.equal(await ask(literal, given), expected)
    }
  }
  const ipv6 = {
    ...options(),
    chosenBy: chosenBy('[ipv6:2001:db8::7]', [{ address: 'x@[IPv6:2001:db8::7]' }]),
  }
  assert.equal(ipv6.chosenBy, 'recipient')
  assert.equal(await ask('[IPv6:2001:db8::7]', ipv6), '2001:db8::7[2001:db8::7]:25')
})

test('RFC 5321 §5.1: equals come in random order', async () => {
  let n = 0
  const given = { ...options(), random: () => (n++ % 2 === 0 ? 0.9 : 0.1) }
  const first = (await ask('far.test', given)).split('[')[0]
  assert.equal(first, 'c.far.test')
  n = 0
  const other = { ...options(), random: () => (n++ === 1 ? 0.9 : 0.1) }
  assert.equal((await ask('far.test', other)).split('[')[0], 'a.far.test')
})

test('Postfix: smtp_defer_if_no_mx_address_found: mail for names without addresses waits', async () => {
  const given = { ...options(), deferWithoutAddress: 'yes' as const }
  assert.match(await ask('gone.test', given), /^4\.4\.4 .*name=nowhere\.test type=A: Host not found$/)
  assert.match(await ask('nosuch.test', given), /^5\.4\.4 /)
})

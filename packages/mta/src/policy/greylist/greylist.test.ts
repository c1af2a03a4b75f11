import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type FixtureOptions, openMailFixture } from '../../receive/mail-fixture.ts'
import { clientNetwork, foldSender } from './greylist.ts'
import { openClientWhitelist, openRecipientWhitelist } from './whitelist.ts'

const options: FixtureOptions = {
  policy: {
    restrictions: {
      relay: 'permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination',
      recipient: 'greylist',
    },
  },
  greylist: { autoWhitelistPasses: 2, text: 'Greylisted, see %r (wait %s s)' },
}
const wait = (seconds: number, to = 'alice@example.org') =>
  `450 4.2.0 <${to}>: Recipient address rejected: Greylisted, see example.org (wait ${seconds} s)`

test('P17: the first try waits, a try after the delay passes, the triplet is remembered', async () => {
  const mail = await openMailFixture(options)
  const from = async (client: string, sender = 'x@far.net', to = 'alice@example.org') => {
    const session = await mail.session({ clientAddress: client })
    const replies = await mail.say(session, sender, [to])
    return replies[1] === '250 2.1.5 Ok' ? 'passed' : replies[1]
  }
  assert.equal(await from('192.0.2.5'), wait(60))
  mail.clock.ms += 15_500
  assert.equal(await from('192.0.2.5'), wait(45))
  assert.equal(await from('192.0.2.5', 'other@far.net'), wait(60))
  mail.clock.ms += 44_500
  assert.equal(await from('192.0.2.77'), 'passed', 'another server of the same farm')
  assert.equal(await from('192.0.3.5'), wait(60), 'another network')
  mail.clock.ms += 10 * 86_400_000
  assert.equal(await from('192.0.2.5'), 'passed', 'remembered')
  assert.equal(await from('192.0.2.5', 'second@far.net'), wait(60))
  mail.clock.ms += 61_000
  assert.equal(await from('192.0.2.5', 'second@far.net'), 'passed')
  assert.equal(await from('192.0.2.5', 'new@far.net'), 'passed', 'this network has proved itself')
  mail.clock.ms += 36 * 86_400_000
  assert.equal(await from('192.0.2.5'), wait(60), 'forgotten after max age')
  mail.clock.ms += 3 * 86_400_000
  assert.equal(await from('192.0.2.5'), wait(60), 'too late: outside the retry window')
  assert.ok(
    mail
      .lines()
      .some(
        (line) =>
          line.includes('NOQUEUE: reject: RCPT from unknown[192.0.2.5]: 450 4.2.0') &&
          line.includes('Greylisted'),
      ),
  )
  await mail.close()
})

test('a triplet that has passed is looked up once a second, and seen again without a write', async () => {
  const mail = await openMailFixture(options)
  const { greylist } = mail.store
  const attempt = greylist.attempt.bind(greylist)
  let asked = 0
  greylist.attempt = (triplet, rules) => {
    asked++
    return attempt(triplet, rules)
  }
  const send = async (sender = 'x@far.net') => {
    const session = await mail.session({ clientAddress: '192.0.2.5' })
    return (await mail.say(session, sender, ['alice@example.org']))[1]?.slice(0, 3)
  }
  assert.equal(await send(), '450')
  mail.clock.ms += 61_000
  for (let n = 0; n < 3; n++) assert.equal(await send(), '250')
  assert.equal(asked, 2)
  assert.equal(await send('other@far.net'), '450', 'another triplet')
  mail.clock.ms += 1_500
  assert.equal(await send(), '250')
  assert.equal(asked, 4)
  const seenMs = async () => (await greylist.list()).find(({ sender }) => sender === 'x@far.net')?.lastSeenMs
  assert.equal(await seenMs(), mail.clock.ms - 1_500)
  mail.clock.ms += 60_000
  assert.equal(await send(), '250')
  assert.equal(await seenMs(), mail.clock.ms, 'once a minute')
  mail.clock.ms -= 30_000
  assert.equal(await send(), '250', 'a clock set back makes nobody wait who has passed')
  await mail.close()
})

test('P17: nobody waits who has logged in or is trusted; a refusal for good comes first', async () => {
  const mail = await openMailFixture({ ...options, mynetworks: ['127.0.0.0/8', '198.51.100.0/24'] })
  const trusted = await mail.session({ clientAddress: '198.51.100.3' })
  assert.equal((await mail.say(trusted, 'x@far.net', ['alice']))[1], '250 2.1.5 Ok')
  const user = await mail.session({
    clientAddress: '192.0.2.5',
    user: { address: 'bob@example.org', method: 'PLAIN' },
  })
  assert.equal((await mail.say(user, 'bob@example.org', ['alice']))[1], '250 2.1.5 Ok')
  const stranger = await mail.session({ clientAddress: '192.0.2.5' })
  assert.match((await mail.say(stranger, 'x@far.net', ['nobody@example.org']))[1] ?? '', /^550 5\.1\.1 /)
  await mail.close()
})

test('a greylist that cannot be asked stops no mail', async () => {
  const mail = await openMailFixture(options)
  mail.store.greylist.attempt = async () => {
    throw new Error('disk')
  }
  const session = await mail.session({ clientAddress: '192.0.2.5' })
  assert.equal((await mail.say(session, 'x@far.net', ['alice'])).at(-1), '250 2.0.0 Ok: queued as ID')
  assert.ok(mail.events.some((event) => event.level === 'error' && event.service === 'greylist'))
  await mail.close()
})

test("P18: whitelists in postgrey's format", () => {
  const folder = mkdtempSync(join(tmpdir(), 'whitelist-'))
  const context = { log: () => {}, now: () => 0 }
  const clients = join(folder, 'clients')
  writeFileSync(
    clients,
    '# comment\nfriend.net   # 2005-01-01\n192.0.2\n198.51.100.7\n203.0.113.0/25\n2001:db8::/32\n/^mail\\d+\\.big\\.com$/\n.dotted.org\n',
    { mode: 0o644 },
  )
  const list = openClientWhitelist(clients, context)
  const rows: readonly [string, string, boolean][] = [
    ['friend.net', '10.0.0.1', true],
    ['mx.Friend.net', '10.0.0.1', true],
    ['notfriend.net', '10.0.0.1', false],
    ['mail12.big.com', '10.0.0.1', true],
    ['xmail12.big.com', '10.0.0.1', false],
    ['a.dotted.org', '10.0.0.1', true],
    ['unknown', '192.0.2.200', true],
    ['unknown', '198.51.100.7', true],
    ['unknown', '198.51.100.8', false],
    ['unknown', '203.0.113.9', true],
    ['unknown', '203.0.113.200', false],
    ['unknown', '2001:db8:5::9', true],
  ]
  for (const [name, address, expected] of rows)
    assert.equal(list.has(name, address), expected, `${name} ${address}`)
  const recipients = join(folder, 'recipients')
  writeFileSync(recipients, 'postmaster@\nabuse@example.org\nopen.net\n/^test.*@x\\.y$/\n', { mode: 0o644 })
  const whitelist = openRecipientWhitelist(recipients, context)
  const addresses: readonly [string, boolean][] = [
    ['Postmaster@any.where', true],
    ['postmaster+x@any.where', true],
    ['abuse@example.org', true],
    ['abuse@other.org', false],
    ['any@sub.open.net', true],
    ['test1@x.y', true],
    ['a@b.c', false],
  ]
  for (const [address, expected] of addresses) assert.equal(whitelist.has(address), expected, address)
  writeFileSync(join(folder, 'bad'), 'ok.net\na b\n', { mode: 0o644 })
  assert.throws(() => openClientWhitelist(join(folder, 'bad'), context), /line 2: expected a host/)
  writeFileSync(join(folder, 'bad2'), '/(/\n', { mode: 0o644 })
  assert.throws(() => openClientWhitelist(join(folder, 'bad2'), context), /line 1: bad pattern/)
  rmSync(folder, { recursive: true })
})

test('what makes one triplet of many', () => {
  assert.equal(clientNetwork('192.0.2.9'), '192.0.2.0/24')
  assert.equal(clientNetwork('::ffff:192.0.2.9'), '192.0.2.0/24')
  assert.equal(clientNetwork('2001:db8:1:2:3::9'), '2001:db8:1:2::/64')
  assert.equal(clientNetwork('x'), undefined)
  assert.equal(foldSender('List-Bounce-1234-56@L.org'), 'list-bounce-#-#@l.org')
  assert.equal(foldSender('bob+tag@x.y'), 'bob@x.y')
  assert.equal(foldSender('user99@x.y'), 'user99@x.y')
  assert.equal(foldSender(''), '')
})

test('RFC 7208 §2.6: a client that SPF names does not wait; what SPF cannot tell changes nothing', async () => {
  const mail = await openMailFixture({
    ...options,
    greylist: { ...options.greylist, vouchers: ['spf'], myhostname: 'mx.example.org' },
    zone: `
vouched.net. TXT "v=spf1 a:mx.vouched.net ip6:2001:db8::/32 include:more.net -all"
mx.vouched.net. A 192.0.2.5
more.net. TXT "v=spf1 mx ptr -all"
more.net. MX 10 mx.more.net.
mx.more.net. A 192.0.2.6
helo.net. TXT "v=spf1 ip4:192.0.2.0/24 -all"
soft.net. TXT "v=spf1 ~all"
dead.net. FAIL timeout
loop.net. TXT "v=spf1 include:loop.net -all"
`,
  })
  const from = async (client: string, sender: string, helo = 'client.example.net') => {
    const session = await mail.session({ clientAddress: client, helo })
    return (await mail.say(session, sender, ['alice@example.org']))[1]?.slice(0, 3)
  }
  assert.equal(await from('192.0.2.5', 'a@vouched.net'), '250')
  assert.equal(await from('192.0.2.6', 'a@vouched.net'), '250', 'by include and mx')
  assert.equal(await from('2001:db8::7', 'a@vouched.net'), '250', 'by ip6')
  assert.equal(await from('192.0.3.7', 'a@vouched.net'), '450')
  assert.equal(await from('192.0.2.9', '', 'helo.net'), '250', 'the null sender: by HELO')
  for (const sender of ['a@soft.net', 'a@dead.net', 'a@loop.net', 'a@none.net', 'a@[192.0.2.1]'])
    assert.equal(await from('192.0.4.4', sender), '450', sender)
  assert.match(
    mail.lines().join('\n'),
    /greylist not greylisted: SPF passes for 192.0.2.5, sender=a@vouched.net/,
  )
  await mail.close()
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openMailFixture } from '../receive/mail-fixture.ts'
import { createSenderRewriting } from './sender-rewriting.ts'

const dayMs = 86_400_000
const nowMs = 20_000 * dayMs

test('SRS: there and back, whatever case comes back; forged, old and foreign ones do not', () => {
  const srs = createSenderRewriting('fwd.org', 'secret 1')
  const out = srs.forward('John.Doe+x=y@far.net', nowMs) ?? ''
  assert.match(out, /^SRS0=[a-z0-9_-]{8}=[A-Z2-7]{2}=far\.net=John\.Doe\+x=y@fwd\.org$/)
  assert.equal(srs.reverse(out, nowMs + 5 * dayMs), 'John.Doe+x=y@far.net')
  assert.equal(srs.reverse(out.toLowerCase(), nowMs), 'john.doe+x=y@far.net')
  assert.equal(srs.reverse(out.replace('SRS0=', 'SRS0+'), nowMs), 'John.Doe+x=y@far.net')
  assert.equal(srs.reverse(out.replace('far.net', 'evil.net'), nowMs), undefined)
  assert.equal(srs.reverse(out, nowMs + 30 * dayMs), undefined)
  assert.equal(srs.reverse(out.replace('fwd.org', 'other.org'), nowMs), undefined)
  assert.equal(createSenderRewriting('fwd.org', 'secret 2').reverse(out, nowMs), undefined)
  for (const address of ['alice@fwd.org', 'SRS0=@fwd.org', 'SRS0=x=y=z@fwd.org', 'SRS1=x==@fwd.org'])
    assert.equal(srs.reverse(address, nowMs), undefined, address)
  for (const sender of [
    '"a b"@far.net',
    'a%b@far.net',
    'a!b@far.net',
    'a@[192.0.2.1]',
    `${'x'.repeat(250)}@far.net`,
  ])
    assert.equal(srs.forward(sender, nowMs), undefined, sender)
})

test('SRS: a chain of forwarders comes back hop by hop', () => {
  const one = createSenderRewriting('one.org', 'secret of one')
  const two = createSenderRewriting('two.org', 'secret of two')
  const three = createSenderRewriting('three.org', 'secret of three')
  const first = one.forward('a@far.net', nowMs) ?? ''
  const second = two.forward(first, nowMs) ?? ''
  const third = three.forward(second, nowMs) ?? ''
  assert.match(second, /^SRS1=[a-z0-9_-]{8}=one\.org==.*=far\.net=a@two\.org$/)
  assert.match(third, /^SRS1=[a-z0-9_-]{8}=one\.org==.*=far\.net=a@three\.org$/)
  assert.equal(three.reverse(third, nowMs), first)
  assert.equal(two.reverse(second, nowMs), first)
  assert.equal(one.reverse(first, nowMs), 'a@far.net')
})

test('srs_domain: only a mail of strangers that leaves again for a stranger; bounces go back, nobody relays', async () => {
  const mail = await openMailFixture({
    routing: {
      senderRewriting: { domain: 'bounces.example.org', secret: 'a long secret' },
      virtualAliasMaps: ['inline:{fwd@example.org=you@far.net,sales@example.org=x@relay.net}'],
      aliasMaps: ['inline:{list=you@far.net,owned=you@far.net,owner-owned=bob}'],
      relayDomains: ['relay.net'],
    },
  })
  const senders = async (from: string, to: string) =>
    (await mail.routing.plan([{ address: to }], from, mail.clock.ms)).map(
      ({ recipient: { route, address } }) =>
        route.kind === 'queued' ? `${address} ${route.sender ?? 'as it is'}` : `${address} mailbox`,
    )
  const [forwarded = ''] = await senders('s@sender.net', 'fwd@example.org')
  assert.match(forwarded, /^you@far\.net SRS0=.*=sender\.net=s@bounces\.example\.org$/)
  assert.match((await senders('s@sender.net', 'list@example.org'))[0] ?? '', /^you@far\.net SRS0=/)
  assert.deepEqual(await senders('s@sender.net', 'owned@example.org'), [
    'you@far.net owner-owned@example.org',
  ])
  assert.deepEqual(await senders('alice@example.org', 'fwd@example.org'), ['you@far.net as it is'])
  assert.deepEqual(await senders('', 'fwd@example.org'), ['you@far.net as it is'])
  assert.deepEqual(await senders('s@sender.net', 'direct@far.net'), ['direct@far.net as it is'])
  assert.deepEqual(await senders('s@sender.net', 'sales@example.org'), ['x@relay.net as it is'])
  assert.deepEqual(await senders('s@sender.net', 'alice@example.org'), ['alice@example.org mailbox'])
  const way = forwarded.split(' ')[1] ?? ''
  assert.deepEqual(await senders('', way), ['s@sender.net as it is'])
  const stranger = await mail.session({ clientAddress: '198.51.100.7' })
  const tampered = way.replace('sender.net', 'victim.net')
  const said = await mail.say(stranger, '', [way, tampered, 'x@bounces.example.org'])
  assert.equal(said[1], '250 2.1.5 Ok')
  assert.match(said[2] ?? '', /^550 5\.1\.1 .*User unknown in virtual alias table$/)
  assert.match(said[3] ?? '', /^550 5\.1\.1 /)
  await mail.close()
})

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { connection, type FixtureOptions, openMailFixture } from './mail-fixture.ts'

async function fixture(t: TestContext, limits: FixtureOptions['limits']) {
  const mail = await openMailFixture({ limits: limits ?? {} })
  t.after(() => mail.close())
  return mail
}

const stranger = { clientAddress: '203.0.113.5' }

test('smtpd_client_connection_rate_limit: 421 at the greeting until anvil_rate_time_unit is over', async (t) => {
  const mail = await fixture(t, { connections: 2 })
  const greet = async (over = {}) => (await connection(mail.handler, { ...stranger, ...over })).reply
  assert.equal((await greet()).code, 220)
  assert.equal((await greet()).code, 220)
  const third = await greet()
  assert.deepEqual([third.code, third.status], [421, '4.7.0'])
  assert.equal(third.text, 'mx.example.org Error: too many connections from 203.0.113.5')
  assert.ok(
    mail
      .lines()
      .includes('smtpd Connection rate limit exceeded: 3 from unknown[203.0.113.5] for service smtpd'),
    mail.lines().join('\n'),
  )
  assert.equal((await greet({ clientAddress: '203.0.113.6' })).code, 220)
  mail.clock.ms += 60_001
  assert.equal((await greet()).code, 220)
})

test('an IPv6 customer is one client; smtpd_client_event_limit_exceptions are none', async (t) => {
  const mail = await fixture(t, { connections: 1 })
  const code = async (clientAddress: string) => (await connection(mail.handler, { clientAddress })).reply.code
  assert.deepEqual([await code('2001:db8::1'), await code('2001:db8::2')], [220, 421])
  assert.equal(await code('2001:db8:1::1'), 220)
  for (let i = 0; i < 3; i++) assert.equal(await code('127.0.0.1'), 220)
})

test('smtpd_client_ipv4_prefix_length: a network is one client', async (t) => {
  const mail = await fixture(t, { connections: 1, prefixes: { ipv4: 24, ipv6: 48 } })
  const code = async (clientAddress: string) => (await connection(mail.handler, { clientAddress })).reply.code
  assert.deepEqual([await code('203.0.113.5'), await code('203.0.113.77')], [220, 421])
  assert.deepEqual([await code('2001:db8:0:1::1'), await code('2001:db8:0:2::1')], [220, 421])
  assert.equal(await code('203.0.114.5'), 220)
})

test('smtpd_client_message_rate_limit and smtpd_client_recipient_rate_limit', async (t) => {
  const mail = await fixture(t, { messages: 2, recipients: 3 })
  const session = await mail.session(stranger)
  const to = ['alice@example.org', 'bob@example.org']
  assert.equal((await mail.say(session, 'x@y.example', to)).at(-1), '250 2.0.0 Ok: queued as ID')
  assert.deepEqual((await mail.say(session, 'x@y.example', to)).slice(0, 3), [
    '250 2.1.0 Ok',
    '250 2.1.5 Ok',
    '450 4.7.1 Error: too many recipients from 203.0.113.5',
  ])
  assert.deepEqual(await mail.say(session, 'x@y.example', to), [
    '450 4.7.1 Error: too much mail from 203.0.113.5',
  ])
  assert.equal((await mail.inbox('alice@example.org')).length, 2)
})

test('smtpd_client_auth_rate_limit: no password is even looked at', async (t) => {
  const mail = await fixture(t, { authentications: 1 })
  const session = await mail.session(stranger)
  const attempt = async () =>
    mail.handler.authenticate(session, { mechanism: 'PLAIN', authzid: '', authcid: 'alice', password: 'x' })
  const first = await attempt()
  const second = await attempt()
  assert.ok(!first.ok && first.reply.code === 535)
  assert.ok(!second.ok)
  assert.equal(second.reply.text, 'Error: too many AUTH commands from 203.0.113.5')
})

test('smtpd_client_new_tls_session_rate_limit: STARTTLS is refused, port 465 at the greeting', async (t) => {
  const mail = await fixture(t, { tlsSessions: 1 })
  const session = await mail.session(stranger)
  assert.equal(await mail.handler.startTls?.(session), undefined)
  const refused = await mail.handler.startTls?.(session)
  assert.deepEqual(
    [refused?.code, refused?.status, refused?.text],
    [454, '4.7.0', 'Error: too many new TLS sessions from 203.0.113.5'],
  )
  const tls = { protocol: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384', bits: 256 }
  const greeted = await connection(mail.handler, { ...stranger, service: 'submissions', tls })
  assert.equal(greeted.reply.code, 421)
})

test('account_recipient_rate_limit: a stolen password is stopped from all addresses, postmaster hears once', async (t) => {
  const told: string[] = []
  const mail = await fixture(t, { accountRecipients: 2, tell: (account) => void told.push(account) })
  const user = { address: 'alice@example.org', method: 'PLAIN' }
  const from = async (clientAddress: string, sender: string, as: typeof user | undefined) =>
    (await mail.say(await mail.session({ clientAddress, user: as }), sender, ['bob@example.org'])).at(-1)
  assert.match((await from('203.0.113.5', 'alice@example.org', user)) ?? '', /^250/)
  assert.match((await from('203.0.113.6', 'alice@example.org', user)) ?? '', /^250/)
  const refused = '450 4.7.1 Error: too many recipients from alice@example.org'
  assert.equal(await from('203.0.113.7', 'alice@example.org', user), refused)
  assert.equal(await from('203.0.113.8', 'alice@example.org', user), refused)
  assert.deepEqual(told, ['alice@example.org'])
  assert.match(
    (await from('203.0.113.9', 'bob@example.org', { address: 'bob@example.org', method: 'PLAIN' })) ?? '',
    /^250/,
  )
  assert.match((await from('203.0.113.9', 'x@y.example', undefined)) ?? '', /^250/)
  mail.clock.ms += 3_600_001
  assert.match((await from('203.0.113.5', 'alice@example.org', user)) ?? '', /^250/)
})

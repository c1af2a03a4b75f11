import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatAddress, parseForwardPath } from '@posthorn/mail'
import fc from 'fast-check'
import { mailFrom, openMailFixture, rcptTo } from './mail-fixture.ts'

const pieces = [
  'alice',
  'x',
  '%',
  '!',
  '@',
  '"',
  '\\',
  '.',
  '+',
  ' ',
  '<',
  '>',
  ':',
  ',',
  'example.org',
  'far.net',
  'localhost',
  '[127.0.0.1]',
  '[192.0.2.99]',
  '@example.org',
  '@far.net',
]

test('P13: no form of address makes a stranger relay, and what is accepted stays here', async () => {
  const mail = await openMailFixture({ routing: { relayDomains: ['relay.net'] } })
  const session = await mail.session({ clientAddress: '198.51.100.9' })
  let accepted = 0
  const forms = [
    '<alice%far.net@example.org>',
    '<far.net!alice@example.org>',
    '<"alice@far.net"@example.org>',
    '<@example.org:alice@far.net>',
    '<@example.org,@localhost:alice%far.net@localhost>',
    '<alice@far.net@example.org>',
    '<"alice%far.net"@example.org>',
    '<alice%far.net@[127.0.0.1]>',
    '<alice%far.net@relay.net>',
    '<far.net!alice%example.org@localhost>',
    'alice%far.net',
    '"far.net!alice"',
    '<alice@example.org@far.net>',
  ]
  const tried = async (form: string) => {
    const parsed = parseForwardPath(form)
    if (parsed === undefined) return
    const address = formatAddress(parsed)
    const { transaction } = await mail.handler.mail(session, mailFrom('a@b.c'))
    const reply = await transaction?.rcpt(rcptTo(address))
    await transaction?.abort('RSET')
    if (reply?.code !== 250) return
    accepted++
    for (const { recipient } of await mail.routing.plan([{ address }], 'a@b.c', 0)) {
      const { route } = recipient
      assert.ok(route.kind === 'mailbox' || route.transport === 'relay', `${form} → ${JSON.stringify(route)}`)
      if (route.kind === 'queued') assert.equal(route.nextHop, 'relay.net', form)
    }
  }
  for (const form of forms) await tried(form)
  assert.equal(accepted, 0)
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 9 }), async (parts) => {
      await tried(`<${parts.join('')}>`)
    }),
    { numRuns: 1500, examples: [[['alice', '@example.org']], [['alice', '@', '[127.0.0.1]']]] },
  )
  assert.ok(accepted > 0)
  await mail.close()
})

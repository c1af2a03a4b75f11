import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openMailFixture } from '../receive/mail-fixture.ts'
import { isProbeSender, probeSenderNow } from './probe-sender.ts'

const hour = 3_600_000

test('Postfix: address_verify_sender_ttl: the sender of probes changes with time and is known that long', () => {
  const probes = { user: 'double-bounce', ttlMs: hour }
  const nowMs = 500_000 * hour + 5
  assert.equal(probeSenderNow('double-bounce@us.org', 0, nowMs), 'double-bounce@us.org')
  assert.equal(probeSenderNow('', hour, nowMs), '')
  const address = probeSenderNow('double-bounce@us.org', hour, nowMs)
  assert.equal(address, `double-bounce${(500_000).toString(31)}@us.org`)
  const local = address.slice(0, address.indexOf('@'))
  for (const [later, known] of [
    [0, true],
    [hour, true],
    [-hour, true],
    [2 * hour, false],
  ] as const)
    assert.equal(isProbeSender(probes, local, nowMs + later), known, String(later))
  assert.equal(isProbeSender(probes, 'double-bounce', nowMs), false)
  assert.equal(isProbeSender(probes, 'double-bounce-x', nowMs), false)
  assert.equal(isProbeSender({ ...probes, ttlMs: 0 }, local, nowMs), false)
})

test('Postfix: address_verify_sender_ttl: whoever asks for that sender finds it, and mail for it is dropped', async () => {
  const probes = { user: 'double-bounce', ttlMs: hour }
  const mail = await openMailFixture({ routing: { probes, doubleBounceUser: 'double-bounce' } })
  const nowMs = mail.clock.ms
  const known = async (address: string) => (await mail.routing.verify(address)).kind
  const address = probeSenderNow('double-bounce@example.org', hour, nowMs)
  assert.equal(await known(address), 'known')
  assert.equal(await known('double-bounce@example.org'), 'known')
  assert.equal(await known(probeSenderNow('double-bounce@example.org', hour, nowMs + 9 * hour)), 'unknown')
  const [planned] = await mail.routing.plan([{ address }], '', nowMs)
  const route = planned?.recipient.route
  assert.equal(route?.kind === 'queued' ? route.transport : route?.kind, 'discard')
  await mail.close()
})

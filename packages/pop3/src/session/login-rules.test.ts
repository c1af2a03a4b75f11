import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startPop3Fixture } from '../testkit/pop3-fixture.ts'

for (const [reason, reply] of [
  ['credentials', '-ERR [AUTH] Authentication failed.'],
  ['disabled', '-ERR [AUTH] Authentication failed.'],
  ['authorization', '-ERR [AUTH] Authentication failed.'],
  ['throttled', '-ERR [SYS/TEMP] Too many failed logins, try again later.'],
  ['unavailable', '-ERR [SYS/TEMP] Temporary authentication failure.'],
] as const)
  test(`RFC 3206 §4, §5: a login refused for ${reason}`, async (t) => {
    const fixture = await startPop3Fixture(t, [])
    fixture.refusal = reason
    const client = await fixture.connect()
    await client.ask('USER alice@example.org')
    assert.equal(await client.ask('PASS secret'), reply)
    assert.equal(await client.ask('QUIT'), '+OK Logging out')
    assert.match(
      fixture.log[0]!.text,
      /^Disconnected: Aborted login by logging out \(auth failed, 1 attempts in 0 secs\): user=<alice@example\.org>, method=PLAIN, rip=127\.0\.0\.1, lip=127\.0\.0\.1, secured, session=<[\w-]{12}>$/,
    )
  })

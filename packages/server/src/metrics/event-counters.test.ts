import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Registry } from 'prom-client'
import { createEventCounters } from './event-counters.ts'

const seen = async (registry: Registry): Promise<string[]> =>
  (await registry.metrics())
    .split('\n')
    .filter((line) => /^posthorn_(logins|smtp_rejects)_total\{/.test(line))

test('a sender who writes our words into a message is not counted as a login or a refusal', async () => {
  const registry = new Registry()
  const passed: string[] = []
  const { log } = createEventCounters(registry, ({ text }) => passed.push(text))
  const say = (service: string, text: string) => log({ level: 'info', service, queueId: '4F000D58', text })
  say('cleanup', 'message-id=<SASL PLAIN authentication failed@example.org>')
  say('cleanup', 'message-id=<reject: RCPT from x[192.0.2.1]: 550 5.1.1 @example.org>')
  say('qmgr', 'from=<"authentication failed"@example.org>, size=512, nrcpt=1 (queue active)')
  assert.deepEqual(await seen(registry), [])
  say('smtpd', 'reject: RCPT from x.example[192.0.2.1]: 550 5.1.1 <a@b.example>: Recipient address rejected')
  say('smtpd', 'x.example[192.0.2.1]: SASL PLAIN authentication failed: authentication failure')
  assert.deepEqual(await seen(registry), [
    'posthorn_smtp_rejects_total{stage="RCPT",class="5xx"} 1',
    'posthorn_logins_total{service="smtp",outcome="failed"} 1',
  ])
  assert.equal(passed.length, 5)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { alice, startForClients } from './mail-server.ts'
import { Wire } from './wire.ts'

/** postscreen(8) on the whole server: who speaks before the greeting. */
const rows = [
  ['drop', '521 5.5.1 Protocol error'],
  ['enforce', '550 5.5.1 Protocol error'],
  ['ignore', '250 2.1.5 Ok'],
] as const
for (const [action, expected] of rows) {
  test(`postscreen_greet_action = ${action}`, async (t) => {
    const server = await startForClients({
      postscreen: 'yes',
      postscreen_greet_wait: '1s',
      postscreen_greet_action: action,
      postscreen_cache_map: '',
      smtpd_peername_lookup: 'no',
      smtpd_forbid_unauth_pipelining: 'no',
    })
    t.after(() => server.stop())
    const early = await Wire.open(server.ports.smtp)
    early.send(`EHLO spam.test\r\n`)
    await early.hears(action === 'drop' ? /^521 [^\r]*\r\n/ : /^220 [\s\S]*250 [^\r]*\r\n$/)
    if (action !== 'drop') {
      early.send(`MAIL FROM:<a@b.test>\r\nRCPT TO:<${alice.address}>\r\n`)
      await early.hears(/2\.1\.0 Ok\r\n[^\r]*\r\n$/)
    }
    assert.equal(early.heard.trimEnd().split('\r\n').at(-1), expected)
    early.close()
    const polite = await Wire.open(server.ports.smtp)
    const startMs = performance.now()
    await polite.hears(/^220 [^\r]*\r\n/)
    assert.ok(performance.now() - startMs >= 900)
    polite.close()
    const known = await Wire.open(server.ports.smtp)
    const againMs = performance.now()
    await known.hears(/^220 [^\r]*\r\n/)
    assert.ok(performance.now() - againMs < 900, 'known: greeted at once')
    known.close()
  })
}

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { loadConfig } from '../../packages/server/src/config/load-config.ts'
import { startDailyReport } from '../../packages/server/src/metrics/daily-report.ts'
import { Totals } from '../../packages/server/src/metrics/site-metrics.ts'
import { summaryOf } from '../../packages/server/src/metrics/summary.ts'
import { composeServer } from '../../packages/server/src/start/compose.ts'
import { prepareDataFolder } from '../../packages/server/src/start/data-folder.ts'
import { readMailbox } from '../clients/mailbox-reader.ts'

test('daily_report_recipient: the report lies in the mailbox once a day, at daily_report_time', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'daily-'))
  const settings = (time: string, recipient: string) => {
    const file = join(folder, 'main.cf')
    writeFileSync(
      file,
      `data_directory = ${folder}\nmyhostname = mail.example.org\nmydestination = example.org\nmyorigin = example.org\ninet_interfaces = 127.0.0.1\ndisable_plaintext_auth = no\nsample_accounts = no\ndaily_report_time = ${time}\ndaily_report_recipient = ${recipient}\n`,
    )
    return loadConfig({ environment: {}, configOption: file })
  }
  let config = settings('06:30', 'alice@example.org')
  const server = await composeServer({
    config,
    folder: prepareDataFolder(folder),
    log: () => {},
    portOf: () => 0,
  })
  t.after(async () => {
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  })
  await server.accounts.create({ address: 'alice@example.org', password: 'wonder-land 7' })
  const clock = { ms: new Date(2026, 10, 22, 6, 0, 0).getTime() }
  const sent: Promise<void>[] = []
  t.mock.timers.enable({ apis: ['setInterval'] })
  const stop = startDailyReport({
    config: () => config,
    now: () => clock.ms,
    summary: async () => ({ summary: summaryOf(new Totals([])), queued: 3 }),
    send: (recipient, message) => {
      const done = server.local.submit(recipient, message)
      sent.push(done)
      return done
    },
    onFault: (error) => assert.fail(String(error)),
  })
  const pass = async (minutes: number): Promise<number> => {
    for (let n = 0; n < minutes; n++) {
      clock.ms += 60_000
      t.mock.timers.tick(60_000)
    }
    // The report is made of answers that come in turns of the event loop.
    for (let n = 0; n < 20; n++) await new Promise((resolve) => setImmediate(resolve))
    await Promise.all(sent)
    return sent.length
  }
  assert.equal(await pass(29), 0)
  assert.equal(await pass(1), 1, 'at half past six')
  assert.equal(await pass(60), 1, 'once')
  assert.equal(await pass(23 * 60), 2, 'the next day')
  config = settings('07:00', 'alice@example.org')
  assert.equal(await pass(30), 3, 'a reload brings another time')
  config = settings('07:00', '')
  assert.equal(await pass(24 * 60), 3, 'nobody wants it any more')
  stop()
  t.mock.timers.reset()
  const login = { address: 'alice@example.org', password: 'wonder-land 7' }
  const messages = await readMailbox(server.ports.imap, login)
  assert.equal(messages.length, 3)
  const text = messages[0]?.source.toString() ?? ''
  assert.match(text, /^Subject: Mail of mail\.example\.org: 0 received, 0 delivered, 3 waiting\r$/m)
  assert.match(text, /^To: alice@example\.org\r$/m)
  assert.match(text, /^Auto-Submitted: auto-generated\r$/m)
})

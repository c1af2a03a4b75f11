import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { startMailServer } from '@posthorn/server'
import { formatMaillog } from '../../packages/server/src/log/maillog.ts'
import { eventually } from '../clients/mail-server.ts'
import { mustRun, runClient } from '../clients/run-client.ts'

const names = { syslogName: 'posthorn', hostname: 'mail', pid: 4711 }

/** `   2   received` → 2 for 'received'. */
const total = (report: string, name: string): number =>
  Number(new RegExp(`^ +(\\d+) +${name}\\b`, 'm').exec(report)?.[1] ?? -1)

test("pflogsumm: Debian's reader of Postfix's log counts our mail by --syslog-name=posthorn", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-pflogsumm-'))
  const lines: string[] = []
  const server = await startMailServer({
    parameters: {
      myhostname: 'mail.example.org',
      mydestination: 'example.org',
      myorigin: 'example.org',
      mynetworks: '127.0.0.0/8',
      relayhost: '[127.0.0.1]:1',
    },
    accounts: [{ address: 'bob@example.org', password: 'x y z' }],
    log: (event) => {
      // The log file's own default.
      if (event.level !== 'debug') lines.push(formatMaillog(event, names, Date.now()))
    },
  })
  t.after(async () => {
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  })
  const swaks = [
    '--server',
    '127.0.0.1',
    '--port',
    String(server.ports.smtp),
    '--from',
    'ann@far.test',
    '--to',
  ]
  await mustRun('swaks', [...swaks, 'bob@example.org'])
  await mustRun('swaks', [...swaks, 'bob@example.org'])
  await mustRun('swaks', [...swaks, 'late@elsewhere.test'])
  assert.match((await runClient('swaks', [...swaks, 'nobody@example.org'])).stdout, /550 5\.1\.1/)
  await eventually('a deferral', async () => (lines.join('').includes('status=deferred') ? true : undefined))
  const log = join(folder, 'mail.log')
  writeFileSync(log, lines.join(''))
  const report = (await mustRun('pflogsumm', ['--syslog-name=posthorn', log])).stdout
  assert.equal(total(report, 'received'), 3, report)
  assert.equal(total(report, 'delivered'), 2, report)
  assert.equal(total(report, 'deferred'), 1, report)
  assert.equal(total(report, 'rejected'), 1, report)
  assert.equal(total(report, 'senders'), 1, report)
  assert.match(report, /User unknown in/)
  assert.match(report, /Connection refused/)
  assert.match(report, /^ +2 .*bob@example\.org$/m)
})

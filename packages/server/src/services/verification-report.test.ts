import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Routing } from '@posthorn/mta'
import { verificationReport } from './verification-report.ts'

const noRoute = { kind: 'queued', transport: 'error', nextHop: '5.1.1 moved', dueMs: 0 } as const

/** Routing that knows a few addresses. */
const routing = {
  classify: (address: string) => ({ class: address.endsWith('@us.org') ? 'local' : 'default' }),
  complete: (address: string) => (address.includes('@') ? address : `${address}@us.org`),
  verify: (address: string) => {
    if (address === 'nobody@us.org') return { kind: 'unknown', table: 'local recipient table' }
    if (address === 'later@us.org') return { kind: 'temporary', reason: 'table busy' }
    return { kind: 'known' }
  },
  resolve: async ({ address }: { address: string }) => {
    if (address === 'moved@us.org') return { kind: 'to', recipients: [{ address, route: noRoute }] }
    if (address === 'list@us.org') {
      const route = { kind: 'queued', transport: 'smtp', nextHop: 'far.net', dueMs: 0 } as const
      const prefix = Buffer.alloc(0)
      return {
        kind: 'to',
        recipients: [
          { address: 'ann@us.org', route: { kind: 'mailbox', account: 1, mailbox: 'INBOX', prefix } },
          { address: 'joe@far.net', route },
        ],
      }
    }
    return { kind: 'refused', status: '5.4.6', text: 'loop' }
  },
} as unknown as Routing

test('Postfix: sendmail -bv: what would become of mail to each address, in the words of RFC 3464', async () => {
  const parts = { routing, hostname: 'mx.us.org', nowMs: Date.UTC(2026, 10, 22) }
  const asked = ['list', 'nobody', 'moved', 'later', 'loop@us.org']
  const report = await verificationReport(parts, asked, 'ann@us.org')
  assert.match(report, /^From: MAILER-DAEMON.*\nTo: ann@us\.org\nSubject: Mail Delivery Status Report\n/)
  assert.deepEqual(
    report.split('\n').filter((line) => line.startsWith('<')),
    [
      '<ann@us.org> (expanded from <list@us.org>): 2.0.0 delivers to mailbox',
      '<joe@far.net> (expanded from <list@us.org>): 2.0.0 would leave by smtp to far.net',
      '<nobody@us.org>: 5.1.1 User unknown in local recipient table',
      '<moved@us.org>: 5.1.1 moved',
      '<later@us.org>: 4.3.0 table busy',
      '<loop@us.org>: 5.4.6 loop',
    ],
  )
  assert.deepEqual(
    report.match(/^Action: .*/gm),
    [
      ...['deliverable', 'deliverable'],
      ...['undeliverable', 'undeliverable', 'undeliverable', 'undeliverable'],
    ].map((action) => `Action: ${action}`),
  )
  assert.match(
    report,
    /\nContent-Type: message\/delivery-status\n\nReporting-MTA: dns; mx\.us\.org\n[\s\S]*\n\nFinal-Recipient: rfc822; nobody@us\.org\nAction: undeliverable\nStatus: 5\.1\.1\nDiagnostic-Code: x-posthorn; User unknown in local recipient table\n\n/,
  )
  const [, boundary = ''] = /boundary="(.*)"/.exec(report) ?? []
  assert.equal(report.split(`\n--${boundary}`).length, 4)
})

test('Postfix: sendmail -bv: servers of others are asked', async () => {
  const answers = {
    ok: 'host far.net said: 250 2.1.5 Ok',
    bounced: 'host far.net said: 550 5.1.1 no such user',
    deferred: 'connect to far.net: refused',
  } as const
  for (const [status, text, action, code] of [
    ['ok', answers.ok, 'deliverable', '2.1.5'],
    ['bounced', answers.bounced, 'undeliverable', '5.1.1'],
    ['deferred', answers.deferred, 'undeliverable', '4.0.0'],
  ] as const) {
    const probe = async () => ({ status, text })
    const parts = { routing, hostname: 'mx.us.org', nowMs: 0, probe }
    const report = await verificationReport(parts, ['list'], '')
    assert.ok(report.includes(`<joe@far.net> (expanded from <list@us.org>): ${code} ${text}\n`), report)
    assert.ok(report.includes(`Action: ${action}\nStatus: ${code}\n`), report)
  }
})

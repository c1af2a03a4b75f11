import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Routing } from '@posthorn/mta'
import { verificationReport } from './verification-report.ts'

const noRoute = { kind: 'queued', transport: 'error', nextHop: '5.1.1 moved', dueMs: 0 } as const

/** Routing that knows a few addresses. */
const routing = {
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

test('sendmail -bv: where mail to each address would go', async () => {
  const report = await verificationReport(
    routing,
    ['list', 'nobody', 'moved', 'later', 'loop@us.org'],
    'ann@us.org',
  )
  assert.match(report, /^From: MAILER-DAEMON.*\nTo: ann@us\.org\nSubject: Mail Delivery Status Report\n/)
  assert.deepEqual(
    report.split('\n').filter((line) => line.startsWith('<')),
    [
      '<list>: deliverable: to the mailbox of ann@us.org; deliverable: joe@far.net by smtp to far.net',
      '<nobody>: undeliverable: 5.1.1 User unknown in local recipient table',
      '<moved>: undeliverable: 5.1.1 moved',
      '<later>: cannot tell now: 4.3.0 table busy',
      '<loop@us.org>: undeliverable: 5.4.6 loop',
    ],
  )
})

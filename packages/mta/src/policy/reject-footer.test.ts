import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTables } from '../tables/index.ts'
import { policyOf, request } from './policy-fixture.ts'
import { createRejectFooter, refusalLines } from './reject-footer.ts'

test('smtpd_reject_footer_maps: the reply decides about its footer', async () => {
  const tables = createTables({ log: () => {}, now: () => 0 })
  const maps = [tables.open('inline:{ {550 5.7.1 no = see $server_name}, {450 4.2.0 later = \\c (soon)} }')]
  const footed = createRejectFooter('call us', 'mx.us.org', () => 0, maps)
  const said = (code: number, status: string, text: string) =>
    refusalLines(footed({ code, status, text }, request()))
  assert.deepEqual(said(550, '5.7.1', 'no'), ['no', 'see mx.us.org'])
  assert.deepEqual(said(450, '4.2.0', 'later'), ['later (soon)'])
  assert.deepEqual(said(550, '5.1.1', 'other'), ['other', 'call us'])
  const policy = policyOf({
    recipient: 'check_sender_access inline:{ {good.net = 550 5.7.1 never} }',
    rejectFooterMaps: [
      'inline:{ {550 5.7.1 <a@good.net>: Sender address rejected: never = ask the postmaster} }',
    ],
  })
  const { refusal } = await policy.ask('rcpt', request())
  assert.deepEqual(refusal === undefined ? '' : refusalLines(refusal), [
    '<a@good.net>: Sender address rejected: never',
    'ask the postmaster',
  ])
})

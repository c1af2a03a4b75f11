import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PolicyOptions } from './index.ts'
import { events, name, policyOf, request, said } from './policy-fixture.ts'

type Row = readonly [list: string, asked: Parameters<typeof request>[0], answer: string]

async function check(rows: readonly Row[], options: Partial<PolicyOptions> = {}): Promise<void> {
  for (const [list, asked, answer] of rows) {
    const policy = policyOf({ ...options, recipient: list })
    assert.equal(await said(policy, request(asked)), answer, `${list} ${JSON.stringify(asked)}`)
  }
}

const evilByName = 'inline:{ { evil.net = REJECT } }'
const evilNetwork = 'inline:{ { 203.0.113 = 550 no } }'
const senderRefused = (text: string) => `<a@spammer.net>: Sender address rejected: ${text}`

test('check_*_mx_access, check_*_ns_access, check_*_a_access: by the servers that DNS names', async () => {
  const spammer = { sender: 'a@spammer.net' }
  await check([
    [`check_sender_mx_access ${evilByName}`, spammer, `554 5.7.1 ${senderRefused('Access denied')}`],
    [`check_sender_mx_access ${evilNetwork}`, spammer, `550 5.7.1 ${senderRefused('no')}`],
    [`check_sender_ns_access ${evilByName}`, spammer, `554 5.7.1 ${senderRefused('Access denied')}`],
    [
      `check_sender_ns_access ${evilByName}`,
      { sender: 'a@deep.below.spammer.net' },
      '554 5.7.1 <a@deep.below.spammer.net>: Sender address rejected: Access denied',
    ],
    [`check_sender_a_access ${evilNetwork}`, spammer, `550 5.7.1 ${senderRefused('no')}`],
    [`check_sender_a_access ${evilByName}`, spammer, 'ok'],
    [
      `check_sender_a_access ${evilNetwork}`,
      { sender: 'a@[203.0.113.9]' },
      '550 5.7.1 <a@[203.0.113.9]>: Sender address rejected: no',
    ],
    [`check_sender_mx_access ${evilByName}`, { sender: 'a@good.net' }, 'ok'],
    [`check_sender_mx_access ${evilByName}`, { sender: '' }, 'ok'],
    [`check_sender_mx_access ${evilByName}`, { sender: 'a@slow.net' }, 'ok'],
    [`check_sender_mx_access ${evilByName}`, { sender: 'a@nullmx.net' }, 'ok'],
    [
      `check_helo_mx_access ${evilByName}`,
      { helo: 'spammer.net' },
      '554 5.7.1 <spammer.net>: Helo command rejected: Access denied',
    ],
    [
      `check_helo_a_access ${evilNetwork}`,
      { helo: 'spammer.net' },
      '550 5.7.1 <spammer.net>: Helo command rejected: no',
    ],
    [
      `check_client_ns_access ${evilByName}`,
      { clientName: name('ok', 'h.spammer.net') },
      '554 5.7.1 <h.spammer.net[192.0.2.9]>: Client host rejected: Access denied',
    ],
    [`check_client_ns_access ${evilByName}`, {}, 'ok'],
    [
      `permit_mynetworks, check_recipient_mx_access ${evilByName}`,
      { own: true, recipient: 'x@spammer.net' },
      'ok',
    ],
  ])
})

test('OK for a server that DNS names permits nothing: whoever owns the domain chose it', async () => {
  events.length = 0
  await check([
    [
      'check_sender_mx_access inline:{ { evil.net = OK } }, reject',
      { sender: 'a@spammer.net' },
      '554 5.7.1 <bob@us.org>: Recipient address rejected: Access denied',
    ],
  ])
  assert.match(events[0]?.text ?? '', /OK is not allowed for servers found in DNS/)
})

test('permit_inet_interfaces: the machine itself', async () => {
  const own = { ownAddresses: () => ['198.51.100.1'] }
  const refused = '554 5.7.1 <bob@us.org>: Recipient address rejected: Access denied'
  await check(
    [
      ['permit_inet_interfaces, reject', { address: '198.51.100.1' }, 'ok'],
      ['permit_inet_interfaces, reject', { address: '198.51.100.2' }, refused],
    ],
    own,
  )
})

test('permit_mx_backup: domains whose DNS names us as a second choice, and no other', async () => {
  const own = { ownAddresses: () => ['198.51.100.1'], ownNames: ['us.org'] }
  const to = (recipient: string) => ({ recipient })
  const denied = (address: string) => `554 5.7.1 <${address}>: Relay access denied`
  const rows: readonly Row[] = [
    ['', to('x@backed.net'), 'ok'],
    ['', to('x@addressed.net'), 'ok'],
    ['', to('x@first.net'), denied('x@first.net')],
    ['', to('x@good.net'), denied('x@good.net')],
    ['', to('x%y.net@backed.net'), denied('x%y.net@backed.net')],
    [
      '',
      to('x@halfway.net'),
      '450 4.4.4 <x@halfway.net>: Recipient address rejected: Unable to look up mail exchanger information',
    ],
  ]
  const restrictions = { relay: 'permit_mx_backup, reject_unauth_destination' }
  for (const [, asked, answer] of rows)
    assert.equal(await said(policyOf({ ...own, restrictions }), request(asked)), answer, asked?.recipient)
  for (const [networks, answer] of [
    ['192.0.2.0/24', 'ok'],
    ['203.0.113.0/24', denied('x@backed.net')],
  ] as const) {
    const policy = policyOf({ ...own, restrictions, mxBackupNetworks: [networks] })
    assert.equal(await said(policy, request(to('x@backed.net'))), answer)
  }
})

test('smtpd_sender_login_maps: who may use which sender address', async () => {
  const senderLoginMaps = [
    'inline:{ { sales@us.org = bob@us.org, carol@us.org } { @team.org = bob@us.org } { boss = alice } }',
  ]
  const notOwned = (sender: string, user: string) =>
    `553 5.7.1 <${sender}>: Sender address rejected: not owned by user ${user}`
  const notLoggedIn = (sender: string) => `553 5.7.1 <${sender}>: Sender address rejected: not logged in`
  const rule = 'reject_sender_login_mismatch'
  await check(
    [
      [rule, { user: 'bob@us.org', sender: 'sales@us.org' }, 'ok'],
      [rule, { user: 'BOB@us.org', sender: 'Sales@us.org' }, 'ok'],
      [rule, { user: 'bob@us.org', sender: 'sales+spring@us.org' }, 'ok'],
      [rule, { user: 'bob@us.org', sender: 'anyone@team.org' }, 'ok'],
      [rule, { user: 'alice@us.org', sender: 'boss@us.org' }, 'ok'],
      [rule, { user: 'dave@us.org', sender: 'sales@us.org' }, notOwned('sales@us.org', 'dave@us.org')],
      [rule, { user: 'dave@us.org', sender: 'dave@us.org' }, 'ok'],
      [rule, { user: 'dave@us.org', sender: 'erin@us.org' }, notOwned('erin@us.org', 'dave@us.org')],
      [rule, { user: 'dave@us.org', sender: '' }, 'ok'],
      [rule, { sender: 'sales@us.org' }, notLoggedIn('sales@us.org')],
      [rule, { sender: 'x@elsewhere.net' }, 'ok'],
      ['reject_authenticated_sender_login_mismatch', { sender: 'sales@us.org' }, 'ok'],
      [
        'reject_authenticated_sender_login_mismatch',
        { user: 'dave@us.org', sender: 'erin@us.org' },
        notOwned('erin@us.org', 'dave@us.org'),
      ],
      [
        'reject_unauthenticated_sender_login_mismatch',
        { sender: 'sales@us.org' },
        notLoggedIn('sales@us.org'),
      ],
      ['reject_unauthenticated_sender_login_mismatch', { user: 'dave@us.org', sender: 'sales@us.org' }, 'ok'],
      ['reject_known_sender_login_mismatch', { user: 'dave@us.org', sender: 'erin@us.org' }, 'ok'],
      [
        'reject_known_sender_login_mismatch',
        { user: 'dave@us.org', sender: 'sales@us.org' },
        notOwned('sales@us.org', 'dave@us.org'),
      ],
    ],
    { senderLoginMaps },
  )
})

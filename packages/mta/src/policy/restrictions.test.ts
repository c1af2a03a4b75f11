import assert from 'node:assert/strict'
import { test } from 'node:test'
import { restrictions } from './index.ts'
import { events, name, policyOf, request, said } from './policy-fixture.ts'

test('P2–P7: each restriction says what Postfix 3.7 says', async () => {
  const rows: readonly [string, Parameters<typeof request>[0], string][] = [
    ['defer_unauth_destination', { recipient: 'a@far.net' }, '454 4.7.1 <a@far.net>: Relay access denied'],
    ['reject', {}, '554 5.7.1 <bob@us.org>: Recipient address rejected: Access denied'],
    ['defer', {}, '450 4.3.2 <bob@us.org>: Recipient address rejected: Try again later'],
    ['permit, reject', {}, 'ok'],
    ['permit_mynetworks, reject', { own: true }, 'ok'],
    ['permit_sasl_authenticated, reject', { user: 'x' }, 'ok'],
    ['permit_auth_destination, reject', {}, 'ok'],
    ['permit_auth_destination, reject', { recipient: 'a@relay.org' }, 'ok'],
    [
      'reject_unknown_sender_domain',
      { sender: 'a@none.net' },
      '450 4.1.8 <a@none.net>: Sender address rejected: Domain not found',
    ],
    ['reject_unknown_sender_domain', { sender: 'a@addr.net' }, 'ok'],
    ['reject_unknown_sender_domain', { sender: 'a@us.org' }, 'ok'],
    ['reject_unknown_sender_domain', { sender: '' }, 'ok'],
    [
      'reject_unknown_sender_domain',
      { sender: 'a@slow.net' },
      '450 4.1.8 <a@slow.net>: Sender address rejected: Domain not found',
    ],
    [
      'reject_unknown_sender_domain, reject',
      { sender: 'a@slow.net' },
      '554 5.7.1 <bob@us.org>: Recipient address rejected: Access denied',
    ],
    [
      'reject_unknown_sender_domain',
      { sender: 'a@nullmx.net' },
      '550 5.7.27 <a@nullmx.net>: Sender address rejected: Domain nullmx.net does not accept mail (nullMX)',
    ],
    [
      'reject_non_fqdn_sender',
      { sender: 'bob' },
      '504 5.5.2 <bob>: Sender address rejected: need fully-qualified address',
    ],
    [
      'reject_non_fqdn_sender',
      { sender: 'bob@host' },
      '504 5.5.2 <bob@host>: Sender address rejected: need fully-qualified address',
    ],
    ['reject_non_fqdn_sender', { sender: '' }, 'ok'],
    [
      'reject_non_fqdn_recipient',
      { recipient: 'bob' },
      '504 5.5.2 <bob>: Recipient address rejected: need fully-qualified address',
    ],
    ['reject_non_fqdn_recipient', { recipient: 'Postmaster' }, 'ok'],
    [
      'reject_non_fqdn_helo_hostname',
      { helo: 'pc' },
      '504 5.5.2 <pc>: Helo command rejected: need fully-qualified hostname',
    ],
    ['reject_non_fqdn_helo_hostname', { helo: '[192.0.2.1]' }, 'ok'],
    [
      'reject_invalid_helo_hostname',
      { helo: 'a..b' },
      '501 5.5.2 <a..b>: Helo command rejected: Invalid name',
    ],
    [
      'reject_invalid_helo_hostname',
      { helo: '[1.2.3]' },
      '501 5.5.2 <[1.2.3]>: Helo command rejected: invalid ip address',
    ],
    ['reject_invalid_helo_hostname', { helo: '[IPv6:::1]' }, 'ok'],
    [
      'reject_unknown_helo_hostname',
      { helo: 'none.net' },
      '450 4.7.1 <none.net>: Helo command rejected: Host not found',
    ],
    ['reject_unknown_helo_hostname', { helo: 'good.net' }, 'ok'],
    [
      'reject_unknown_client_hostname',
      {},
      '450 4.7.25 Client host rejected: cannot find your hostname, [192.0.2.9]',
    ],
    ['reject_unknown_client_hostname', { clientName: name('ok', 'c.net') }, 'ok'],
    ['reject_unknown_reverse_client_hostname', { clientName: name('forged', 'c.net') }, 'ok'],
    [
      'reject_unknown_reverse_client_hostname',
      {},
      '450 4.7.1 Client host rejected: cannot find your reverse hostname, [192.0.2.9]',
    ],
    [
      'reject_unlisted_recipient, permit',
      { recipient: 'nobody@us.org' },
      '550 5.1.1 <nobody@us.org>: Recipient address rejected: User unknown in local recipient table',
    ],
    [
      'reject_unlisted_sender',
      { sender: 'nobody@us.org' },
      '550 5.1.0 <nobody@us.org>: Sender address rejected: User unknown in local recipient table',
    ],
    [
      'permit',
      { recipient: 'nobody@us.org' },
      '550 5.1.1 <nobody@us.org>: Recipient address rejected: User unknown in local recipient table',
    ],
    ['permit', { recipient: 'broken@us.org' }, '451 4.3.0 <broken@us.org>: Temporary lookup failure'],
    [
      'permit',
      { recipient: 'off@us.org' },
      '550 5.1.1 <off@us.org>: Recipient address rejected: local delivery is disabled',
    ],
    [
      'reject_unauth_pipelining',
      { improperPipelining: true },
      '503 5.5.0 <bob@us.org>: Recipient address rejected: Improper use of SMTP command pipelining',
    ],
    ['reject_plaintext_session', {}, '450 4.7.1 Session encryption is required'],
    [
      'reject_multi_recipient_bounce',
      { sender: '', recipientCount: 1 },
      '550 5.5.3 <bob@us.org>: Recipient address rejected: Multi-recipient bounce',
    ],
    [
      'reject_sender_login_mismatch',
      { user: 'x@us.org' },
      '553 5.7.1 <a@good.net>: Sender address rejected: not owned by user x@us.org',
    ],
    [
      'reject_rbl_client bl.example',
      {},
      '554 5.7.1 Service unavailable; Client host [192.0.2.9] blocked using bl.example; seehttp://bl',
    ],
    ['reject_rbl_client bl.example=127.0.0.[2..3]', {}, 'ok'],
    [
      'reject_rbl_client bl.example=127.0.0.[2;4]',
      {},
      '554 5.7.1 Service unavailable; Client host [192.0.2.9] blocked using bl.example; seehttp://bl',
    ],
    ['reject_rbl_client dead.example', {}, 'ok'],
    [
      'reject_rhsbl_sender dbl.example',
      { sender: 'x@spam.net' },
      '554 5.7.1 Service unavailable; Sender address [x@spam.net] blocked using dbl.example',
    ],
    ['permit_dnswl_client wl.example, reject', { address: '192.0.2.8' }, 'ok'],
    [
      'permit_dnswl_client wl.example, reject_unauth_destination',
      { address: '192.0.2.8', recipient: 'a@far.net' },
      '554 5.7.1 <a@far.net>: Relay access denied',
    ],
    [
      'defer_if_reject, reject',
      {},
      '450 4.7.0 <bob@us.org>: Recipient address rejected: defer_if_reject requested',
    ],
    [
      'defer_if_permit, permit',
      {},
      '450 4.7.0 <bob@us.org>: Recipient address rejected: defer_if_permit requested',
    ],
    ['defer_if_permit, reject', {}, '554 5.7.1 <bob@us.org>: Recipient address rejected: Access denied'],
  ]
  for (const [list, over, expected] of rows) {
    const policy = policyOf({
      restrictions: { recipient: list, relay: 'permit, reject' },
    })
    assert.equal(await said(policy, request(over)), expected, `${list} ${JSON.stringify(over)}`)
  }
})

test('P8, P9, P10: access(5), where and what', async () => {
  const rows: readonly [string, Parameters<typeof request>[0], string][] = [
    [
      'check_sender_access inline:{good.net=REJECT}',
      {},
      '554 5.7.1 <a@good.net>: Sender address rejected: Access denied',
    ],
    [
      'check_sender_access inline:{{a@=REJECT go away}}',
      {},
      '554 5.7.1 <a@good.net>: Sender address rejected: go away',
    ],
    [
      'check_sender_access inline:{{<>=550 5.7.9 no bounces}}',
      { sender: '' },
      '550 5.7.9 <>: Sender address rejected: no bounces',
    ],
    [
      'check_sender_access inline:{{net=550 5.1.1 gone}}',
      {},
      '550 5.1.7 <a@good.net>: Sender address rejected: gone',
    ],
    [
      'check_sender_access inline:{us.org=REJECT}',
      { sender: 'bob' },
      '554 5.7.1 <bob>: Sender address rejected: Access denied',
    ],
    [
      'check_recipient_access inline:{bob@us.org=DEFER}',
      {},
      '450 4.7.1 <bob@us.org>: Recipient address rejected: Access denied',
    ],
    [
      'check_recipient_access inline:{{bob@us.org=450 later}}',
      { recipient: 'bob+x@us.org' },
      '450 4.7.1 <bob+x@us.org>: Recipient address rejected: later',
    ],
    ['check_recipient_access inline:{us.org=OK}, reject', {}, 'ok'],
    ['check_recipient_access inline:{us.org=12345}, reject', {}, 'ok'],
    ['check_recipient_access inline:{us.org=RELAY}, reject', {}, 'ok'],
    ['check_recipient_access inline:{us.org=450}, reject', {}, 'ok'],
    [
      'check_recipient_access inline:{us.org=OK}, reject_unauth_destination',
      { recipient: 'bob%far.net@us.org' },
      '554 5.7.1 <bob%far.net@us.org>: Relay access denied',
    ],
    [
      'check_recipient_access inline:{us.org=REJECT}, permit',
      { recipient: '"bob@far.net"@us.org' },
      '554 5.7.1 <"bob@far.net"@us.org>: Recipient address rejected: Access denied',
    ],
    [
      'check_recipient_access inline:{bob@us.org=DUNNO,us.org=OK}, reject',
      {},
      '554 5.7.1 <bob@us.org>: Recipient address rejected: Access denied',
    ],
    [
      'check_client_access inline:{192.0.2=REJECT}',
      {},
      '554 5.7.1 <unknown[192.0.2.9]>: Client host rejected: Access denied',
    ],
    [
      'check_client_access inline:{{c.net=554 spam}}',
      { clientName: name('ok', 'a.c.net') },
      '554 5.7.1 <a.c.net[192.0.2.9]>: Client host rejected: spam',
    ],
    ['inline:{us.org=REJECT}', {}, '554 5.7.1 <bob@us.org>: Recipient address rejected: Access denied'],
    [
      'check_helo_access inline:{client.net=REJECT}',
      {},
      '554 5.7.1 <client.net>: Helo command rejected: Access denied',
    ],
    [
      'check_helo_access inline:{{client.net=DEFER_IF_PERMIT}}',
      {},
      '450 4.7.1 <client.net>: Helo command rejected: Service unavailable',
    ],
    [
      'check_helo_access inline:{{client.net=DEFER_IF_REJECT later}}, reject',
      {},
      '450 4.7.1 <client.net>: Helo command rejected: later',
    ],
    [
      'check_sender_access inline:{{good.net=permit_mynetworks, reject}}',
      {},
      '554 5.7.1 <a@good.net>: Sender address rejected: Access denied',
    ],
    ['check_sender_access inline:{{good.net=permit_mynetworks, reject}}', { own: true }, 'ok'],
    ['check_sender_access inline:{good.net=nosuch}', {}, '451 4.3.5 Server configuration error'],
    [
      'check_sender_access inline:{{good.net=permit_mynetworks, OK}}',
      {},
      '451 4.3.5 Server configuration error',
    ],
    ['check_sender_access inline:{{good.net=permit_mynetworks, OK}}', { own: true }, 'ok'],
    [
      'check_sender_access inline:{good.net=}',
      {},
      '451 4.3.5 <a@good.net>: Sender address rejected: Server configuration error',
    ],
    ['check_sender_access inline:{{good.net=REDIRECT nobody}}', {}, 'ok'],
    ['check_sender_access inline:{{good.net=250 fine}}', {}, '451 4.3.5 Server configuration error'],
    [
      'check_sender_access inline:{{good.net=421 bye}}',
      {},
      '421 4.7.1 <a@good.net>: Sender address rejected: bye',
    ],
    ['warn_if_reject reject, permit', {}, 'ok'],
    [
      'warn_if_reject check_sender_access inline:{good.net=REJECT}, reject',
      {},
      '554 5.7.1 <bob@us.org>: Recipient address rejected: Access denied',
    ],
  ]
  for (const [list, over, expected] of rows) {
    const policy = policyOf({
      restrictions: { recipient: list, relay: 'permit, reject' },
    })
    assert.equal(await said(policy, request(over)), expected, `${list} ${JSON.stringify(over)}`)
  }
  assert.ok(
    events.some((event) =>
      event.text.startsWith(
        'reject_warning: RCPT from unknown[192.0.2.9]: 554 5.7.1 <bob@us.org>: Recipient address rejected: Access denied; from=<a@good.net> to=<bob@us.org> proto=ESMTP helo=<client.net>',
      ),
    ),
  )
  assert.ok(
    events.some((event) =>
      /access table inline:.*entry "a@good.net": .*unknown restriction "nosuch"/.test(event.text),
    ),
  )
})

test('every restriction has one file and its names are distinct', () => {
  const names = [...restrictions.keys()]
  assert.equal(new Set(names).size, names.length)
  for (const each of new Set(restrictions.values())) assert.match(each.names[0] ?? '', /^[a-z_]+$/)
})

test('Postfix: unknown_address_tempfail_action, unknown_helo_hostname_tempfail_action = defer', async () => {
  const deferring = (recipient: string) =>
    policyOf({
      restrictions: { recipient, relay: 'permit, reject' },
      codes: { unknownAddressTempfail: 'defer', unknownHeloTempfail: 'defer' },
    })
  const slow = { sender: 'a@slow.net', helo: 'slow.net' }
  assert.equal(
    await said(deferring('reject_unknown_sender_domain, reject'), request(slow)),
    '450 4.1.8 <a@slow.net>: Sender address rejected: Domain not found',
  )
  assert.equal(
    await said(deferring('reject_unknown_helo_hostname, reject'), request(slow)),
    '450 4.7.1 <slow.net>: Helo command rejected: Host not found',
  )
})

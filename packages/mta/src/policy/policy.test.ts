import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fitStatus, PolicyError, type PolicyOptions } from './index.ts'
import { parseListZone } from './list-zone.ts'
import { events, policyOf, request, said } from './policy-fixture.ts'

test('P13: the open-relay matrix', async () => {
  const policy = policyOf({
    restrictions: { relay: 'permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination' },
  })
  const denied = (address: string) => `554 5.7.1 <${address}>: Relay access denied`
  const clients = { outside: {}, own: { own: true as const }, user: { user: 'alice@us.org' } }
  const rows: readonly [string, keyof typeof clients, string][] = [
    ['bob@us.org', 'outside', 'ok'],
    ['bob@box.org', 'outside', 'ok'],
    ['bob@va.org', 'outside', 'ok'],
    ['bob@relay.org', 'outside', 'ok'],
    ['bob@far.net', 'outside', denied('bob@far.net')],
    ['bob@far.net', 'own', 'ok'],
    ['bob@far.net', 'user', 'ok'],
    ['bob%far.net@us.org', 'outside', denied('bob%far.net@us.org')],
    ['far.net!bob@us.org', 'outside', denied('far.net!bob@us.org')],
    ['"bob@far.net"@us.org', 'outside', denied('"bob@far.net"@us.org')],
    ['bob%far.net@relay.org', 'outside', denied('bob%far.net@relay.org')],
    ['bob@[192.0.2.99]', 'outside', denied('bob@[192.0.2.99]')],
    ['bob', 'outside', 'ok'],
    ['bob@us.org.far.net', 'outside', denied('bob@us.org.far.net')],
  ]
  for (const [recipient, client, expected] of rows) {
    assert.equal(
      await said(policy, request({ ...clients[client], recipient })),
      expected,
      `${client} ${recipient}`,
    )
  }
})

test('what each restriction says is in the log when that is asked for', async () => {
  const options: Partial<PolicyOptions> = {
    recipient: 'managers, check_sender_access inline:{clerk@us.org=HOLD}, warn_if_reject reject, permit',
    restrictionClasses: { managers: 'check_sender_access inline:{boss@us.org=OK}' },
  } as Partial<PolicyOptions>
  const linesOf = async (more: Partial<PolicyOptions>) => {
    const before = events.length
    await said(policyOf({ ...options, ...more }), request({ sender: 'clerk@us.org', queueId: 'A1' }))
    return events.slice(before).filter(({ level }) => level === 'debug')
  }
  const told = await linesOf({ verdicts: 'logged' })
  assert.deepEqual(
    told.map(({ text }) => text.replace(/^restriction: RCPT from \S+: |; from=.*$/g, '')),
    [
      'permit_mynetworks: no opinion',
      'reject_unauth_destination: no opinion',
      'check_sender_access inline:{boss@us.org=OK}: no opinion',
      'managers: no opinion',
      'check_sender_access inline:{clerk@us.org=HOLD}: hold',
      'warn_if_reject: the next one only warns',
      'reject: refused, 554 5.7.1 <bob@us.org>: Recipient address rejected: Access denied',
      'permit: permitted',
    ],
  )
  assert.deepEqual([told[0]?.service, told[0]?.queueId], ['smtpd', 'A1'])
  assert.deepEqual(await linesOf({}), [])
})

test('P11: restriction classes let only managers write to everybody', async () => {
  const policy = policyOf({
    restrictions: {
      recipient: 'check_recipient_access inline:{all@us.org=managers_only}, permit',
      relay: 'reject_unauth_destination',
    },
    restrictionClasses: { managers_only: 'check_sender_access inline:{boss@us.org=OK}, reject' },
  })
  assert.equal(await said(policy, request({ sender: 'boss@us.org', recipient: 'all@us.org' })), 'ok')
  assert.equal(
    await said(policy, request({ sender: 'clerk@us.org', recipient: 'all@us.org' })),
    '554 5.7.1 <all@us.org>: Recipient address rejected: Access denied',
  )
  assert.equal(await said(policy, request({ sender: 'clerk@us.org' })), 'ok')
  const endless = policyOf({
    restrictions: { recipient: 'loop, reject' },
    restrictionClasses: { loop: 'check_sender_access inline:{good.net=loop}' },
  })
  assert.equal(await said(endless, request()), '451 4.3.5 Server configuration error')
})

test('P1: stages and smtpd_delay_reject', async () => {
  const lists: PolicyOptions['restrictions'] = {
    client: 'check_client_access inline:{192.0.2.9=REJECT}',
    helo: 'reject_non_fqdn_helo_hostname',
    sender: 'reject_non_fqdn_sender',
    recipient: 'reject_unauth_destination',
    data: 'reject_multi_recipient_bounce',
    end_of_data: 'check_sender_access inline:{good.net=REJECT}',
    etrn: 'check_etrn_access inline:{us.org=REJECT}',
  }
  const outcomes = async (delayReject: 'yes' | 'no') => {
    const policy = policyOf({ restrictions: lists, delayReject })
    const codes: string[] = []
    for (const command of ['connect', 'helo', 'mail', 'rcpt', 'data', 'end-of-data', 'etrn'] as const) {
      const reply = await said(policy, request({ helo: 'pc', sender: 'bob', etrnDomain: 'us.org' }), command)
      codes.push(reply === 'ok' ? reply : reply.slice(0, reply.indexOf('>') + 1))
    }
    return codes
  }
  const client = '554 5.7.1 <unknown[192.0.2.9]>'
  assert.deepEqual(await outcomes('yes'), ['ok', 'ok', 'ok', client, 'ok', 'ok', client])
  assert.deepEqual(await outcomes('no'), [
    client,
    '504 5.5.2 <pc>',
    '504 5.5.2 <bob>',
    'ok',
    'ok',
    'ok',
    '554 5.7.1 <us.org>',
  ])
  const bounce = request({ sender: '', recipientCount: 2, recipient: undefined })
  const { refusal } = await policyOf({ restrictions: lists }).ask('data', bounce)
  assert.equal(refusal?.text, '<DATA>: Data command rejected: Multi-recipient bounce')
})

test('RFC 5321 §4.5.1: postmaster without a domain is taken from everybody', async () => {
  const policy = policyOf({ restrictions: { client: 'reject', recipient: 'reject' } })
  const refusals = async (recipient: string) =>
    (await policy.ask('rcpt', request({ recipient }))).refusal?.code ?? 'ok'
  assert.equal(await refusals('Postmaster'), 'ok')
  assert.equal(await refusals('postmaster@us.org'), 554)
})

test('lists that cannot work are refused at the start', () => {
  const rows: readonly [Partial<PolicyOptions>, RegExp][] = [
    [
      { restrictions: { recipient: 'permit_mynetwork, reject' } },
      /smtpd_recipient_restrictions: unknown restriction "permit_mynetwork"; did you mean "permit_mynetworks"\?/,
    ],
    [
      { restrictions: { recipient: 'permit_mynetworks' } },
      /specify at least one working instance of: reject_unauth_destination/,
    ],
    [
      { restrictions: { helo: 'reject_maps_rbl', relay: 'reject' } },
      /smtpd_helo_restrictions: restriction "reject_maps_rbl" is known to Postfix/,
    ],
    [
      { restrictions: { sender: 'check_sender_access', relay: 'reject' } },
      /check_sender_access needs a table after it/,
    ],
    [
      { restrictions: { client: 'reject_rbl_client nodots', relay: 'reject' } },
      /expected the domain of a DNS list/,
    ],
    [
      { restrictions: { relay: 'reject' }, restrictionClasses: { a: 'nosuch_thing' } },
      /a: unknown restriction "nosuch_thing"/,
    ],
    [
      { restrictions: { relay: 'reject' }, restrictionClasses: { permit: 'reject' } },
      /a restriction's own name/,
    ],
  ]
  for (const [options, message] of rows) {
    assert.throws(
      () => policyOf(options),
      (error) => error instanceof PolicyError && message.test(error.message),
      String(message),
    )
  }
  assert.throws(
    () => policyOf({ restrictions: { sender: 'check_sender_access hash:/no/such', relay: 'reject' } }),
    /cannot open/,
  )
  assert.throws(() => parseListZone('bl.example=1.2.3'), PolicyError)
  assert.throws(() => parseListZone('bl.example=1.2.3.[9..4]'), PolicyError)
})

test('RFC 3463: statuses fit what they are said of', () => {
  const rows = [
    ['5.1.1', 'Sender address', '5.1.7'],
    ['4.1.2', 'Sender address', '4.1.8'],
    ['5.1.8', 'Recipient address', '5.1.2'],
    ['5.1.1', 'Client host', '5.0.0'],
    ['5.7.1', 'Client host', '5.7.1'],
  ] as const
  for (const [status, subject, expected] of rows) assert.equal(fitStatus(status, subject), expected)
})

test('P12, P14, P15: one client, a spoofed sender, a closed list of recipients', async () => {
  const policy = policyOf({
    restrictions: {
      client: 'check_client_access inline:{192.0.2.66=REJECT}',
      sender: 'permit_mynetworks, check_sender_access inline:{us.org=REJECT}',
      relay: 'reject_unauth_destination',
      recipient: 'check_recipient_access inline:{bob@us.org=OK, {far.net=REJECT not there}}, reject',
    },
  })
  const rows: readonly [Parameters<typeof request>[0], string][] = [
    [{}, 'ok'],
    [{ address: '192.0.2.66' }, '554 5.7.1 <unknown[192.0.2.66]>: Client host rejected: Access denied'],
    [{ sender: 'boss@us.org' }, '554 5.7.1 <boss@us.org>: Sender address rejected: Access denied'],
    [{ sender: 'boss@us.org', own: true }, 'ok'],
    [{ recipient: 'carl@us.org' }, '554 5.7.1 <carl@us.org>: Recipient address rejected: Access denied'],
  ]
  for (const [over, expected] of rows) assert.equal(await said(policy, request(over)), expected)
})

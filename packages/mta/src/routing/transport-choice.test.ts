import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openMailFixture } from '../receive/mail-fixture.ts'
import type { RoutingOptions } from './routing-options.ts'

/** `to` or `sender > to`, and where it goes. */
async function routes(routing: Partial<RoutingOptions>, rows: readonly (readonly [string, string])[]) {
  const mail = await openMailFixture({ routing })
  try {
    for (const [what, expected] of rows) {
      const [sender = '', to = what] = what.includes(' > ') ? what.split(' > ') : ['carol@sender.net', what]
      const planned = await mail.routing.plan([{ address: to }], sender, 5)
      const found = planned.map(({ recipient: { address, route } }) =>
        route.kind === 'mailbox' ? `${address} mailbox` : `${route.transport}:${route.nextHop}`,
      )
      assert.equal(found.join(' '), expected, what)
    }
  } finally {
    await mail.close()
  }
}

test('transport(5): order of the lookups, what an entry changes', async () => {
  const entries = [
    'vip+x@far.net=smtp:[one.net]',
    'vip@far.net=smtp:[two.net]:2525',
    'far.net=lmtp:unix:/run/lmtp',
    '.far.net=relay:[sub.net]',
    'direct.net=smtp:',
    'hop.net=:[hop.example]',
    'same.net=:',
    '{closed.net=error:5.7.1 no mail to there}',
    '{plain.net=error:no mail to there}',
    'later.net=retry:',
    'hole.net=discard:',
    'alias.net=local:',
    'bob@example.org=smtp:[inside.example]',
    'relay.net=:[inner]:2025',
  ]
  await routes(
    {
      transportMaps: [`inline:{${entries.join(', ')}}`],
      relayhost: '[smart.net]',
      relayDomains: ['relay.net'],
    },
    [
      ['vip+x@far.net', 'smtp:[one.net]'],
      ['vip+y@far.net', 'smtp:[two.net]:2525'],
      ['other@far.net', 'lmtp:unix:/run/lmtp'],
      ['u@a.b.far.net', 'relay:[sub.net]'],
      ['u@direct.net', 'smtp:direct.net'],
      ['u@hop.net', 'smtp:[hop.example]'],
      ['u@same.net', 'smtp:[smart.net]'],
      ['u@closed.net', 'error:5.7.1 no mail to there'],
      ['u@plain.net', 'error:5.0.0 no mail to there'],
      ['u@later.net', 'retry:4.0.0 Address is undeliverable'],
      ['u@hole.net', 'discard:'],
      ['alice@alias.net', 'alice@example.org mailbox'],
      ['alice@example.org', 'alice@example.org mailbox'],
      ['bob@example.org', 'smtp:[inside.example]'],
      ['u@relay.net', 'relay:[inner]:2025'],
      ['u@else.net', 'smtp:[smart.net]'],
    ],
  )
  await routes({ transportMaps: ['inline:{*=smtp:[all.net],example.org=:}'] }, [
    ['u@x.net', 'smtp:[all.net]'],
    ['alice@example.org', 'alice@example.org mailbox'],
  ])
})

test('transport(5): a pattern table is asked once, with the whole address', async () => {
  const mail = await openMailFixture({
    files: { transport: '/^u\\+a@(.*)\\.net$/ smtp:[mx.$1]\n/^far\\.net$/ smtp:[never]\n' },
    routing: { transportMaps: ['regexp:$FOLDER/transport'] },
  })
  const planned = await mail.routing.plan([{ address: 'u+a@far.net' }, { address: 'u@far.net' }], '', 5)
  const hops = planned.map(({ recipient: { route } }) => (route.kind === 'queued' ? route.nextHop : ''))
  assert.deepEqual(hops, ['[mx.far]', 'far.net'])
  await mail.close()
})

test('relocated(5): the way there ends, with the new address', async () => {
  await routes(
    {
      relocatedMaps: [
        'inline:{old@example.org=new@far.net,gone=you@far.net,{@moved.net=Moved Inc., New York}}',
      ],
    },
    [
      ['old@example.org', 'error:5.1.6 User has moved to new@far.net'],
      ['gone+x@example.org', 'error:5.1.6 User has moved to you@far.net'],
      ['any@moved.net', 'error:5.1.6 User has moved to Moved Inc., New York'],
      ['alice@example.org', 'alice@example.org mailbox'],
    ],
  )
})

test('Postfix: relocated_prefix_enable = no: the table has the whole text', async () => {
  await routes(
    {
      relocatedPrefix: 'no',
      relocatedMaps: ['inline:{{old@example.org=5.2.1 closed in May},{gone@example.org=ask Ann}}'],
    },
    [
      ['old@example.org', 'error:5.2.1 closed in May'],
      ['gone@example.org', 'error:5.0.0 ask Ann'],
    ],
  )
})

test('sender_dependent_relayhost_maps: address, @domain, null sender, DUNNO', async () => {
  await routes(
    {
      relayhost: '[smart.net]',
      senderDependentRelayhostMaps: [
        'inline:{a@one.net=[relay.one]:587,@two.net=relay.two,<>=[bounces.net],no@two.net=DUNNO}',
      ],
    },
    [
      ['a@one.net > u@far.net', 'smtp:[relay.one]:587'],
      ['a+x@one.net > u@far.net', 'smtp:[relay.one]:587'],
      ['b@two.net > u@far.net', 'smtp:relay.two'],
      ['no@two.net > u@far.net', 'smtp:[smart.net]'],
      ['b@one.net > u@far.net', 'smtp:[smart.net]'],
      [' > u@far.net', 'smtp:[bounces.net]'],
      ['a@one.net > alice@example.org', 'alice@example.org mailbox'],
    ],
  )
})

test('empty_address_relayhost_maps_lookup_key, empty_address_default_transport_maps_lookup_key: the null sender', async () => {
  await routes(
    {
      nullSenderKeys: { relayhost: 'nobody', defaultTransport: 'nobody@' },
      senderDependentRelayhostMaps: ['inline:{<>=[never], nobody=[bounces.net]}'],
      senderDependentDefaultTransportMaps: ['inline:{nobody=never:, nobody@=slow:}'],
    },
    [[' > u@far.net', 'slow:[bounces.net]']],
  )
})

test('sender_dependent_default_transport_maps: the transport, and its next hop before relayhost', async () => {
  await routes(
    {
      relayhost: '[smart.net]',
      relayDomains: ['relay.net'],
      senderDependentDefaultTransportMaps: [
        'inline:{a@one.net=slow:, @two.net=lmtp:[inside]:24, no@two.net=DUNNO, {<>=error:no reports}}',
      ],
    },
    [
      ['a@one.net > u@far.net', 'slow:[smart.net]'],
      ['b@two.net > u@far.net', 'lmtp:[inside]:24'],
      ['no@two.net > u@far.net', 'smtp:[smart.net]'],
      [' > u@far.net', 'error:5.0.0 no reports'],
      ['a@one.net > u@relay.net', 'relay:[smart.net]'],
      ['a@one.net > alice@example.org', 'alice@example.org mailbox'],
    ],
  )
})

test('luser_relay: unknown local users lead elsewhere, names that are no plain words do not', async () => {
  await routes({ luserRelay: '$user@other.net', localRecipients: 'any' }, [
    ['nobody+x@example.org', 'smtp:other.net'],
    ['alice@example.org', 'alice@example.org mailbox'],
    ['"|/bin/sh"@example.org', 'local:5.1.1 unknown user: "|/bin/sh"'],
  ])
  // biome-ignore lint/suspicious/noTemplateCurlyInString: Postfix's own syntax
  await routes({ luserRelay: 'bob+${extension?$extension}${extension:none}', localRecipients: 'any' }, [
    ['nobody+x@example.org', 'bob@example.org mailbox'],
  ])
  await routes({ luserRelay: 'ghost' }, [['nobody@example.org', 'local:5.1.1 unknown user: "ghost"']])
})

test('RCPT: what tables refuse is refused with their text, and luser_relay opens the door', async () => {
  const mail = await openMailFixture({
    policy: { rejectUnlistedRecipient: 'yes' },
    routing: {
      transportMaps: [
        'inline:{{closed.net=error:no mail to there},{later.net=retry:come back},{for.good=error:4.3.1 or not}}',
      ],
      relocatedMaps: ['inline:{old@example.org=new@far.net}'],
    },
  })
  const session = await mail.session()
  const to = [
    'u@closed.net',
    'u@later.net',
    'u@for.good',
    'old@example.org',
    'nobody@example.org',
    'u@far.net',
  ]
  assert.deepEqual((await mail.say(session, 'x@far.net', to)).slice(1, 7), [
    '550 5.1.1 <u@closed.net>: Recipient address rejected: no mail to there',
    '450 4.1.1 <u@later.net>: Recipient address rejected: come back',
    '550 5.3.1 <u@for.good>: Recipient address rejected: or not',
    '550 5.1.6 <old@example.org>: Recipient address rejected: User has moved to new@far.net',
    '550 5.1.1 <nobody@example.org>: Recipient address rejected: User unknown in local recipient table',
    '250 2.1.5 Ok',
  ])
  await mail.close()
  const open = await openMailFixture({ routing: { localRecipients: 'any', luserRelay: 'bob' } })
  const said = await open.say(await open.session(), 'x@far.net', ['nobody@example.org'])
  assert.equal(said.at(-1), '250 2.0.0 Ok: queued as ID')
  assert.match((await open.inbox('bob@example.org'))[0] ?? '', /X-Original-To: nobody@example\.org\r\n/)
  await open.close()
})

test('always_bcc, sender_bcc_maps, recipient_bcc_maps: one copy each, with NOTIFY=NEVER', async () => {
  const mail = await openMailFixture({
    accounts: ['alice@example.org', 'bob@example.org', 'archive@example.org', 'boss@example.org'],
    routing: {
      alwaysBcc: 'archive',
      senderBccMaps: ['inline:{@sender.net=boss@example.org}'],
      recipientBccMaps: ['inline:{alice=archive@far.net,bob@example.org=boss@example.org}'],
    },
  })
  const rules = mail.routing.envelopeRules
  assert.deepEqual(
    rules?.apply('x@sender.net', [{ address: 'alice+y@example.org' }, { address: 'bob' }]).recipients,
    [
      { address: 'alice+y@example.org' },
      { address: 'bob' },
      { address: 'boss@example.org', notify: ['NEVER'] },
      { address: 'archive@far.net', notify: ['NEVER'] },
      { address: 'archive@example.org', notify: ['NEVER'] },
    ],
  )
  await mail.say(await mail.session(), 'x@sender.net', ['bob@example.org'])
  for (const name of ['bob', 'boss', 'archive'])
    assert.equal((await mail.inbox(`${name}@example.org`)).length, 1, name)
  await mail.close()
  const plain = await openMailFixture({})
  assert.equal(plain.routing.envelopeRules, undefined)
  await plain.close()
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type FixtureOptions, openMailFixture } from '../receive/mail-fixture.ts'
import { mayDelimit, verpSender } from './verp.ts'

/** Where mail for each address goes: `alice@example.org → lmtp:[host]`. */
async function routes(
  options: FixtureOptions,
  cases: readonly (readonly [string, readonly string[]])[],
  verp?: string,
) {
  const mail = await openMailFixture(options)
  try {
    for (const [address, expected] of cases) {
      const planned = await mail.routing.plan([{ address }], 'owner@sender.net', 5, {
        localMail: 'at-once',
        verp,
      })
      const found = planned.map(({ recipient: { address: to, route } }) => {
        if (route.kind === 'mailbox') return `${to} → mailbox`
        const from = route.sender === undefined ? '' : ` from ${route.sender}`
        return `${to} → ${route.transport}:${route.nextHop}${from}`
      })
      assert.deepEqual(found.toSorted(), expected.toSorted(), address)
    }
  } finally {
    await mail.close()
  }
}

const accounts = ['alice@example.org', 'bob@example.org', 'carl@example.org', 'eve@box.net']

test('local(8): mailbox_transport_maps, mailbox_command_maps, fallback_transport_maps, by user', async () => {
  const options: FixtureOptions = {
    accounts,
    files: { aliases: 'list: alice, bob\nself: \\alice\n' },
    routing: {
      aliasMaps: ['hash:$FOLDER/aliases'],
      mailboxTransportMaps: ['inline:{alice=lmtp:unix:/run/lmtp,bob=local:}'],
      mailboxCommandMaps: ['inline:{{carl=/usr/bin/procmail -a x}}'],
      fallbackTransportMaps: ['inline:{gone=smtp:[old.example.net],{shut=error:5.2.1 closed}}'],
      localRecipients: 'any',
    },
  }
  await routes(options, [
    ['alice@example.org', ['alice@example.org → lmtp:unix:/run/lmtp']],
    ['Alice+tag@example.org', ['Alice+tag@example.org → lmtp:unix:/run/lmtp']],
    ['bob@example.org', ['bob@example.org → mailbox']],
    ['carl@example.org', ['carl@example.org → mailbox_command:/usr/bin/procmail -a x']],
    ['list@example.org', ['alice@example.org → lmtp:unix:/run/lmtp', 'bob@example.org → mailbox']],
    ['self@example.org', ['alice@example.org → lmtp:unix:/run/lmtp']],
    // virtual(8) has nothing of this.
    ['eve@box.net', ['eve@box.net → mailbox']],
    ['gone@example.org', ['gone@example.org → smtp:[old.example.net]']],
    ['shut@example.org', ['shut@example.org → error:5.2.1 closed']],
    ['nobody@example.org', ['nobody@example.org → local:5.1.1 unknown user: "nobody"']],
  ])
})

test('local(8): mailbox_transport for everybody; without a next hop it is the domain', async () => {
  await routes({ accounts, routing: { mailboxTransport: 'lmtp', virtualTransport: 'discard:' } }, [
    ['alice@example.org', ['alice@example.org → lmtp:example.org']],
    ['nobody@example.org', ['nobody@example.org → lmtp:example.org']],
    ['eve@box.net', ['eve@box.net → discard:box.net']],
  ])
})

test('VERP_README: each recipient has a return path of its own, an owner- alias its owner', async () => {
  const options: FixtureOptions = {
    accounts,
    files: { aliases: 'list: x@far.net\nowned: x@far.net\nowner-owned: alice\n' },
    routing: {
      aliasMaps: ['hash:$FOLDER/aliases'],
      virtualAliasMaps: ['inline:{{both@va.net=x@far.net y@far.net}}'],
      virtualAliasDomains: ['va.net'],
    },
  }
  const cases = [
    ['x@far.net', ['x@far.net → smtp:far.net from owner-x+far.net@sender.net']],
    ['list@example.org', ['x@far.net → smtp:far.net from owner-list+example.org@sender.net']],
    ['owned@example.org', ['x@far.net → smtp:far.net from owner-owned@example.org']],
    [
      'both@va.net',
      [
        'x@far.net → smtp:far.net from owner-both+va.net@sender.net',
        'y@far.net → smtp:far.net from owner-both+va.net@sender.net',
      ],
    ],
    [
      'nobody@example.org',
      ['nobody@example.org → local:5.1.1 unknown user: "nobody" from owner-nobody+example.org@sender.net'],
    ],
  ] as const
  await routes(options, cases, '-+')
})

test('VERP_README: delimiters', () => {
  assert.equal(verpSender('', 'a@b', '+='), '')
  assert.equal(verpSender('o@h', 'a', '+='), 'o+a@h')
  for (const [delimiters, may] of [
    ['+=', true],
    ['-+', true],
    ['', false],
    ['+', false],
    ['+=-', false],
    ['+x', false],
  ] as const)
    assert.equal(mayDelimit(delimiters, '-=+'), may, delimiters)
})

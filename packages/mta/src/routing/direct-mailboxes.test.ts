import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openMailFixture } from '../receive/mail-fixture.ts'

test('what is remembered of a mailbox gives way to aliases, .forward and changed accounts', async () => {
  const mail = await openMailFixture({
    accounts: ['alice@example.org', 'bob@example.org', 'carol@example.org'],
    files: { aliases: 'nobody: bob\n', 'home/bob/.forward': 'carol\n' },
    routing: { aliasMaps: ['hash:$FOLDER/aliases'], homeDirectory: '$FOLDER/home' },
  })
  const way = async (address: string): Promise<string[]> =>
    (await mail.routing.plan([{ address }], 'x@far.net', mail.clock.ms)).map(
      ({ recipient }) => `${recipient.address} ${recipient.route.kind}`,
    )
  try {
    for (const _ of [1, 2, 3]) {
      assert.deepEqual(await way('alice@example.org'), ['alice@example.org mailbox'])
      assert.deepEqual(await way('bob@example.org'), ['carol@example.org mailbox'])
      assert.equal((await mail.routing.mailboxOf('alice@example.org'))?.address, 'alice@example.org')
      assert.equal(await mail.routing.mailboxOf('bob@example.org'), undefined)
    }
    writeFileSync(join(mail.folder, 'aliases'), 'alice: carol\nnobody: bob\n')
    mail.clock.ms += 1_001
    // The table is read off the event loop: the old contents may serve once more.
    for (let left = 500; left > 0 && (await way('alice@example.org'))[0]?.startsWith('alice'); left--) {
      mail.clock.ms += 1_001
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    assert.deepEqual(await way('alice@example.org'), ['carol@example.org mailbox'])

    assert.equal((await mail.routing.verify('carol@example.org')).kind, 'known')
    const carol = await mail.store.accounts.find('carol@example.org')
    assert.ok(carol)
    await mail.store.accounts.remove(carol.id)
    for (let left = 500; left > 0; left--) {
      if ((await mail.routing.verify('carol@example.org')).kind === 'unknown') break
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    assert.equal((await mail.routing.verify('carol@example.org')).kind, 'unknown')
  } finally {
    await mail.close()
  }
})

test('one recipient named twice, one copy; a mailbox reached directly and through an alias, one copy', async () => {
  const mail = await openMailFixture({
    accounts: ['alice@example.org'],
    files: { aliases: 'sales: alice\n' },
    routing: { aliasMaps: ['hash:$FOLDER/aliases'] },
  })
  try {
    const recipients = ['alice@example.org', 'sales@example.org', 'ALICE@example.org', 'alice@example.org']
    for (const _ of [1, 2]) {
      const planned = await mail.routing.plan(
        recipients.map((address) => ({ address })),
        '',
        mail.clock.ms,
      )
      assert.deepEqual(
        planned.map(({ recipient, deliveredTo }) => [recipient.address, deliveredTo]),
        [['alice@example.org', 'alice@example.org']],
      )
    }
  } finally {
    await mail.close()
  }
})

test('what an alias leads to is found as by the long way: another domain of mydestination, the last step changed', async () => {
  const mail = await openMailFixture({
    accounts: ['alice@example.org', 'bob@example.org'],
    files: { aliases: 'team: first\nfirst: alice\n' },
    routing: {
      aliasMaps: ['hash:$FOLDER/aliases'],
      myorigin: 'mx.example.org',
      mydestination: ['example.org', 'mx.example.org'],
    },
  })
  const way = async (): Promise<unknown> => {
    const [planned, ...others] = await mail.routing.plan(
      [{ address: 'team@example.org' }],
      'x@far.net',
      mail.clock.ms,
    )
    assert.deepEqual(others, [])
    return [
      planned?.recipient.address,
      planned?.originalTo,
      planned?.deliveredTo,
      planned?.recipient.route.kind,
    ]
  }
  try {
    const long = await way()
    assert.deepEqual(long, ['alice@example.org', 'team@example.org', 'team@example.org', 'mailbox'])
    for (const _ of [1, 2]) assert.deepEqual(await way(), long)
    writeFileSync(join(mail.folder, 'aliases'), 'team: first\nfirst: alice\nalice: bob\n')
    for (let left = 500; left > 0; left--) {
      mail.clock.ms += 1_001
      if (String(await way()).startsWith('bob')) break
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    assert.deepEqual(await way(), ['bob@example.org', 'team@example.org', 'team@example.org', 'mailbox'])
  } finally {
    await mail.close()
  }
})

test('aliases with an owner, several targets, a circle or a .forward behind them take the long way, again and again', async () => {
  const mail = await openMailFixture({
    accounts: ['alice@example.org', 'bob@example.org', 'carol@example.org'],
    files: {
      aliases:
        'list: alice\nowner-list: carol\nboth: alice, bob\nround: about\nabout: round\naway: bob\nself: alice\n',
      'home/bob/.forward': 'carol\n',
    },
    routing: { aliasMaps: ['hash:$FOLDER/aliases'], homeDirectory: '$FOLDER/home' },
  })
  const way = async (name: string): Promise<string[]> =>
    (await mail.routing.plan([{ address: `${name}@example.org` }], 'x@far.net', mail.clock.ms)).map(
      ({ recipient: { address, originalRecipient, route } }) => {
        const trace = Buffer.from(route.prefix ?? '').toString()
        const from = /Return-Path: <(.*)>/.exec(trace)?.[1]
        return `${address} ${originalRecipient} ${route.kind} ${from} ${/Delivered-To: (.*)\r/.exec(trace)?.[1]}`
      },
    )
  const expected: readonly (readonly [string, readonly string[]])[] = [
    ['self', ['alice@example.org rfc822;self@example.org mailbox x@far.net self@example.org']],
    ['list', ['alice@example.org rfc822;list@example.org mailbox owner-list@example.org list@example.org']],
    [
      'both',
      [
        'alice@example.org rfc822;both@example.org mailbox x@far.net both@example.org',
        'carol@example.org rfc822;both@example.org mailbox x@far.net both@example.org',
      ],
    ],
    ['away', ['carol@example.org rfc822;away@example.org mailbox x@far.net away@example.org']],
  ]
  try {
    for (const _ of [1, 2, 3]) {
      for (const [name, wanted] of expected) assert.deepEqual(await way(name), wanted, name)
      assert.match((await way('round')).join(), /^round@example\.org undefined queued/)
      assert.equal(await mail.routing.mailboxOf('self@example.org'), undefined)
    }
  } finally {
    await mail.close()
  }
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type FixtureOptions, openMailFixture } from '../receive/mail-fixture.ts'
import { routes } from './routing-fixture.ts'

test('ADDRESS_CLASS_README: local, mailbox, virtual alias, relay, default; next hops', async () => {
  const options: FixtureOptions = {
    accounts: ['alice@example.org', 'dan@box.net', 'a.b+c@example.org', 'eve@second.org'],
    routing: {
      mydestination: ['example.org', 'localhost', 'second.org', '$FOLDER/names'],
      virtualAliasMaps: ['inline:{va.net=x,info@va.net=alice,{two@va.net=alice dan@box.net},@all.net=alice}'],
      relayDomains: ['relay.net'],
    },
    files: { names: 'host2.example.org\n' },
  }
  await routes(options, [
    ['alice@example.org', ['alice@example.org → mailbox']],
    ['ALICE@Example.Org', ['ALICE@example.org → mailbox']],
    ['alice', ['alice@example.org → mailbox']],
    ['alice+x@example.org', ['alice+x@example.org → mailbox']],
    ['a.b+c@example.org', ['a.b+c@example.org → mailbox']],
    ['"alice"@example.org', ['"alice"@example.org → mailbox']],
    ['alice@host2.example.org', ['alice@host2.example.org → mailbox']],
    ['alice@[127.0.0.1]', ['alice@[127.0.0.1] → mailbox']],
    ['alice@[192.0.2.77]', ['alice@[192.0.2.77] → smtp:[192.0.2.77]']],
    ['dan@box.net', ['dan@box.net → mailbox']],
    ['eve', ['eve@example.org → mailbox']],
    ['eve+x@localhost', ['eve+x@localhost → mailbox']],
    ['alice@box.net', ['alice@box.net → virtual:5.1.1 unknown user: "alice@box.net"']],
    ['nobody@example.org', ['nobody@example.org → local:5.1.1 unknown user: "nobody"']],
    ['info@va.net', ['alice@example.org → mailbox']],
    ['two@va.net', ['alice@example.org → mailbox', 'dan@box.net → mailbox']],
    ['none@va.net', ['none@va.net → error:5.1.1 User unknown in virtual alias table']],
    ['x@relay.net', ['x@relay.net → relay:relay.net']],
    ['x@a.relay.net', ['x@a.relay.net → relay:a.relay.net']],
    ['X@Far.NET', ['X@far.net → smtp:far.net']],
    ['bob%far.net@example.org', ['bob@far.net → smtp:far.net']],
    ['far.net!bob@example.org', ['bob@far.net → smtp:far.net']],
    ['alice%example.org%far.net@example.org', ['alice%example.org@far.net → smtp:far.net']],
    ['alice%localhost@example.org', ['alice@localhost → mailbox']],
  ])
  await routes({ ...options, routing: { ...options.routing, relayhost: '[smart.net]:587' } }, [
    ['x@far.net', ['x@far.net → smtp:[smart.net]:587']],
    ['x@relay.net', ['x@relay.net → relay:[smart.net]:587']],
  ])
  await routes(
    { ...options, routing: { ...options.routing, localTransport: 'error: local delivery disabled' } },
    [['alice@example.org', ['alice@example.org → error:5.1.1 local delivery disabled']]],
  )
})

test('RFC 6531 §3.2: a domain has one spelling, in U-labels or A-labels', async () => {
  await routes({ accounts: ['eva@xn--bcher-kva.example'], routing: { mydestination: ['bücher.example'] } }, [
    ['eva@bücher.example', ['eva@xn--bcher-kva.example → mailbox']],
    ['eva@BÜCHER.example', ['eva@xn--bcher-kva.example → mailbox']],
    ['eva@xn--bcher-kva.example', ['eva@xn--bcher-kva.example → mailbox']],
    ['użytkownik@żółw.pl', ['użytkownik@xn--w-uga1v8h.pl → smtp:xn--w-uga1v8h.pl']],
  ])
})

test('RFC 5321 §4.5.1: postmaster always reaches someone', async () => {
  await routes({ accounts: ['first@box.net', 'second@box.net'] }, [
    ['postmaster', ['first@box.net → mailbox']],
    ['postmaster@box.net', ['first@box.net → mailbox']],
    ['MAILER-DAEMON@example.org', ['first@box.net → mailbox']],
  ])
  await routes(
    { accounts: ['first@box.net', 'second@box.net'], routing: { administrator: 'second@box.net' } },
    [['postmaster', ['second@box.net → mailbox']]],
  )
  await routes({ accounts: ['first@box.net'], routing: { administrator: 'admin@far.net' } }, [
    ['postmaster', ['admin@far.net → smtp:far.net']],
  ])
  await routes({ accounts: ['first@box.net', 'postmaster@example.org'] }, [
    ['postmaster', ['postmaster@example.org → mailbox']],
    ['mailer-daemon', ['first@box.net → mailbox']],
  ])
  // As Debian installs it, without an account for root.
  const debian = { files: { aliases: 'mailer-daemon: postmaster\npostmaster: root\n' } }
  const aliasMaps = ['hash:$FOLDER/aliases']
  await routes({ accounts: ['first@box.net'], ...debian, routing: { aliasMaps } }, [
    ['postmaster', ['first@box.net → mailbox']],
    ['mailer-daemon', ['first@box.net → mailbox']],
  ])
})

test('verify at RCPT, resolve from the queue, account changes are seen', async () => {
  const mail = await openMailFixture({
    files: { aliases: 'staff: alice\n' },
    routing: {
      aliasMaps: ['hash:$FOLDER/aliases'],
      relayDomains: ['relay.net', 'open.net'],
      relayRecipientMaps: ['inline:{ok@relay.net=x,@open.net=x}'],
    },
  })
  const rows: readonly [string, string][] = [
    ['alice@example.org', 'known'],
    ['alice+x', 'known'],
    ['staff', 'known'],
    ['postmaster', 'known'],
    ['nobody', 'local recipient table'],
    ['ok@relay.net', 'known'],
    ['no@relay.net', 'relay recipient table'],
    ['any@open.net', 'known'],
    ['x@far.net', 'known'],
    ['new@example.org', 'local recipient table'],
  ]
  const verdict = async (address: string) => {
    const known = await mail.routing.verify(address)
    return known.kind === 'unknown' ? known.table : known.kind
  }
  for (const [address, expected] of rows) assert.equal(await verdict(address), expected, address)
  await mail.store.accounts.create({
    address: 'new@example.org',
    passwordHash: '',
    enabled: true,
    quotaBytes: 0,
    home: '',
  })
  assert.equal(await verdict('new@example.org'), 'known')
  await mail.store.accounts.create({
    address: 'x@added.net',
    passwordHash: '',
    enabled: true,
    quotaBytes: 0,
    home: '',
  })
  await mail.store.accounts.setDomains(['example.org', 'added.net'])
  mail.clock.ms += 6_000
  assert.equal(
    mail.routing.classify('x@added.net').class === 'mailbox' ||
      mail.routing.classify('x@added.net').class === 'default',
    true,
  )
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(mail.routing.classify('x@added.net').class, 'mailbox')
  const resolve = (address: string) => mail.routing.resolve({ address, sender: '', nowMs: 0 })
  assert.equal((await resolve('alice')).kind, 'to')
  assert.deepEqual(await resolve('nobody'), {
    kind: 'refused',
    status: '5.1.1',
    text: 'unknown user: "nobody"',
    by: 'local',
  })
  assert.equal(mail.routing.owns('alice@example.org', 'Alice+tag@example.org', '+'), true)
  assert.equal(mail.routing.owns('alice@example.org', 'bob@example.org', '+'), false)
  await mail.close()
})

test('RFC 4314 §2.1: mail for user+mailbox goes into that mailbox where anyone may post', async () => {
  const mail = await openMailFixture({
    accounts: ['alice@example.org'],
    routing: { aliasMaps: ['inline:{list=alice+project}'] },
  })
  try {
    const { store, routing } = mail
    const alice = await store.accounts.find('alice@example.org')
    assert.ok(alice)
    const into = async (...to: string[]) => {
      const planned = await routing.plan(
        to.map((address) => ({ address })),
        'carol@sender.net',
        5,
      )
      return planned.map(({ recipient: { route } }) =>
        route.kind === 'mailbox' ? route.mailbox : route.kind,
      )
    }
    const { id } = await store.mailboxes.create(alice.id, 'Project/Büro')
    const anyone = (rights: string) =>
      store.sharing.changeAcl(id, { subject: { kind: 'anyone' }, effect: 'grants', op: 'replace', rights })
    assert.deepEqual(await into('alice+project/büro@example.org'), ['INBOX'])
    await anyone('lrs')
    assert.deepEqual(await into('alice+project/büro@example.org'), ['INBOX'])
    await anyone('p')
    assert.deepEqual(await into('alice+project/büro@example.org'), ['Project/Büro'])
    assert.deepEqual(await into('alice+Project@example.org', 'alice+nothing@example.org'), ['INBOX'])
    const project = await store.mailboxes.find(alice.id, 'Project')
    assert.ok(project)
    await store.sharing.changeAcl(project.id, {
      subject: { kind: 'anyone' },
      effect: 'grants',
      op: 'replace',
      rights: 'p',
    })
    assert.deepEqual(await into('list@example.org', 'alice@example.org', 'alice+PROJECT@example.org'), [
      'Project',
      'INBOX',
    ])
    await store.mailboxes.remove(alice.id, 'Project/Büro')
    assert.deepEqual(await into('alice+project/büro@example.org'), ['INBOX'])
  } finally {
    await mail.close()
  }
})

test('RFC 4314 §2.1: who submits may post where the list names him, his group, or all that log in', async () => {
  const mail = await openMailFixture({ accounts: ['alice@example.org', 'bob@example.org'] })
  try {
    const { store, routing } = mail
    const alice = await store.accounts.find('alice@example.org')
    const bob = await store.accounts.find('bob@example.org')
    assert.ok(alice && bob)
    const mailboxOf = async (poster?: string) => {
      const how = poster === undefined ? undefined : { localMail: 'at-once' as const, poster }
      const [planned] = await routing.plan([{ address: 'alice+team@example.org' }], 'bob@example.org', 5, how)
      const again = await routing.resolve({
        address: 'alice+team@example.org',
        sender: 'bob@example.org',
        nowMs: 5,
        poster,
      })
      const routes = [planned?.recipient.route, again.kind === 'to' && again.recipients[0]?.route]
      return routes.map((route) => route && route.kind === 'mailbox' && route.mailbox).join()
    }
    const { id } = await store.mailboxes.create(alice.id, 'Team')
    await store.sharing.createGroup('editors')
    const who = [
      { kind: 'user', account: bob.id },
      { kind: 'group', name: 'editors' },
      { kind: 'authenticated' },
    ] as const
    for (const subject of who) {
      const change = (op: 'add' | 'remove') =>
        store.sharing.changeAcl(id, { subject, effect: 'grants', op, rights: 'p' })
      assert.equal(await mailboxOf('bob@example.org'), 'INBOX,INBOX', subject.kind)
      await change('add')
      if (subject.kind === 'group') await store.sharing.changeMembership('editors', bob.id, 'member')
      assert.equal(await mailboxOf('bob@example.org'), 'Team,Team', subject.kind)
      assert.equal(await mailboxOf(), 'INBOX,INBOX', 'a stranger who says that he is bob')
      assert.equal(await mailboxOf('gone@example.org'), 'INBOX,INBOX')
      await change('remove')
    }
  } finally {
    await mail.close()
  }
})

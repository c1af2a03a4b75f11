import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mailFrom, openMailFixture, rcptTo, replyText } from './mail-fixture.ts'

test('a message for a local user is in the mailbox when 250 is said, with trace fields as Postfix writes them', async () => {
  const mail = await openMailFixture({
    zone: '5.2.0.192.in-addr.arpa. PTR mx.sender.net.\nmx.sender.net. A 192.0.2.5',
  })
  const session = await mail.session({ clientAddress: '192.0.2.5' })
  assert.deepEqual(await mail.say(session, 'carol@sender.net', ['Alice+news@Example.org']), [
    '250 2.1.0 Ok',
    '250 2.1.5 Ok',
    '354 End data with <CR><LF>.<CR><LF>',
    '250 2.0.0 Ok: queued as ID',
  ])
  const [text = ''] = await mail.inbox('alice@example.org')
  assert.match(
    text,
    new RegExp(
      [
        '^Return-Path: <carol@sender.net>\\r\\n',
        'X-Original-To: Alice\\+news@example.org\\r\\n',
        'Delivered-To: Alice\\+news@example.org\\r\\n',
        'Received: from client.example.net \\(mx.sender.net \\[192.0.2.5\\]\\)\\r\\n',
        '\\tby mx.example.org \\(Posthorn\\) with ESMTP id [0-9A-F]+\\r\\n',
        '\\tfor <Alice\\+news@example.org>; Sat, 21 Nov 2026 12:00:00 \\+0000( \\(UTC\\))?\\r\\n',
        'From: x@example.net\\r\\nMessage-ID: <1@x>\\r\\nSubject: hi\\r\\n\\r\\nbody\\r\\n$',
      ].join(''),
    ),
  )
  mail.handler.disconnect(session, { ehlo: [1, 1], mail: [1, 1], rcpt: [1, 2], quit: [1, 1], noop: [0, 0] })
  assert.deepEqual(mail.lines(), [
    'smtpd connect from mx.sender.net[192.0.2.5]',
    'smtpd ID: client=mx.sender.net[192.0.2.5]',
    'cleanup ID: message-id=<1@x>',
    `qmgr ID: from=<carol@sender.net>, size=${text.length - text.indexOf('Received:')}, nrcpt=1 (queue active)`,
    'local ID: to=<Alice+news@example.org>, relay=local, delay=0, delays=0/0/0/0, dsn=2.0.0, status=sent (delivered to mailbox)',
    'qmgr ID: removed',
    'smtpd disconnect from mx.sender.net[192.0.2.5] ehlo=1 mail=1 rcpt=1/2 quit=1 commands=4/5',
  ])
  await mail.close()
})

test("a refused recipient is logged and said in Postfix's words", async () => {
  const mail = await openMailFixture()
  const session = await mail.session({ clientAddress: '198.51.100.9', clientName: 'x' })
  mail.events.length = 0
  assert.deepEqual(await mail.say(session, 'carol@sender.net', ['dave@far.net', 'nobody@example.org']), [
    '250 2.1.0 Ok',
    '554 5.7.1 <dave@far.net>: Relay access denied',
    '550 5.1.1 <nobody@example.org>: Recipient address rejected: User unknown in local recipient table',
  ])
  assert.deepEqual(mail.lines(), [
    'smtpd NOQUEUE: reject: RCPT from unknown[198.51.100.9]: 554 5.7.1 <dave@far.net>: Relay access denied; from=<carol@sender.net> to=<dave@far.net> proto=ESMTP helo=<client.example.net>',
    'smtpd NOQUEUE: reject: RCPT from unknown[198.51.100.9]: 550 5.1.1 <nobody@example.org>: Recipient address rejected: User unknown in local recipient table; from=<carol@sender.net> to=<nobody@example.org> proto=ESMTP helo=<client.example.net>',
  ])
  await mail.close()
})

test('RFC 6409 §8: a submission gets Date, From, Message-ID and full addresses; Bcc goes', async () => {
  const mail = await openMailFixture()
  const session = await mail.session({
    service: 'submission',
    clientAddress: '198.51.100.9',
    protocol: 'ESMTPSA',
    user: { address: 'alice@example.org', method: 'PLAIN' },
  })
  const message =
    'To: bob, "Root, the" <root>,\r\n x@y.z (no one)\r\nBcc: secret@z\r\n more\r\nSubject: a: b\r\n\r\nhi\r\n'
  const replies = await mail.say(session, 'alice', ['bob', 'dave@far.net'], message)
  assert.equal(replies.at(-1), '250 2.0.0 Ok: queued as ID')
  const [text = ''] = await mail.inbox('bob@example.org')
  const queueId = /id ([0-9A-F]+)/.exec(text)?.[1]
  assert.equal(
    text.slice(text.indexOf('\r\nTo: bob') + 2),
    `To: bob@example.org, "Root, the" <root@example.org>,\r\n x@y.z (no one)\r\nSubject: a: b\r\n` +
      'Date: Sat, 21 Nov 2026 12:00:00 +0000' +
      (text.includes('(UTC)') ? ' (UTC)' : '') +
      `\r\nFrom: alice@example.org\r\nMessage-ID: <20261121120000.${queueId}@mx.example.org>\r\n\r\nhi\r\n`,
  )
  assert.ok(
    mail
      .lines()
      .includes('smtpd ID: client=unknown[198.51.100.9], sasl_method=PLAIN, sasl_username=alice@example.org'),
  )
  assert.ok(mail.lines().includes(`cleanup ID: message-id=<20261121120000.ID@mx.example.org>`))
  assert.equal(mail.lines().includes('qmgr ID: removed'), false)
  const [entry] = await mail.store.queue.list()
  assert.deepEqual(
    entry?.recipients.map(({ address, transport, nextHop }) => [address, transport, nextHop]),
    [['dave@far.net', 'smtp', 'far.net']],
  )
  assert.equal(entry?.origin.saslUsername, 'alice@example.org')
  await mail.close()
})

test('loops end: Received count, Delivered-To', async () => {
  const mail = await openMailFixture({ receive: { hopcountLimit: 3 } })
  const session = await mail.session()
  const hops = (count: number) => `${'Received: from a by b; date\r\n'.repeat(count)}\r\nx\r\n`
  assert.equal((await mail.say(session, 'a@b.c', ['alice'], hops(3))).at(-1), '250 2.0.0 Ok: queued as ID')
  assert.equal(
    (await mail.say(session, 'a@b.c', ['alice'], hops(4))).at(-1),
    '554 5.4.6 Error: too many hops',
  )
  const loop = 'Delivered-To: ALICE@example.org\r\nSubject: x\r\n\r\nx\r\n'
  assert.equal(
    (await mail.say(session, 'a@b.c', ['alice', 'bob'], loop)).at(-1),
    '250 2.0.0 Ok: queued as ID',
  )
  const [entry] = await mail.store.queue.list()
  assert.deepEqual(
    entry?.recipients.map(({ address, transport, nextHop }) => [address, transport, nextHop]),
    [['alice@example.org', 'local', '5.4.6 mail forwarding loop for alice@example.org']],
  )
  assert.equal((await mail.inbox('bob@example.org')).length, 1)
  assert.equal((await mail.inbox('alice@example.org')).length, 1)
  await mail.close()
})

test('limits: size, mailbox room', async () => {
  const mail = await openMailFixture({
    accounts: ['bob@example.org', { address: 'alice@example.org', quotaBytes: 2_000 }],
    receive: { messageSizeLimitBytes: 5_000 },
  })
  const session = await mail.session()
  const big = `Subject: x\r\n\r\n${'x'.repeat(1_990)}\r\n`
  const huge = `Subject: x\r\n\r\n${'x'.repeat(5_000)}\r\n`
  assert.equal((await mail.say(session, '', ['bob'], huge)).at(-1), '552 5.3.4 Error: message file too big')
  const { transaction } = await mail.handler.mail(session, mailFrom('a@b', { sizeBytes: 3_000 }))
  assert.equal(
    replyText((await transaction?.rcpt(rcptTo('alice'))) ?? { code: 0, text: '' }),
    '452 4.2.2 <alice>: Recipient address rejected: Mailbox is full',
  )
  await transaction?.abort('RSET')
  assert.equal((await mail.say(session, '', ['alice'], big)).at(-1), '250 2.0.0 Ok: queued as ID')
  mail.clock.ms += 2_000
  const after = await mail.say(session, '', ['alice'], big)
  // The first was over the quota itself: it waits in the queue, or filled the mailbox.
  assert.ok(
    ['250 2.0.0 Ok: queued as ID', '452 4.2.2 <alice>: Recipient address rejected: Mailbox is full'].includes(
      after.at(-1) ?? '',
    ),
  )
  assert.deepEqual(await mail.inbox('bob@example.org'), [])
  await mail.close()
})

test('store faults: 452 4.3.1 when the disk is full, 451 4.3.0 otherwise, nothing kept', async () => {
  const mail = await openMailFixture()
  const { StoreError } = await import('@posthorn/storage')
  const session = await mail.session()
  const accept = mail.store.queue.accept
  for (const [error, said] of [
    [new StoreError('no-space', 'disk full'), '452 4.3.1 Insufficient system storage'],
    [new Error('odd'), '451 4.3.0 Error: queue file write error'],
  ] as const) {
    mail.store.queue.accept = async () => {
      throw error
    }
    assert.equal((await mail.say(session, 'a@b.c', ['alice'])).at(-1), said)
    assert.ok(mail.events.some((event) => event.level === 'error' && event.error === error))
  }
  mail.store.queue.accept = accept
  assert.equal((await mail.say(session, 'a@b.c', ['alice'])).at(-1), '250 2.0.0 Ok: queued as ID')
  assert.equal((await mail.inbox('alice@example.org')).length, 1)
  await mail.close()
})

test('access(5) actions for the whole message: HOLD, DISCARD, REDIRECT, BCC, PREPEND, WARN', async () => {
  const mail = await openMailFixture({
    files: {
      access:
        'held@x.net HOLD looks odd\nlost@x.net DISCARD\nturned@x.net REDIRECT bob@example.org\ncopied@x.net BCC bob@example.org\nmarked@x.net PREPEND X-Mark: yes\nwarned@x.net WARN be careful\nbad@x.net PREPEND nothing\n',
    },
    policy: {
      restrictions: { sender: 'check_sender_access hash:$FOLDER/access', relay: 'permit_mynetworks, reject' },
    },
  })
  const session = await mail.session()
  const last = async (from: string) => (await mail.say(session, from, ['alice'])).at(-1)
  const ok = '250 2.0.0 Ok: queued as ID'
  assert.equal(await last('held@x.net'), ok)
  const [held] = await mail.store.queue.list()
  assert.equal(held?.hold, true)
  assert.deepEqual(
    held?.recipients.map(({ address, transport }) => [address, transport]),
    [['alice@example.org', 'local']],
  )
  assert.equal(await last('lost@x.net'), ok)
  assert.equal(await last('turned@x.net'), ok)
  assert.deepEqual(
    [(await mail.inbox('alice@example.org')).length, (await mail.inbox('bob@example.org')).length],
    [0, 1],
  )
  assert.equal(await last('copied@x.net'), ok)
  assert.deepEqual(
    [(await mail.inbox('alice@example.org')).length, (await mail.inbox('bob@example.org')).length],
    [1, 2],
  )
  assert.equal(await last('marked@x.net'), ok)
  assert.match((await mail.inbox('alice@example.org')).at(-1) ?? '', /\r\nX-Mark: yes\r\nReceived: /)
  assert.equal(await last('warned@x.net'), ok)
  const lines = mail.lines()
  assert.ok(lines.some((line) => line.includes('NOQUEUE: warn: RCPT from localhost[127.0.0.1]: be careful;')))
  assert.ok(
    lines.some((line) =>
      line.includes('hold: RCPT from localhost[127.0.0.1]: <held@x.net>: Sender address looks odd;'),
    ),
  )
  assert.ok(
    lines.some((line) =>
      line.includes(
        'discard: RCPT from localhost[127.0.0.1]: <lost@x.net>: Sender address triggers DISCARD action;',
      ),
    ),
  )
  assert.equal(await last('bad@x.net'), ok)
  assert.ok(mail.lines().some((line) => line.includes('entry "bad@x.net": PREPEND action')))
  await mail.close()
})

test('VRFY, EXPN, ETRN', async () => {
  const mail = await openMailFixture({ routing: { relayDomains: ['relay.net'] } })
  const stranger = await mail.session({ clientAddress: '198.51.100.9' })
  const local = await mail.session()
  const cases: readonly [string, typeof local, string][] = [
    ['alice', stranger, '252 2.0.0 alice'],
    ['<alice@example.org>', stranger, '252 2.0.0 <alice@example.org>'],
    [
      'nobody',
      stranger,
      '550 5.1.1 <nobody>: Recipient address rejected: User unknown in local recipient table',
    ],
    ['x@far.net', stranger, '554 5.7.1 <x@far.net>: Relay access denied'],
    ['x@far.net', local, '252 2.0.0 x@far.net'],
    ['', stranger, '501 5.5.4 Syntax: VRFY address [SMTPUTF8]'],
  ]
  for (const [argument, session, expected] of cases) {
    assert.equal(replyText(await mail.handler.vrfy(session, argument)), expected)
  }
  assert.match(replyText(await mail.handler.expn(local, 'staff')), /^500 5\.5\.2 /)
  const writer = mail.store.messages.stage()
  await writer.write(Buffer.from('Subject: x\r\n\r\n'))
  const later = 4e12
  const route = { kind: 'queued' as const, transport: 'smtp', nextHop: 'relay.net', dueMs: later }
  const queueId = mail.store.queue.newId(0)
  await mail.store.queue.accept({
    message: await writer.finish(),
    entry: {
      queueId,
      sender: '',
      recipients: ['a@Relay.net', 'b@far.net'].map((address) => ({ address, route })),
      options: {},
      origin: { clientName: '', clientAddress: '', helo: '', protocol: '' },
      arrivedMs: 1,
    },
  })
  assert.equal(replyText(await mail.handler.etrn(stranger, 'Relay.NET')), '250 Queuing started')
  assert.deepEqual(
    (await mail.store.queue.get(queueId))?.recipients.map(({ dueMs }) => dueMs < later),
    [true, false],
    'what waits there for others waits on',
  )
  assert.equal(replyText(await mail.handler.etrn(stranger, 'far.net')), '459 <far.net>: service unavailable')
  assert.equal(replyText(await mail.handler.etrn(stranger, 'a..b')), '501 Error: invalid parameter syntax')
  assert.equal(replyText(await mail.handler.etrn(stranger, 'a b')), '500 Syntax: ETRN domain')
  await mail.close()
})

test('RFC 3461 §5.2.3: a recipient whose success is to be reported goes through the queue', async () => {
  const mail = await openMailFixture({
    files: { aliases: 'staff: alice, bob\n' },
    routing: { aliasMaps: ['hash:$FOLDER/aliases'] },
  })
  const session = await mail.session()
  const { transaction } = await mail.handler.mail(session, mailFrom('a@b.c', { envid: 'E1', ret: 'HDRS' }))
  await transaction?.rcpt(
    rcptTo('staff', { notify: ['SUCCESS', 'FAILURE'], originalRecipient: 'rfc822;staff@x' }),
  )
  await transaction?.rcpt(rcptTo('bob', { notify: ['FAILURE'] }))
  await transaction?.data()
  await transaction?.write(Buffer.from('Subject: x\r\n\r\nx\r\n'))
  await transaction?.end()
  const [entry] = await mail.store.queue.list()
  assert.deepEqual(
    entry?.recipients.map(({ address, transport, notify, originalRecipient }) => ({
      address,
      transport,
      notify,
      originalRecipient,
    })),
    [
      {
        address: 'staff@example.org',
        transport: 'local',
        notify: ['SUCCESS', 'FAILURE'],
        originalRecipient: 'rfc822;staff@x',
      },
    ],
  )
  assert.deepEqual(entry?.options, { envid: 'E1', ret: 'HDRS' })
  assert.equal((await mail.inbox('bob@example.org')).length, 1)
  const resolved = await mail.routing.resolve({
    address: 'staff@example.org',
    sender: 'a@b.c',
    nowMs: 0,
    notify: ['SUCCESS'],
  })
  assert.deepEqual(resolved.kind === 'to' && resolved.recipients.map((one) => one.route.kind), [
    'mailbox',
    'mailbox',
  ])
  await mail.close()
})

test('a transaction that is abandoned leaves nothing', async () => {
  const mail = await openMailFixture()
  const session = await mail.session()
  const { transaction } = await mail.handler.mail(session, mailFrom('a@b.c'))
  await transaction?.rcpt(rcptTo('alice'))
  await transaction?.data()
  await transaction?.write(Buffer.from('Subject: half'))
  await transaction?.abort('lost connection')
  await transaction?.abort('again')
  assert.equal((await mail.say(session, 'a@b.c', ['alice'])).length, 4)
  assert.equal((await mail.inbox('alice@example.org')).length, 1)
  assert.equal(await mail.store.queue.count(), 0)
  await mail.close()
})

test('AUTH: wrong passwords are logged, faults are temporary', async () => {
  const mail = await openMailFixture()
  const session = await mail.session({ clientAddress: '198.51.100.9' })
  const credentials = { mechanism: 'PLAIN', authzid: '', authcid: 'alice', password: 'x' }
  const answer = await mail.handler.authenticate(session, credentials)
  assert.equal(answer.ok, false)
  assert.equal(
    replyText(answer.ok ? { code: 0, text: '' } : answer.reply),
    '535 5.7.8 Error: authentication failed: authentication failure',
  )
  assert.ok(
    mail
      .lines()
      .includes(
        'smtpd unknown[198.51.100.9]: SASL PLAIN authentication failed: authentication failure, sasl_username=alice',
      ),
  )
  await mail.close()
})

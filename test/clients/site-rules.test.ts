/** What administrators configure, on the whole server: the rows of docs/parity.md that one package alone cannot show. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ImapTalk, SmtpTalk } from './dialogue.ts'
import { alice, bob, eventually } from './mail-server.ts'
import { arrives, closing, letter, type Site, site } from './site.ts'

test('W1, W5, W6, S7, L1: a message on its way: replies with queue ID, trace fields, the lines of the log', async (t) => {
  const { server, log } = await site(t)
  const talk = await SmtpTalk.open(server.ports.smtp)
  closing(talk)
  const answer = await talk.message('c@elsewhere.example', alice.address, letter('the way'))
  const id = /^250 2\.0\.0 Ok: queued as ([0-9A-F]+)\r\n$/.exec(answer)?.[1]
  assert.ok(id !== undefined, answer)
  assert.match(await talk.say('QUIT'), /^221 2\.0\.0 Bye/)
  const text = await arrives({ server }, alice, 'the way')
  assert.match(
    text,
    /^Return-Path: <c@elsewhere\.example>\r\nX-Original-To: alice@example\.org\r\nDelivered-To: alice@example\.org\r\nReceived: from client\.example\.net /,
  )
  assert.match(
    text,
    new RegExp(`by mail\\.example\\.org \\([^)]+\\) with ESMTP id ${id}\\r\\n\\tfor <alice@example\\.org>; `),
  )
  const story = log.filter((line) => line.includes(`${id}: `)).join('\n')
  assert.match(story, /^smtpd: .*client=/m)
  assert.match(story, /^cleanup: .*message-id=</m)
  assert.match(story, /^qmgr: .*from=<c@elsewhere\.example>, size=\d+, nrcpt=1/m)
  assert.match(story, /to=<alice@example\.org>.*relay=.*delay=.*dsn=2\.0\.0, status=sent/)
  assert.match(story, /^qmgr: .*removed$/m)
})

test('L2, W4, P4, P13: refused at RCPT, in one line with reason, from, to and helo', async (t) => {
  const { server, log } = await site(t)
  const talk = await SmtpTalk.open(server.ports.smtp)
  closing(talk)
  await talk.say('MAIL FROM:<c@elsewhere.example>')
  assert.equal(
    await talk.say('RCPT TO:<d@far.example>'),
    '554 5.7.1 <d@far.example>: Relay access denied\r\n',
  )
  assert.ok(
    log.some((line) =>
      /^smtpd: NOQUEUE: reject: RCPT from \S+\[127\.0\.0\.1\]: 554 5\.7\.1 <d@far\.example>: Relay access denied; from=<c@elsewhere\.example> to=<d@far\.example> proto=ESMTP helo=<client\.example\.net>$/.test(
        line,
      ),
    ),
    log.join('\n'),
  )
})

test('L3: who logged in stands in the log', async (t) => {
  const { server, log } = await site(t)
  const talk = await SmtpTalk.login(server.ports.submission, alice)
  closing(talk)
  assert.match(await talk.message(alice.address, bob.address, letter('logged in')), /^250 /)
  assert.ok(
    log.some((line) => /client=\S+, sasl_method=PLAIN, sasl_username=alice@example\.org/.test(line)),
    log.join('\n'),
  )
})

test('P14: nobody outside uses our domain as sender', async (t) => {
  const rules = (file: Site['file']) => ({
    mynetworks: '192.0.2.0/24',
    smtpd_sender_restrictions: `permit_mynetworks, permit_sasl_authenticated, check_sender_access hash:${file('sender_access', 'example.org REJECT not yours\n')}`,
  })
  const { server } = await site(t, rules)
  const talk = await SmtpTalk.open(server.ports.smtp)
  closing(talk)
  assert.match(
    await talk.message('boss@example.org', alice.address, letter('spoofed')),
    /^554 5\.7\.1 <boss@example\.org>: Sender address rejected: not yours/,
  )
  const user = await SmtpTalk.login(server.ports.submission, bob)
  closing(user)
  assert.match(await user.message(bob.address, alice.address, letter('genuine')), /^250 /)
  await arrives({ server }, alice, 'genuine')
})

test('P8, P9, P12, C13: one client, one destination; an edited table acts without restart', async (t) => {
  const rules = (file: Site['file']) => ({
    smtpd_client_restrictions: `check_client_access hash:${file('client_access', '127.0.0 REJECT spam\n')}`,
    smtpd_recipient_restrictions: `check_recipient_access hash:${file('recipient_access', 'bob@ 550 5.1.1 gone\n')}`,
  })
  const { server, file } = await site(t, rules)
  const refused = await SmtpTalk.open(server.ports.smtp)
  closing(refused)
  assert.match(
    await refused.message('c@elsewhere.example', alice.address, letter('x')),
    /^554 5\.7\.1 \S+\[127\.0\.0\.1\]>?: Client host rejected: spam/,
  )
  refused.wire.close()
  file('client_access', '# nobody\n10.1.2.3 REJECT\n')
  await eventually('the edited table', async () => {
    const talk = await SmtpTalk.open(server.ports.smtp)
    closing(talk)
    await talk.say('MAIL FROM:<c@elsewhere.example>')
    const [one, other] = [
      await talk.say('RCPT TO:<alice@example.org>'),
      await talk.say('RCPT TO:<bob@example.org>'),
    ]
    talk.wire.close()
    return /^250 /.test(one) && /^550 5\.1\.1 .*gone/.test(other) ? true : undefined
  })
})

test('P15: only listed recipients are reached from outside', async (t) => {
  const { server } = await site(t, (file) => ({
    smtpd_recipient_restrictions: `permit_mynetworks, check_recipient_access hash:${file('listed', 'alice@example.org OK\n')}, reject`,
  }))
  const talk = await SmtpTalk.open(server.ports.smtp)
  closing(talk)
  await talk.say('MAIL FROM:<c@elsewhere.example>')
  assert.match(await talk.say('RCPT TO:<alice@example.org>'), /^250 /)
  assert.match(await talk.say('RCPT TO:<bob@example.org>'), /^554 5\.7\.1 .*Access denied/)
})

test('P17: greylisting of the whole server: 450 first, the same triplet passes after the delay, users never wait', async (t) => {
  let aheadMs = 0
  const { server, log } = await site(t, () => ({ greylist: 'yes', greylist_delay: '60s' }), {
    now: () => Date.now() + aheadMs,
  })
  const first = await SmtpTalk.open(server.ports.smtp)
  closing(first)
  assert.match(
    await first.message('c@elsewhere.example', alice.address, letter('late')),
    /^450 4\.2\.0 .*Greylisted/,
  )
  assert.ok(log.some((line) => /Greylisted/.test(line)))
  first.wire.close()
  aheadMs = 61_000
  const second = await SmtpTalk.open(server.ports.smtp)
  closing(second)
  assert.match(await second.message('c@elsewhere.example', alice.address, letter('late')), /^250 /)
  second.wire.close()
  const user = await SmtpTalk.login(server.ports.submission, bob)
  closing(user)
  assert.match(await user.message(bob.address, alice.address, letter('at once')), /^250 /)
  await arrives({ server }, alice, 'late')
})

test('A1, A2, A3, A4, W9: aliases and virtual aliases', async (t) => {
  const { server } = await site(t, (file) => ({
    alias_maps: `hash:${file('aliases', 'postmaster: root\nroot: alice\nstaff: alice, bob\nbob: bob, alice\nloop1: loop2\nloop2: loop1\n')}`,
    virtual_alias_domains: 'virtual.example',
    virtual_alias_maps: `hash:${file('virtual', 'info@virtual.example bob@example.org\n@virtual.example alice@example.org\n')}`,
  }))
  const talk = await SmtpTalk.open(server.ports.smtp)
  closing(talk)
  for (const [to, users] of [
    ['postmaster@example.org', [alice]],
    ['staff@example.org', [alice, bob]],
    ['bob@example.org', [alice, bob]],
    ['anything@virtual.example', [alice]],
    ['info@virtual.example', [alice, bob]],
  ] as const) {
    assert.match(await talk.message('c@elsewhere.example', to, letter(`to ${to}`)), /^250 /, to)
    for (const user of users) await arrives({ server }, user, `to ${to}`)
  }
})

test('I14, S4, I15: larger mail is refused at MAIL and at its end; a full mailbox refuses', async (t) => {
  const { server } = await site(t, () => ({ message_size_limit: '20000', mailbox_size_limit: '30000' }))
  const talk = await SmtpTalk.open(server.ports.smtp)
  closing(talk)
  assert.match(talk.wire.heard, /^250[- ]SIZE 20000\r$/m)
  assert.match(await talk.say('MAIL FROM:<c@elsewhere.example> SIZE=20001'), /^552 5\.3\.4 /)
  assert.match(
    await talk.message('c@elsewhere.example', alice.address, letter('x'.repeat(21_000))),
    /^552 5\.3\.4 /,
  )
  assert.match(
    await talk.message('c@elsewhere.example', alice.address, `${letter('half')}${'x\r\n'.repeat(5_000)}`),
    /^250 /,
  )
  await arrives({ server }, alice, 'half')
  await new Promise((resolve) => setTimeout(resolve, 1_100))
  assert.match(
    await talk.message(
      'c@elsewhere.example',
      alice.address,
      `${letter('other half')}${'x\r\n'.repeat(6_000)}`,
    ),
    /^(452 4\.2\.2|552 5\.2\.2|250 )/,
  )
  const imap = await ImapTalk.login(server.ports.imap, alice)
  closing(imap)
  assert.match(await imap.say('GETQUOTAROOT INBOX'), /\* QUOTA "[^"]*" \(STORAGE \d+ (29|30)\)/)
  assert.match(await imap.say(`APPEND INBOX {19000+}\r\n${'x'.repeat(19_000)}`), /NO \[OVERQUOTA\]/)
})

test('I10, I11, I19, I20, I21, I22: a null client sends all through a relay host, with login and TLS; nothing comes in', async (t) => {
  const { server: relay, log } = await site(t)
  const { server } = await site(
    t,
    (file) => ({
      myhostname: 'client.example.org',
      mynetworks: '127.0.0.0/8',
      inet_interfaces: 'loopback-only',
      mydestination: '',
      local_transport: 'error:5.1.1 local delivery disabled',
      relayhost: `[127.0.0.1]:${relay.ports.submission}`,
      smtp_tls_security_level: 'encrypt',
      smtp_sasl_auth_enable: 'yes',
      smtp_sasl_security_options: 'noanonymous',
      smtp_sasl_password_maps: `hash:${file('sasl_passwd', `[127.0.0.1]:${relay.ports.submission} ${alice.address}:${alice.password}\n`)}`,
    }),
    { accounts: [] },
  )
  const talk = await SmtpTalk.open(server.ports.smtp)
  closing(talk)
  assert.match(await talk.message(alice.address, bob.address, letter('through the relay')), /^250 /)
  const text = await arrives({ server: relay }, bob, 'through the relay')
  assert.match(text, /from client\.example\.org .*\r\n(\t.*\r\n)*.*with ESMTPSA id/)
  assert.ok(log.some((line) => /sasl_username=alice@example\.org/.test(line)))
})

test('Q5, Q6, L1: what cannot leave waits in the queue, and the log says why', async (t) => {
  const { server, log } = await site(t, () => ({
    mynetworks: '127.0.0.0/8',
    relayhost: '[127.0.0.1]:1',
    smtp_connect_timeout: '1s',
  }))
  const talk = await SmtpTalk.open(server.ports.smtp)
  closing(talk)
  assert.match(await talk.message(alice.address, 'd@far.example', letter('waits')), /^250 /)
  const entry = await eventually('the deferral', async () => {
    const [first] = await server.store.queue.list()
    return first?.recipients.some(({ last }) => last !== undefined) ? first : undefined
  })
  assert.equal(entry.sender, alice.address)
  assert.match(entry.recipients[0]?.last?.diagnostic ?? '', /Connection refused/)
  assert.ok(
    log.some((line) => line.includes(`qmgr: ${entry.queueId}: from=<${alice.address}>, size=`)),
    log.join('\n'),
  )
})

test('I16: always_bcc sends a copy of every message to one address', async (t) => {
  const { server } = await site(t, () => ({ always_bcc: bob.address }))
  const talk = await SmtpTalk.open(server.ports.smtp)
  closing(talk)
  assert.match(await talk.message('c@elsewhere.example', alice.address, letter('copied')), /^250 /)
  await arrives({ server }, alice, 'copied')
  assert.doesNotMatch(await arrives({ server }, bob, 'copied'), /^Bcc:/m)
})

test('I13: smtp_generic_maps: outside, local addresses are the real ones, in envelope and header', async (t) => {
  const { server: far } = await site(t)
  const { server } = await site(
    t,
    (file) => ({
      myhostname: 'box.internal.example',
      mydestination: 'box.internal.example',
      myorigin: 'box.internal.example',
      mynetworks: '127.0.0.0/8',
      relayhost: `[127.0.0.1]:${far.ports.smtp}`,
      smtp_generic_maps: `hash:${file('generic', '@box.internal.example alice@example.org\n')}`,
    }),
    { accounts: [] },
  )
  const talk = await SmtpTalk.open(server.ports.smtp)
  closing(talk)
  const text = `From: Root <root@box.internal.example>\r\n${letter('real names')}`
  assert.match(await talk.message('root@box.internal.example', bob.address, text), /^250 /)
  const seen = await arrives({ server: far }, bob, 'real names')
  assert.match(seen, /^Return-Path: <alice@example\.org>\r\n/)
  assert.match(seen, /\r\nFrom: Root <alice@example\.org>\r\n/)
})

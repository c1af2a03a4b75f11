import assert from 'node:assert/strict'
import { chownSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type MailServer, startMailServer } from '@posthorn/server'
import { SmtpTalk } from './dialogue.ts'
import { alice, bob, eventually, startForClients } from './mail-server.ts'
import { readMailbox } from './mailbox-reader.ts'

/** Where everything for elsewhere goes: takes any user of three domains. */
let far: MailServer
let folder: string
const carol = { address: 'carol@far.example', password: 'sea shells 3' }

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rewriting-'))
  far = await startMailServer({
    parameters: {
      myhostname: 'mx.far.example',
      mydestination: 'far.example, isp.example',
      myorigin: 'far.example',
      disable_plaintext_auth: 'no',
      local_recipient_maps: '',
      luser_relay: 'carol',
    },
    accounts: [carol],
  })
})
after(async () => {
  await far.stop()
  rmSync(folder, { recursive: true })
})

function table(name: string, text: string): string {
  writeFileSync(join(folder, name), text, { mode: 0o644 })
  return join(folder, name)
}

async function found(server: MailServer, login: typeof alice, subject: string): Promise<string> {
  return await eventually(`"${subject}" for ${login.address}`, async () => {
    const messages = await readMailbox(server.ports.imap, login)
    return messages
      .map(({ source }) => source.toString())
      .find((text) => text.includes(`Subject: ${subject}`))
  })
}

async function send(server: MailServer, from: string, to: string, text: string): Promise<string> {
  const talk = await SmtpTalk.open(server.ports.smtp)
  const answer = await talk.message(from, to, text)
  await talk.say('QUIT')
  return answer
}

test('I13, I16: transport_maps, always_bcc, generic and canonical addresses, from the client to the other server', async () => {
  const log: string[] = []
  const server = await startMailServer({
    parameters: {
      myhostname: 'host.example.org',
      mydestination: 'example.org, localdomain.local',
      myorigin: 'localdomain.local',
      mynetworks: '127.0.0.0/8',
      auth_default_realm: 'example.org',
      disable_plaintext_auth: 'no',
      always_bcc: bob.address,
      relocated_maps: `hash:${table('relocated', 'old@example.org new@far.example\n')}`,
      canonical_maps: `hash:${table('canonical', 'al@example.org alice@localdomain.local\n')}`,
      smtp_generic_maps: `hash:${table('generic', 'alice@localdomain.local Alice.A@isp.example\n@localdomain.local isp@isp.example\n')}`,
      transport_maps: `hash:${table('transport', `far.example smtp:[127.0.0.1]:${far.ports.smtp}\nclosed.example error:5.7.9 closed for good\n`)}`,
    },
    accounts: [alice, bob],
    log: ({ service, text }) => void log.push(`${service} ${text}`),
  })
  try {
    const text =
      'From: "A. L." <al@example.org>\r\nTo: carol@far.example, root\r\nSubject: one\r\n\r\nal@example.org\r\n'
    assert.match(
      await send(server, 'al@example.org', 'carol@far.example', text),
      /^250 2\.0\.0 Ok: queued as /,
    )
    const arrived = await found(far, carol, 'one')
    assert.match(arrived, /^Return-Path: <Alice\.A@isp\.example>\r\n/)
    assert.match(
      arrived,
      /\r\nFrom: "A\. L\." <Alice\.A@isp\.example>\r\nTo: carol@far\.example, isp@isp\.example\r\n/,
    )
    assert.match(arrived, /\r\n\r\nal@example\.org\r\n/)
    const copy = await found(server, bob, 'one')
    assert.match(copy, /^Return-Path: <alice@localdomain\.local>\r\n/)
    assert.match(
      copy,
      /\r\nFrom: "A\. L\." <alice@localdomain\.local>\r\nTo: carol@far\.example, root@localdomain\.local\r\n/,
    )
    assert.match(
      await send(server, 'al@example.org', 'old@example.org', text),
      /^550 5\.1\.6 <old@example\.org>: Recipient address rejected: User has moved to new@far\.example\r\n/,
    )
    assert.match(
      await send(server, 'al@example.org', 'x@closed.example', text),
      /^550 5\.7\.9 <x@closed\.example>: Recipient address rejected: closed for good\r\n/,
    )
    assert.ok(
      log.some((line) =>
        /^smtp to=<carol@far\.example>, relay=127\.0\.0\.1\[127\.0\.0\.1\]:\d+, .*status=sent/.test(line),
      ),
    )
  } finally {
    await server.stop()
  }
})

test('luser_relay with an empty local_recipient_maps: every user of the domain is somebody', async () => {
  assert.match(await send(far, 'a@example.org', 'anyone@isp.example', 'Subject: luser\r\n\r\nx'), /^250 /)
  assert.match(await found(far, carol, 'luser'), /\r\nX-Original-To: anyone@isp\.example\r\n/)
})

test('P19: header_checks and body_checks refuse at the end of DATA, the log says why; HOLD holds', async () => {
  const log: string[] = []
  const checks = table(
    'checks',
    '/^Subject: .*(viagra|casino)/ REJECT we do not want $1\n/^Subject: slow/ HOLD\n/^X-Mailer:/ IGNORE\n',
  )
  const server = await startMailServer({
    parameters: {
      myhostname: 'mail.example.org',
      mydestination: 'example.org',
      myorigin: 'example.org',
      disable_plaintext_auth: 'no',
      header_checks: `regexp:${checks}`,
      body_checks: `pcre:${table('body', '/^click here/ DISCARD spam\n')}`,
    },
    accounts: [alice],
    log: ({ service, text }) => void log.push(`${service} ${text}`),
  })
  try {
    const from = 'x@far.example'
    assert.match(
      await send(server, from, alice.address, 'Subject: CASINO night\r\n\r\nx'),
      /^550 5\.7\.1 we do not want CASINO\r\n/,
    )
    assert.ok(
      log.some((line) =>
        /^cleanup reject: header Subject: CASINO night from localhost\[127\.0\.0\.1\]; from=<x@far\.example> to=<alice@example\.org> proto=ESMTP helo=<client\.example\.net>: 5\.7\.1 we do not want CASINO$/.test(
          line,
        ),
      ),
      log.join('\n'),
    )
    assert.match(await send(server, from, alice.address, 'Subject: gone\r\n\r\nclick here'), /^250 /)
    assert.match(await send(server, from, alice.address, 'Subject: slow\r\n\r\nx'), /^250 /)
    const inner = 'Content-Type: message/rfc822\r\n\r\nSubject: casino again\r\n\r\nx\r\n'
    assert.match(
      await send(server, from, alice.address, `Subject: fwd\r\n${inner}`),
      /^550 5\.7\.1 we do not want casino\r\n/,
    )
    assert.match(await send(server, from, alice.address, 'Subject: fine\r\nX-Mailer: y\r\n\r\nx'), /^250 /)
    assert.doesNotMatch(await found(server, alice, 'fine'), /X-Mailer/)
    assert.equal((await readMailbox(server.ports.imap, alice)).length, 1)
    const [held] = await server.store.queue.list()
    assert.equal(held?.hold, true)
  } finally {
    await server.stop()
  }
})

test('local_transport = error: refuses with that text (I11)', async () => {
  const server = await startForClients({ local_transport: 'error: local delivery disabled' })
  try {
    assert.match(
      await send(server, 'x@far.example', alice.address, 'x'),
      /^550 5\.1\.1 <alice@example\.org>: Recipient address rejected: local delivery disabled\r\n/,
    )
  } finally {
    await server.stop()
  }
})

test('aliases(5): |command and /file where allow_mail_to_* permits, as an unprivileged user', async () => {
  const own = mkdtempSync(join(tmpdir(), 'outside-'))
  if (process.getuid?.() === 0) chownSync(own, 65_534, 65_534)
  const aliases = `robot: "|cat > ${own}/seen; echo $SENDER >> ${own}/seen"\narchive: ${own}/mbox, alice\nrefuses: "|echo no; exit 77"\n`
  const log: string[] = []
  const server = await startMailServer({
    parameters: {
      myhostname: 'mail.example.org',
      mydestination: 'example.org',
      myorigin: 'example.org',
      disable_plaintext_auth: 'no',
      alias_maps: `hash:${table('aliases', aliases)}`,
      allow_mail_to_commands: 'alias',
      allow_mail_to_files: 'alias',
      default_privs: process.getuid?.() === 0 ? 'nobody' : userInfo().username,
    },
    accounts: [alice],
    log: ({ service, text }) => void log.push(`${service} ${text}`),
  })
  try {
    const sent = (to: string) =>
      send(server, 'a`id`@far.example', to, `Subject: to ${to}\r\n\r\nFrom the text`)
    assert.match(await sent('robot@example.org'), /^250 /)
    assert.match(await sent('archive@example.org'), /^250 /)
    await found(server, alice, 'to archive@example.org')
    await eventually('both deliveries', async () =>
      (await server.store.queue.count()) === 0 ? true : undefined,
    )
    const seen = readFileSync(join(own, 'seen'), 'utf8')
    assert.match(
      seen,
      /\nDelivered-To: robot@example\.org\nReceived: (.*\n)+\nFrom the text\n(.*\n)*a_id_@far\.example\n$/,
    )
    assert.match(readFileSync(join(own, 'mbox'), 'utf8'), /^From a.*\n(.*\n)+\n>From the text\n/)
    assert.match(await sent('refuses@example.org'), /^250 /)
    await eventually('the refusal', async () =>
      log.some((line) => /dsn=5\.7\.0, status=bounced \(permission denied\. Command output: no\)/.test(line))
        ? true
        : undefined,
    )
    assert.ok(
      log.some((line) => /^local .*relay=local, .*status=sent \(delivered to file: .*mbox\)/.test(line)),
    )
  } finally {
    await server.stop()
    rmSync(own, { recursive: true })
  }
})

test('srs_domain: forwarded mail has a sender of ours, and its bounce goes back to the stranger', async () => {
  const server = await startMailServer({
    parameters: {
      myhostname: 'mail.example.org',
      mydestination: 'example.org',
      myorigin: 'example.org',
      srs_domain: 'fwd.example.org',
      virtual_alias_maps: `inline:{gone@example.org=carol@far.example}`,
      transport_maps: `inline:{far.example=smtp:[127.0.0.1]:${far.ports.smtp}}`,
    },
    accounts: [alice],
  })
  try {
    assert.match(await send(server, 's@isp.example', 'gone@example.org', 'Subject: srs\r\n\r\nx'), /^250 /)
    const [, sender = ''] = /^Return-Path: <([^>]*)>/.exec(await found(far, carol, 'srs')) ?? []
    assert.match(sender, /^SRS0=[^=]+=[^=]+=isp\.example=s@fwd\.example\.org$/)
    const talk = await SmtpTalk.open(server.ports.smtp)
    await talk.say('MAIL FROM:<>')
    assert.match(await talk.say(`RCPT TO:<${sender}>`), /^250 /)
    assert.match(await talk.say(`RCPT TO:<${sender.replace('isp.example', 'far.example')}>`), /^550 5\.1\.1 /)
    await talk.say('QUIT')
  } finally {
    await server.stop()
  }
})

test('enable_original_recipient = no: no X-Original-To for mailboxes, files and commands; a From that is added is canonical', async () => {
  const own = mkdtempSync(join(tmpdir(), 'outside-'))
  if (process.getuid?.() === 0) chownSync(own, 65_534, 65_534)
  const aliases = `all: "|cat > ${own}/seen", ${own}/mbox, alice\n`
  for (const [shown, count] of [
    ['yes', 1],
    ['no', 0],
  ] as const) {
    const server = await startForClients({
      alias_maps: `hash:${table(`aliases-${shown}`, aliases)}`,
      allow_mail_to_commands: 'alias',
      allow_mail_to_files: 'alias',
      default_privs: process.getuid?.() === 0 ? 'nobody' : userInfo().username,
      enable_original_recipient: shown,
      sender_canonical_maps: 'inline:{bob@example.org=Robert@example.org}',
    })
    try {
      assert.match(await send(server, bob.address, 'all@example.org', 'Subject: original\r\n\r\nx'), /^250 /)
      const inMailbox = await found(server, alice, 'original')
      await eventually('all deliveries', async () =>
        (await server.store.queue.count()) === 0 ? true : undefined,
      )
      for (const text of [
        inMailbox,
        readFileSync(join(own, 'seen'), 'utf8'),
        readFileSync(join(own, 'mbox'), 'utf8'),
      ]) {
        assert.equal(text.match(/^X-Original-To: all@example\.org\r?$/gm)?.length ?? 0, count, text)
        assert.match(text, /^Return-Path: <Robert@example\.org>\r?$/m)
        assert.match(text, /^From: Robert@example\.org\r?$/m)
      }
    } finally {
      await server.stop()
      rmSync(join(own, 'mbox'), { force: true })
    }
  }
  rmSync(own, { recursive: true })
})

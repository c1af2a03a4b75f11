/** C2: several smtp and lmtp services of master.cf, each with options of its own. */
import assert from 'node:assert/strict'
import { linkSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { startMailServer } from '@posthorn/server'
import { SMTPServer } from 'smtp-server'
import { SmtpTalk } from './dialogue.ts'
import { alice, eventually } from './mail-server.ts'
import { readMailbox } from './mailbox-reader.ts'

interface Seen {
  readonly to: string
  readonly client: string
  readonly helo: string
  readonly secure: boolean
  readonly openNow: number
}

/** Takes what comes, slowly enough that two at a time are seen. */
async function sink(t: TestContext, lmtp: boolean, place: number | string = 0) {
  const seen: Seen[] = []
  let openNow = 0
  const server = new SMTPServer({
    lmtp,
    disabledCommands: ['AUTH'],
    authOptional: true,
    onData(stream, session, done) {
      openNow++
      const { envelope, remoteAddress, hostNameAppearsAs, secure } = session
      const to = envelope.rcptTo.map(({ address }) => address).join(' ')
      seen.push({ to, client: remoteAddress, helo: String(hostNameAppearsAs), secure, openNow })
      stream.resume()
      stream.on('end', () =>
        setTimeout(() => {
          openNow--
          done()
        }, 20),
      )
    },
  })
  server.on('error', () => {})
  await new Promise<void>((resolve) =>
    typeof place === 'string' ? server.listen(place, resolve) : server.listen(place, '127.0.0.1', resolve),
  )
  t.after(() => server.close(() => {}))
  const address = server.server.address()
  return { seen, port: typeof address === 'object' && address !== null ? address.port : 0 }
}

test('C2: LMTP on a UNIX socket of master.cf: in by it, out by it, and one left over is replaced', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-sockets-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const leftOver = createServer()
  mkdirSync(join(folder, 'public'))
  await new Promise<void>((resolve) => leftOver.listen(join(folder, 'public', 'other'), resolve))
  linkSync(join(folder, 'public', 'other'), join(folder, 'public', 'lmtp'))
  await new Promise((resolve) => leftOver.close(resolve))
  const parameters = {
    mydestination: 'example.org',
    alias_maps: '',
    queue_directory: folder,
    mynetworks: '127.0.0.0/8',
  }
  const inside = await startMailServer({
    parameters: { ...parameters, myhostname: 'inside.example.org' },
    masterCf: `lmtp unix n - n - - lmtpd\n${folder}/own unix - - n - - lmtpd\n`,
    accounts: [alice],
  })
  t.after(async () => await inside.stop())
  assert.equal(statSync(join(folder, 'public', 'lmtp')).mode & 0o777, 0o666)
  assert.equal(statSync(join(folder, 'own')).mode & 0o777, 0o600)
  const front = await startMailServer({
    parameters: {
      ...parameters,
      myhostname: 'front.example.org',
      local_transport: 'lmtp:unix:public/lmtp',
      local_recipient_maps: '',
    },
    accounts: [],
  })
  t.after(async () => await front.stop())
  const talk = await SmtpTalk.open(front.ports.smtp)
  t.after(() => talk.wire.close())
  await talk.say('MAIL FROM:<x@example.net>')
  await talk.say(`RCPT TO:<${alice.address}>`)
  await talk.say('RCPT TO:<nobody@example.org>')
  await talk.say('DATA')
  assert.match(await talk.say('Subject: by a socket\r\n\r\nx\r\n.'), /^250/)
  const [message] = await eventually('the message', async () => {
    const found = await readMailbox(inside.ports.imap, alice)
    return found.length > 0 ? found : undefined
  })
  assert.match(message?.source.toString() ?? '', /by inside\.example\.org .*with LMTP id/s)
})

test('C2: -o of smtp and lmtp services: own name, own address, own TLS, own port, own limits', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-transports-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const [general, other] = [await sink(t, false), await sink(t, false)]
  // Of its own: what else goes out meanwhile is not limited.
  const alone = await sink(t, false)
  const box = await sink(t, true, join(folder, 'lmtp'))
  const named = new Set<string>()
  const delays: string[] = []
  const masterCf = `
smtp      inet  n       -       n       -       -       smtpd
smtp      unix  -       -       n       -       -       smtp
named     unix  -       -       n       -       -       smtp
  -o smtp_helo_name=named.example.org -o smtp_bind_address=127.0.0.3
  -o smtp_tls_security_level=none -o smtp_tcp_port=${other.port}
single    unix  -       -       n       -       1       smtp
  -o syslog_name=single
box       unix  -       -       n       -       -       lmtp
  -o lmtp_lhlo_name=box.example.org -o syslog_name=postfix/$service_name
`
  const server = await startMailServer({
    parameters: {
      myhostname: 'mail.example.org',
      mydestination: 'example.org',
      mynetworks: '127.0.0.0/8',
      alias_maps: '',
      queue_directory: folder,
      delay_logging_resolution_limit: '3',
      relayhost: `[127.0.0.1]:${general.port}`,
      transport_maps: `inline:{named.test=named:[127.0.0.1],single.test=single:[127.0.0.1]:${alone.port},box.test=box:unix:lmtp}`,
    },
    masterCf,
    accounts: [],
    log: ({ syslogName = 'posthorn', service, text }) => {
      delays.push(...(/ delays=(\S+),/.exec(text)?.[1]?.split('/') ?? []))
      const [, to] = /^to=<(\w+@\w+)/.exec(text) ?? []
      if (to !== undefined) named.add(`${to.replace(/^\d/, 'n')} ${syslogName}/${service}`)
    },
  })
  t.after(async () => await server.stop())
  const talk = await SmtpTalk.open(server.places.find(({ key }) => key === 'smtp/inet')?.port ?? 0)
  t.after(() => talk.wire.close())
  const recipients = ['a@plain.test', 'a@named.test', 'a@box.test']
  for (let i = 0; i < 4; i++) recipients.push(`${i}@single.test`)
  for (const to of recipients) {
    await talk.say('MAIL FROM:<x@example.org>')
    await talk.say(`RCPT TO:<${to}>`)
    await talk.say('DATA')
    assert.match(await talk.say('Subject: x\r\n\r\nx\r\n.'), /^250/, to)
  }
  await eventually('an empty queue', async () =>
    (await server.store.queue.count()) === 0 ? true : undefined,
  )
  assert.ok(
    delays.some((one) => /^0\.0\d\d$/.test(one)),
    `a thousandth of a second among ${delays.join(' ')}`,
  )
  assert.deepEqual([...named].sort(), [
    'a@box posthorn/box/lmtp',
    'a@named posthorn/named',
    'a@plain posthorn/smtp',
    'n@single single/smtp',
  ])
  const plain = general.seen.find(({ to }) => to === 'a@plain.test')
  assert.deepEqual([plain?.helo, plain?.client, plain?.secure], ['mail.example.org', '127.0.0.1', true])
  assert.deepEqual(
    other.seen.map(({ to, helo, client, secure }) => [to, helo, client, secure]),
    [['a@named.test', 'named.example.org', '127.0.0.3', false]],
  )
  assert.deepEqual(
    box.seen.map(({ to, helo }) => [to, helo]),
    [['a@box.test', 'box.example.org']],
  )
  assert.deepEqual(
    alone.seen.map(({ openNow }) => openNow),
    [1, 1, 1, 1],
    'one at a time',
  )
})

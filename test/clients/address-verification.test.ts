import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { SmtpTalk } from './dialogue.ts'
import { alice, eventually, startForClients } from './mail-server.ts'

/** reject_unverified_sender, reject_unverified_recipient: ADDRESS_VERIFICATION_README, with a mail server of its own. */
interface Other {
  readonly port: number
  readonly commands: string[]
  /** Says nothing to RCPT until it is set. */
  answers: 'yes' | 'no'
}

async function otherServer(t: TestContext): Promise<Other> {
  const commands: string[] = []
  const sockets = new Set<Socket>()
  const other: Other = { port: 0, commands, answers: 'yes' }
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.write('220 other.test ESMTP\r\n')
    let pending = ''
    socket.on('data', (chunk: Buffer) => {
      pending += chunk.toString('latin1')
      for (let end = pending.indexOf('\r\n'); end >= 0; end = pending.indexOf('\r\n')) {
        const line = pending.slice(0, end)
        pending = pending.slice(end + 2)
        commands.push(line)
        if (/^RCPT/.test(line) && other.answers === 'no') continue
        if (/^RCPT TO:<bad/.test(line)) socket.write('550 5.1.1 nobody of that name\r\n')
        else if (/^RCPT TO:<full/.test(line)) socket.write('452 4.2.2 come again\r\n')
        else if (/^DATA/.test(line)) socket.write('354 go on\r\n')
        else if (/^QUIT/.test(line)) socket.end('221 bye\r\n')
        else socket.write('250 ok\r\n')
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return Object.assign(other, { port: (server.address() as AddressInfo).port })
}

async function site(t: TestContext, port: number, more: Readonly<Record<string, string>> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-verify-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const cache = join(folder, 'cache')
  const log: string[] = []
  const parameters = {
    smtpd_peername_lookup: 'no',
    smtpd_greet_wait: '0',
    relay_domains: 'far.test',
    transport_maps: `inline:{ far.test=smtp:[127.0.0.1]:${port} }`,
    address_verify_map: `btree:${cache}`,
    smtpd_recipient_restrictions: 'reject_unauth_destination, reject_unverified_recipient',
    smtpd_sender_restrictions: 'reject_unverified_sender',
    ...more,
  }
  const server = await startForClients(parameters, {
    log: ({ service, queueId, text }) => log.push(`${service}: ${queueId}: ${text}`),
  })
  t.after(() => server.stop())
  const rcpt = async (from: string, to: string): Promise<string> => {
    const talk = await SmtpTalk.open(server.ports.smtp)
    await talk.say(`MAIL FROM:<${from}>`)
    const answer = await talk.say(`RCPT TO:<${to}>`)
    await talk.say('QUIT')
    return answer.trimEnd().split('\r\n').at(-1) ?? ''
  }
  return { rcpt, cache, log }
}

test('recipients and senders are asked for at their server, without DATA, and remembered', async (t) => {
  const other = await otherServer(t)
  const { rcpt, cache, log } = await site(t, other.port, {
    unverified_recipient_reject_code: '550',
    unverified_sender_reject_reason: 'Your address takes no mail',
  })
  assert.equal(await rcpt('ok@far.test', 'good@far.test'), '250 2.1.5 Ok')
  assert.match(
    await rcpt('ok@far.test', 'bad@far.test'),
    /^550 5\.1\.1 <bad@far\.test>: Recipient address rejected: undeliverable address: host 127\.0\.0\.1\[127\.0\.0\.1\] said: 550 5\.1\.1 nobody of that name/,
  )
  assert.match(
    await rcpt('ok@far.test', 'full@far.test'),
    /^450 4\.1\.1 <full@far\.test>: Recipient address rejected: unverified address: host .* said: 452 4\.2\.2 come again/,
  )
  assert.equal(
    await rcpt('bad@far.test', 'good@far.test'),
    '450 4.1.7 <bad@far.test>: Sender address rejected: Your address takes no mail',
  )
  assert.equal(await rcpt('', 'good@far.test'), '250 2.1.5 Ok', 'the null sender is not asked for')
  assert.equal(await rcpt(alice.address, 'good@far.test'), '250 2.1.5 Ok', 'our own needs no probe')
  assert.match(
    await rcpt('nobody@example.org', 'good@far.test'),
    /Sender address rejected: Your address takes no mail/,
  )
  const asked = other.commands.filter((line) => line.startsWith('RCPT'))
  assert.deepEqual(asked.map((line) => /<(.*)>/.exec(line)?.[1]).toSorted(), [
    'bad@far.test',
    'full@far.test',
    'good@far.test',
    'ok@far.test',
  ])
  assert.ok(!other.commands.some((line) => line.startsWith('DATA')))
  assert.ok(other.commands.some((line) => line.startsWith('MAIL FROM:<double-bounce@example.org>')))
  assert.match(readFileSync(cache, 'utf8'), /^\["good@far\.test","ok",\d+,/m)
  const lines = log.join('\n')
  assert.match(
    lines,
    /^smtp: [0-9A-F]+: to=<good@far\.test>, relay=127\.0\.0\.1\[127\.0\.0\.1\]:\d+, delay=[\d.]+, delays=[\d.]+\/[\d.]+\/[\d.]+\/[\d.]+, dsn=2\.\d\.\d, status=deliverable \(250 ok\)$/m,
  )
  assert.match(lines, /: to=<bad@far\.test>, .*, dsn=5\.1\.1, status=undeliverable \(host .*550 5\.1\.1/)
})

test('a server that does not answer in time: the client comes again, and the probe goes on', async (t) => {
  const other = await otherServer(t)
  other.answers = 'no'
  const { rcpt } = await site(t, other.port, {
    address_verify_poll_count: '1',
    address_verify_poll_delay: '1s',
    smtpd_sender_restrictions: '',
    smtp_rcpt_timeout: '2s',
  })
  assert.equal(
    await rcpt('a@b.test', 'slow@far.test'),
    '450 4.1.1 <slow@far.test>: Recipient address rejected: unverified address: Address verification in progress',
  )
  await eventually('the result of the probe', async () => {
    const answer = await rcpt('a@b.test', 'slow@far.test')
    return /unverified address: (?!Address verification)/.test(answer) ? true : undefined
  })
  other.answers = 'yes'
  assert.equal(await rcpt('a@b.test', 'quick@far.test'), '250 2.1.5 Ok')
})

test('smtp_address_verify_target = data', async (t) => {
  const other = await otherServer(t)
  const { rcpt } = await site(t, other.port, {
    smtp_address_verify_target: 'data',
    smtpd_sender_restrictions: '',
  })
  assert.equal(await rcpt('a@b.test', 'good@far.test'), '250 2.1.5 Ok')
  assert.deepEqual(
    other.commands.map((line) => line.slice(0, 4)),
    ['EHLO', 'MAIL', 'RCPT', 'DATA'],
  )
})

test('Postfix: address_verify_relayhost, address_verify_transport_maps: probes go another way than mail', async (t) => {
  const other = await otherServer(t)
  const mail = await otherServer(t)
  const { rcpt } = await site(t, mail.port, {
    relay_domains: 'far.test, near.test',
    relay_transport: `smtp:[127.0.0.1]:${mail.port}`,
    address_verify_transport_maps: `inline:{ far.test=smtp:[127.0.0.1]:${other.port} }`,
    address_verify_relay_transport: `smtp:[127.0.0.1]:${other.port}`,
    smtpd_sender_restrictions: '',
    unverified_recipient_reject_code: '550',
  })
  assert.equal(await rcpt('', 'good@far.test'), '250 2.1.5 Ok')
  assert.match(await rcpt('', 'bad@near.test'), /^550 5\.1\.1/)
  assert.deepEqual(mail.commands, [], 'the server that gets the mail is not asked')
  const asked = other.commands.filter((line) => line.startsWith('RCPT'))
  assert.deepEqual(asked.toSorted(), ['RCPT TO:<bad@near.test>', 'RCPT TO:<good@far.test>'])
})

/** What SMTP's extensions make of mail between a real Postfix with Dovecot and us, each way. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { MailServer } from '@posthorn/server'
import { alice, eventually, startForClients } from '../clients/mail-server.ts'
import { readMailbox } from '../clients/mailbox-reader.ts'
import { mustRun } from '../clients/run-client.ts'
import { Wire } from '../clients/wire.ts'
import { type Peers, startPeers } from './postfix-dovecot.ts'
import { postfixMissing, sbin } from './private-postfix.ts'

const theirBob = { address: 'bob@bench.test', password: 'secret' }

describe('between Postfix and us', { skip: postfixMissing }, () => {
  let peers: Peers
  let server: MailServer
  const settings = {
    // What a reused connection was offered is not what their new configuration offers.
    smtp_connection_cache_on_demand: 'no',
    smtpd_peername_lookup: 'no',
    smtpd_greet_wait: '0',
    mynetworks: '127.0.0.0/8',
  }
  let log = ''

  before(async () => {
    peers = await startPeers(26_000)
    log = join(peers.postfixFolder, '..', 'transfer.log')
    await configureOurs({})
    await configureTheirs([])
  })
  after(async () => {
    await server?.stop()
    await peers?.stop()
  })

  async function configureOurs(more: Readonly<Record<string, string>>): Promise<void> {
    const parameters = { ...settings, relayhost: `[127.0.0.1]:${peers.smtpPort}`, ...more }
    if (server === undefined) server = await startForClients(parameters)
    else
      await server.configure({
        myhostname: 'mail.example.org',
        mydestination: 'example.org, localhost',
        myorigin: 'example.org',
        ...parameters,
      })
  }

  async function configureTheirs(more: readonly string[]): Promise<void> {
    const lines = [
      `relayhost=[127.0.0.1]:${server.ports.smtp}`,
      'smtpd_recipient_restrictions=permit_mynetworks,reject_unauth_destination',
      'smtp_tls_security_level=none',
      `maillog_file=${log}`,
      `maillog_file_prefixes=${join(log, '..')}`,
      'smtpd_discard_ehlo_keywords=',
      ...more,
    ]
    const env = { env: sbin }
    await mustRun('postconf', ['-c', peers.postfixFolder, '-e', ...lines], env)
    // Its processes take a new configuration when they are started anew.
    await mustRun('postfix', ['-c', peers.postfixFolder, 'reload'], env)
  }

  const bodyOf = (source: string): string => source.slice(source.indexOf('\r\n\r\n') + 4)

  async function arrived(whose: 'ours' | 'theirs', what: RegExp): Promise<string> {
    const [port, login] = whose === 'ours' ? [server.ports.imap, alice] : [peers.imapPort, theirBob]
    return eventually(`mail with ${what} (${whose})`, async () => {
      const messages = await readMailbox(port, login).catch(() => [])
      return messages.map(({ source }) => source.toString()).find((source) => what.test(source))
    })
  }

  /** One transaction, as a client would type it; gives the replies to RCPT. */
  async function say(
    port: number,
    from: string,
    recipients: readonly string[],
    message: string,
  ): Promise<readonly string[]> {
    const wire = await Wire.open(port)
    const ask = async (line: string): Promise<string> => {
      const at = wire.heard.length
      // The wire sends octets.
      wire.send(`${Buffer.from(line).toString('latin1')}\r\n`)
      return eventually(`an answer to ${line.slice(0, 40)}`, async () => {
        const heard = wire.heard.slice(at)
        return /(?:^|\r\n)\d{3} [^\r]*\r\n$/.test(heard) ? heard : undefined
      })
    }
    await wire.hears(/^220 .*\r\n/)
    await ask('EHLO client.test')
    assert.match(await ask(`MAIL FROM:${from}`), /^250/)
    const told: string[] = []
    for (const to of recipients) told.push(await ask(`RCPT TO:${to}`))
    assert.match(await ask('DATA'), /^354/)
    assert.match(await ask(`${message.replaceAll(/^\./gm, '..')}\r\n.`), /^250/)
    wire.send('QUIT\r\n')
    wire.close()
    return told
  }

  const text = (subject: string, body = 'text'): string =>
    `From: <someone@example.org>\r\nSubject: ${subject}\r\nDate: Mon, 2 Nov 2026 10:00:00 +0000\r\nMessage-ID: <${subject}@example.org>\r\n\r\n${body}`

  test('RFC 3030: four megabytes go out by BDAT and come in octet for octet', async () => {
    const body = Array.from({ length: 50_000 }, (_, i) => `.${i} ${'x'.repeat(i % 150)}`).join('\r\n')
    await say(server.ports.smtp, `<${alice.address}>`, ['<bob@bench.test>'], text('large-out', body))
    assert.equal(bodyOf(await arrived('theirs', /Subject: large-out/)).trimEnd(), body)
    await eventually('the end of that session', async () => {
      const lines = readFileSync(log, 'utf8')
      return /disconnect from .* bdat=\d+ /.test(lines) ? true : undefined
    })
    await say(peers.smtpPort, '<bob@bench.test>', [`<${alice.address}>`], text('large-in', body))
    assert.equal(bodyOf(await arrived('ours', /Subject: large-in/)).trimEnd(), body)
  })

  test('RFC 3461: what is asked of reports goes along; each reports in words that the other can read', async () => {
    const asked = ' RET=HDRS ENVID=env-1'
    const of = (address: string) => `<${address}> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;first+2Bname@orig.test`
    await say(server.ports.smtp, `<${alice.address}>${asked}`, [of(theirBob.address)], text('dsn-out'))
    const theirs = await arrived('ours', /Successful Mail Delivery Report[\s\S]*env-1/)
    assert.match(theirs, /^Return-Path: <>\r\n/)
    assert.match(theirs, /Original-Envelope-Id: env-1\r\n/)
    assert.match(theirs, /Original-Recipient: rfc822; ?first\+name@orig\.test\r\n/)
    assert.match(theirs, /Action: (?:delivered|relayed)\r\nStatus: 2\./)
    assert.match(theirs, /Content-Type: text\/rfc822-headers/)
    await say(peers.smtpPort, `<${theirBob.address}>${asked}`, [of(alice.address)], text('dsn-in'))
    const ours = await arrived('theirs', /Successful Mail Delivery Report[\s\S]*env-1/)
    assert.match(ours, /^Return-Path: <>\r\n/)
    assert.match(ours, /Reporting-MTA: dns; mail\.example\.org\r\n/)
    assert.match(ours, /Original-Envelope-Id: env-1\r\n/)
    assert.match(ours, /Original-Recipient: rfc822; first\+name@orig\.test\r\n/)
    assert.match(ours, /Action: delivered\r\nStatus: 2\./)
    assert.match(ours, /Content-Type: text\/rfc822-headers/)
  })

  test('RFC 3464: bounces, theirs to us and ours to them', async () => {
    await say(peers.smtpPort, `<${alice.address}>`, ['<nosuch@example.org>'], text('bounce-of-theirs'))
    const theirs = await arrived('ours', /Undelivered[\s\S]*bounce-of-theirs/)
    assert.match(theirs, /^Return-Path: <>\r\n/)
    assert.match(theirs, /Final-Recipient: rfc822; nosuch@example\.org\r\n[\s\S]*Status: 5\.1\.1/)
    assert.match(theirs, /Diagnostic-Code: smtp; 550 5\.1\.1 <nosuch@example\.org>/)
    await say(server.ports.smtp, `<${theirBob.address}>`, ['<nosuch@bench.test>'], text('bounce-of-ours'))
    const ours = await arrived('theirs', /Undelivered[\s\S]*bounce-of-ours/)
    assert.match(ours, /^Return-Path: <>\r\n/)
    assert.match(ours, /Final-Recipient: rfc822; nosuch@bench\.test\r\n[\s\S]*Status: 5\.1\.1/)
    assert.match(ours, /Remote-MTA: dns; /)
    assert.match(ours, /Diagnostic-Code: smtp; 550 5\.1\.1 <nosuch@bench\.test>/)
  })

  test('RFC 6531: SMTPUTF8 each way; where mail cannot go on in UTF-8, the report can', async () => {
    const options = ' SMTPUTF8 BODY=8BITMIME'
    await say(peers.smtpPort, `<bob@bench.test>${options}`, [`<${alice.address}>`], text('über-in'))
    assert.match(await arrived('ours', /Subject: über-in/), /with UTF8SMTP/)
    // Postfix takes it from us; Dovecot's LMTP behind it knows no SMTPUTF8.
    await say(server.ports.smtp, `<${alice.address}>${options}`, ['<bob@bench.test>'], text('über-out'))
    const report = await arrived('ours', /SMTPUTF8 is required[\s\S]*Subject: über-out/)
    assert.match(report, /Reporting-MTA: dns; mx\.bench\.test/)
    assert.match(report, /Status: 5\.6\.7/)
  })

  test('RFC 6152 §3: for a server without 8BITMIME the body becomes quoted-printable, each way', async () => {
    const message = (subject: string) =>
      text(subject, 'ärger = größer\r\n').replace(
        '\r\n\r\n',
        '\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n',
      )
    await configureTheirs(['smtpd_discard_ehlo_keywords=8bitmime,smtputf8,chunking'])
    await eventually('their server without 8BITMIME', async () => {
      const wire = await Wire.open(peers.smtpPort)
      await wire.hears(/^220 .*\r\n/)
      wire.send('EHLO client.test\r\n')
      const offered = await wire.hears(/^250 .*\r\n/m)
      wire.close()
      return offered.includes('8BITMIME') ? undefined : true
    })
    await say(server.ports.smtp, `<${alice.address}> BODY=8BITMIME`, ['<bob@bench.test>'], message('qp-out'))
    const theirs = await arrived('theirs', /Subject: qp-out/)
    assert.match(theirs, /Content-Transfer-Encoding: quoted-printable/i)
    assert.equal(bodyOf(theirs).trimEnd(), '=C3=A4rger =3D gr=C3=B6=C3=9Fer')
    await configureTheirs([])
    await configureOurs({ smtpd_discard_ehlo_keywords: '8bitmime, smtputf8' })
    await say(peers.smtpPort, '<bob@bench.test> BODY=8BITMIME', [`<${alice.address}>`], message('qp-in'))
    const ours = await arrived('ours', /Subject: qp-in/)
    assert.match(ours, /Content-Transfer-Encoding: quoted-printable/i)
    assert.equal(bodyOf(ours).trimEnd(), '=C3=A4rger =3D gr=C3=B6=C3=9Fer')
    await configureOurs({})
  })

  test('eighty recipients, one of them refused: the others get it, and there is one bounce', async () => {
    const users = Array.from({ length: 80 }, (_, i) => `<u${i}@bench.test>`)
    const everybody = [...users, '<nosuch-one@bench.test>', '<bob@bench.test>']
    await say(server.ports.smtp, `<${alice.address}>`, everybody, text('to-many'))
    await arrived('theirs', /Subject: to-many/)
    const bounce = await arrived('ours', /Undelivered[\s\S]*to-many/)
    assert.deepEqual(bounce.match(/Final-Recipient: .*/g), ['Final-Recipient: rfc822; nosuch-one@bench.test'])
    for (const user of ['u0', 'u79'])
      await eventually(`the copy of ${user}`, async () => {
        const found = await readMailbox(peers.imapPort, { address: `${user}@bench.test`, password: 'secret' })
        return found.some(({ source }) => source.includes('to-many')) ? true : undefined
      })
  })

  test('messages that wait together go over the same connection', async () => {
    await configureOurs({ defer_transports: 'smtp' })
    for (let i = 0; i < 5; i++)
      await say(server.ports.smtp, `<${alice.address}>`, ['<bob@bench.test>'], text(`reuse-${i}`))
    await configureOurs({
      default_destination_concurrency_limit: '1',
      smtp_connection_cache_on_demand: 'yes',
    })
    await server.store.queue.flush({ nowMs: Date.now() })
    for (let i = 0; i < 5; i++) await arrived('theirs', new RegExp(`Subject: reuse-${i}`))
    await eventually('the end of a session with several messages', async () =>
      /disconnect from .* mail=[2-9] /.test(readFileSync(log, 'utf8')) ? true : undefined,
    )
  })
})

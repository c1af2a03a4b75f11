import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { MailServer } from '@posthorn/server'
import { createTransport } from 'nodemailer'
import { alice, bob, eventually, startForClients } from '../clients/mail-server.ts'
import { readMailbox } from '../clients/mailbox-reader.ts'
import { mustRun } from '../clients/run-client.ts'
import { type Peers, startPeers } from './postfix-dovecot.ts'

const peerBob = { address: 'bob@bench.test', password: 'secret' }
const sbin = { PATH: `/usr/sbin:/sbin:${process.env['PATH'] ?? ''}` }
let peers: Peers
let server: MailServer

before(async () => {
  peers = await startPeers(28_000)
  server = await startForClients({ relayhost: `[127.0.0.1]:${peers.smtpPort}`, mynetworks: '127.0.0.0/8' })
  const relay = `relayhost=[127.0.0.1]:${server.ports.smtp}`
  const restrictions = 'smtpd_recipient_restrictions=permit_mynetworks,reject_unauth_destination'
  const postconf = ['-c', peers.postfixFolder, '-e', relay, restrictions]
  await mustRun('postconf', postconf, { env: sbin })
  await mustRun('postfix', ['-c', peers.postfixFolder, 'reload'], { env: sbin })
})
after(async () => {
  await server.stop()
  await peers.stop()
})

async function submit(to: string, subject: string, text: string): Promise<void> {
  const transport = createTransport({
    host: '127.0.0.1',
    port: server.ports.submission,
    tls: { rejectUnauthorized: false },
    auth: { user: alice.address, pass: alice.password },
  })
  await transport.sendMail({ from: alice.address, to, subject, text })
  transport.close()
}

test('a submission for elsewhere leaves through relayhost and Postfix delivers it', async () => {
  const text = '.a leading dot\r\n\r\n..\r\nlast line without mercy'
  await submit(peerBob.address, 'to the other side', text)
  const source = await eventually('the message at Dovecot', async () => {
    const messages = await readMailbox(peers.imapPort, peerBob)
    return messages
      .map((message) => message.source.toString())
      .find((found) => found.includes('to the other side'))
  })
  assert.match(source, /Received: from mail\.example\.org \(.*127\.0\.0\.1\]\)/)
  assert.match(source, /\tby mail\.example\.org \(Posthorn\) with ESMTPSA id [0-9A-F]+/)
  assert.ok(source.endsWith(`${text}\r\n`))
  await eventually('an empty queue', async () =>
    (await server.store.queue.count()) === 0 ? true : undefined,
  )
})

test('Postfix hands mail over to us, one message to two recipients', async () => {
  await mustRun('swaks', [
    ...['--server', '127.0.0.1', '--port', String(peers.smtpPort), '--from', 'u1@bench.test'],
    ...[
      '--to',
      `${alice.address},${bob.address}`,
      '--header',
      'Subject: from the other side',
      '--silent',
      '1',
    ],
  ])
  for (const login of [alice, bob]) {
    const source = await eventually(`the message of ${login.address}`, async () => {
      const messages = await readMailbox(server.ports.imap, login)
      return messages
        .map((message) => message.source.toString())
        .find((found) => found.includes('from the other side'))
    })
    assert.match(source, /^Return-Path: <u1@bench\.test>\r\n/)
    assert.ok(source.includes(`\r\nDelivered-To: ${login.address}\r\n`))
    assert.match(source, /Received: from mx\.bench\.test \(/)
  }
})

test("smtp-source, Postfix's own generator: 500 messages in 10 sessions, all there", async () => {
  await mustRun(
    'smtp-source',
    [
      '-s',
      '10',
      '-m',
      '500',
      '-l',
      '4096',
      '-f',
      'u1@bench.test',
      '-t',
      bob.address,
      `127.0.0.1:${server.ports.smtp}`,
    ],
    { env: sbin },
  )
  const before = await server.store.mailboxes.find(
    (await server.store.accounts.find(bob.address))!.id,
    'INBOX',
  )
  assert.ok((before?.messages ?? 0) >= 500)
})

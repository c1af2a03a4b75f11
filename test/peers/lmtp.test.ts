import assert from 'node:assert/strict'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { type MailServer, startMailServer } from '@posthorn/server'
import { alice, bob, eventually, startForClients } from '../clients/mail-server.ts'
import { readMailbox } from '../clients/mailbox-reader.ts'
import { mustRun } from '../clients/run-client.ts'
import { type Peers, startPeers } from './postfix-dovecot.ts'

const sbin = { PATH: `/usr/sbin:/sbin:${process.env['PATH'] ?? ''}` }
let peers: Peers
let server: MailServer

before(async () => {
  peers = await startPeers(28_400)
  const socket = join(dirname(peers.postfixFolder), 'lmtp.sock')
  server = await startForClients({
    protocols: 'imap pop3 lmtp',
    mynetworks: '127.0.0.0/8',
    relay_domains: 'bench.test',
    transport_maps: `inline:{ bench.test=lmtp:unix:${socket} }`,
  })
  const settings = [
    `default_transport=lmtp:inet:127.0.0.1:${server.ports.lmtp}`,
    'smtpd_recipient_restrictions=permit_mynetworks,reject_unauth_destination',
  ]
  await mustRun('postconf', ['-c', peers.postfixFolder, '-e', ...settings], { env: sbin })
  await mustRun('postfix', ['-c', peers.postfixFolder, 'reload'], { env: sbin })
})
after(async () => {
  await server.stop()
  await peers.stop()
})

const swaks = async (port: number, from: string, to: string, subject: string): Promise<void> => {
  await mustRun('swaks', [
    ...['--server', '127.0.0.1', '--port', String(port), '--from', from, '--to', to],
    ...['--header', `Subject: ${subject}`, '--body', 'over LMTP'],
  ])
}

const arrived = async (port: number, account: typeof alice, subject: string): Promise<string> =>
  await eventually(`${subject} at ${account.address}`, async () =>
    (await readMailbox(port, account))
      .map((message) => message.source.toString())
      .find((source) => source.includes(subject)),
  )

test('RFC 2033: Postfix hands mail over by LMTP, an answer for each recipient', async () => {
  await swaks(
    peers.smtpPort,
    'u1@bench.test',
    `${alice.address},${bob.address},nobody@example.org`,
    'in by lmtp',
  )
  for (const account of [alice, bob]) {
    const source = await arrived(server.ports.imap, account, 'in by lmtp')
    assert.match(source, /with LMTP id/)
  }
  // Only the recipient that was refused comes back to its sender.
  const sender = { address: 'u1@bench.test', password: 'secret' }
  const bounce = await arrived(peers.imapPort, sender, 'Undelivered Mail')
  assert.match(bounce, /Final-Recipient: rfc822; nobody@example\.org/)
  assert.doesNotMatch(bounce, /Final-Recipient: rfc822; alice/)
})

test('RFC 2033: Postfix hands mail over through a UNIX socket of master.cf', async (t) => {
  const socket = join(dirname(peers.postfixFolder), 'posthorn-lmtp')
  const other = await startMailServer({
    parameters: { myhostname: 'box.example.org', mydestination: 'example.org', alias_maps: '' },
    masterCf: `${socket} unix n - n - - lmtpd\n`,
    accounts: [alice],
  })
  t.after(async () => await other.stop())
  const transport = `default_transport=lmtp:unix:${socket}`
  await mustRun('postconf', ['-c', peers.postfixFolder, '-e', transport], { env: sbin })
  await mustRun('postfix', ['-c', peers.postfixFolder, 'reload'], { env: sbin })
  await swaks(peers.smtpPort, 'u1@bench.test', alice.address, 'through a socket')
  assert.match(await arrived(other.ports.imap, alice, 'through a socket'), /with LMTP id/)
})

test('RFC 2033: to Dovecot by LMTP over a UNIX socket, transport_maps', async () => {
  await swaks(server.ports.smtp, alice.address, 'u2@bench.test,u3@bench.test', 'out by lmtp')
  for (const name of ['u2', 'u3']) {
    const account = { address: `${name}@bench.test`, password: 'secret' }
    assert.match(await arrived(peers.imapPort, account, 'out by lmtp'), /over LMTP/)
  }
  await eventually('an empty queue', async () =>
    (await server.store.queue.count()) === 0 ? true : undefined,
  )
})

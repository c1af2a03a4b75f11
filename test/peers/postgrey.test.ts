import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { MailServer } from '@posthorn/server'
import { bob, eventually, startForClients } from '../clients/mail-server.ts'
import { readMailbox } from '../clients/mailbox-reader.ts'
import { runClient } from '../clients/run-client.ts'

/** Debian's postgrey, by SMTPD_POLICY_README over its socket. */
const folder = mkdtempSync(join(tmpdir(), 'posthorn-postgrey-'))
const socket = join(folder, 'socket')
let postgrey: ChildProcess
let server: MailServer | undefined

const answers = (path: string): Promise<true | undefined> =>
  new Promise((resolve) => {
    const probe = createConnection(path)
    probe.once('connect', () => {
      probe.destroy()
      resolve(true)
    })
    probe.once('error', () => resolve(undefined))
  })

before(async () => {
  const me = process.getuid?.() === 0 ? ['--user=root', '--group=root'] : []
  postgrey = spawn(
    '/usr/sbin/postgrey',
    [
      `--unix=${socket}`,
      '--delay=1',
      `--dbdir=${folder}`,
      '--privacy',
      ...me,
      '--greylist-text=Greylisted by postgrey',
    ],
    { stdio: 'ignore' },
  )
  await eventually('a policy service', () => answers(socket))
  server = await startForClients({
    mynetworks: '192.0.2.0/24',
    greylist: 'no',
    smtpd_recipient_restrictions: `permit_mynetworks, reject_unauth_destination, check_policy_service unix:${socket}`,
  })
})
after(async () => {
  await server?.stop()
  postgrey.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

const send = (subject: string) =>
  runClient('swaks', [
    ...['--server', '127.0.0.1', '--port', String(server?.ports.smtp), '--helo', 'mail.stranger.test'],
    ...['--from', 'stranger@stranger.test', '--to', bob.address, '--header', `Subject: ${subject}`],
  ])

test('postgrey: the first attempt waits, a later one passes and carries its header', async () => {
  const first = await send('too early')
  assert.match(
    first.stdout,
    /450 4\.2\.0 <bob@example\.org>: Recipient address rejected: Greylisted by postgrey/,
  )
  const source = await eventually('the message after the delay', async () => {
    await send('patient')
    const messages = await readMailbox(server?.ports.imap ?? 0, bob)
    return messages.map((message) => message.source.toString()).find((text) => text.includes('patient'))
  })
  assert.match(source, /^X-Greylist: delayed \d+ seconds by postgrey/m)
  assert.ok(!source.includes('too early'))
})

test('postgrey gone: strangers are asked to come again', async () => {
  const ended = new Promise((resolve) => postgrey.once('exit', resolve))
  postgrey.kill()
  await ended
  const { stdout } = await send('nobody home')
  assert.match(
    stdout,
    /451 4\.3\.5 <bob@example\.org>: Recipient address rejected: Server configuration problem/,
  )
})

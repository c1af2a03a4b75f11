import assert from 'node:assert/strict'
import { chownSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { MailServer } from '@posthorn/server'
import { alice, startForClients } from './mail-server.ts'
import { withImap } from './mailbox-reader.ts'
import { mustRun } from './run-client.ts'

// Dovecot itself as an IMAP client: the way out of here that its administrators know.

const folder = mkdtempSync(join(tmpdir(), 'posthorn-imapc-'))
const conf = join(folder, 'dovecot.conf')
const mail = join(folder, 'mail')
// doveadm does not work as root.
const nobody = 65_534
const isRoot = process.getuid?.() === 0
const owner = isRoot ? `mail_uid = ${nobody}\nmail_gid = ${nobody}\n` : ''
let server: MailServer

before(async () => {
  if (isRoot) chownSync(folder, nobody, nobody)
  server = await startForClients()
  await withImap(server.ports.imap, alice, async (client) => {
    await client.mailboxCreate('Work/Café & Tee')
    await client.mailboxSubscribe('Work/Café & Tee')
    for (let n = 1; n <= 40; n++) {
      const mailbox = n <= 30 ? 'INBOX' : 'Work/Café & Tee'
      const text = `From: a@example.net\r\nSubject: number ${n}\r\n\r\nLine of ${n}\r\n.\r\n\r\nFrom here on\r\n`
      await client.append(
        mailbox,
        text,
        n % 3 === 0 ? ['\\Seen'] : [],
        new Date(1_700_000_000_000 + n * 86_400_000),
      )
    }
    const lock = await client.getMailboxLock('INBOX')
    await client.messageDelete('4:6')
    await client.messageFlagsAdd('1:2', ['\\Flagged', 'Work'])
    lock.release()
  })
  writeFileSync(
    conf,
    `mail_location = maildir:${mail}
mail_home = ${folder}
base_dir = ${folder}/run
log_path = /dev/stderr
${owner}first_valid_uid = 1
ssl = no
imapc_host = 127.0.0.1
imapc_port = ${server.ports.imap}
imapc_user = ${alice.address}
imapc_password = ${alice.password}
imapc_features = rfc822.size fetch-headers search modseq fetch-bodystructure
namespace inbox {
  inbox = yes
  separator = /
}
`,
  )
})
after(async () => {
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
})

const doveadm = async (...args: string[]): Promise<string> =>
  (
    await mustRun('doveadm', ['-c', conf, '-o', 'stats_writer_socket_path=', ...args], {
      env: { USER: userInfo().username },
    })
  ).stdout
const remote = ['-o', 'mail_location=imapc:']

/** UID, flags and text of the messages of a Maildir, in order of UIDs. */
function maildir(path: string): readonly (readonly [string, string])[] {
  const uids = new Map(
    readFileSync(join(path, 'dovecot-uidlist'), 'utf8')
      .split('\n')
      .slice(1)
      .filter((line) => line !== '')
      .map((line) => [
        line.slice(line.indexOf(' :') + 2).split(':2,')[0] as string,
        line.split(' ')[0] as string,
      ]),
  )
  return ['cur', 'new']
    .flatMap((part) => readdirSync(join(path, part)).map((name) => join(path, part, name)))
    .map((file) => {
      const name = file.slice(file.lastIndexOf('/') + 1).split(':2,')[0] as string
      return [uids.get(name) ?? '', readFileSync(file, 'latin1').replaceAll(/\r?\n/g, '\r\n')] as const
    })
    .sort(([a], [b]) => Number(a) - Number(b))
}

async function here(mailbox: string): Promise<readonly (readonly [string, string])[]> {
  return await withImap(server.ports.imap, alice, async (client) => {
    const lock = await client.getMailboxLock(mailbox)
    const messages: [string, string][] = []
    for await (const one of client.fetch('1:*', { uid: true, source: true }))
      messages.push([String(one.uid), one.source?.toString('latin1') ?? ''])
    lock.release()
    return messages
  })
}

describe('doveadm through imapc:', () => {
  it('backup -R takes everything away under the same UIDs; the second run changes nothing', async () => {
    await doveadm('backup', '-R', 'imapc:')
    assert.deepEqual(maildir(mail), await here('INBOX'))
    assert.deepEqual(maildir(join(mail, '.Work.Caf&AOk- &- Tee')), await here('Work/Café & Tee'))
    assert.match(readFileSync(join(mail, 'subscriptions'), 'utf8'), /Caf&AOk- &- Tee/)
    const before = readdirSync(join(mail, 'cur')).sort()
    await doveadm('backup', '-R', 'imapc:')
    assert.deepEqual(readdirSync(join(mail, 'cur')).sort(), before)
  })

  it('search, fetch and flags by the living mailbox', async () => {
    const found = await doveadm(...remote, 'search', 'mailbox', 'INBOX', 'subject', 'number 17')
    assert.equal(found.trim().split(' ').at(-1), '17')
    const fields = await doveadm(
      ...remote,
      'fetch',
      'uid flags hdr.subject size.virtual',
      'mailbox',
      'INBOX',
      'uid',
      '2',
    )
    assert.match(fields, /uid: 2\n/)
    assert.match(fields, /flags: .*\\Flagged.*Work/)
    assert.match(fields, /hdr\.subject: number 2\n/)
    await doveadm(...remote, 'flags', 'add', '\\Answered', 'mailbox', 'INBOX', 'uid', '9')
    const flags = await withImap(server.ports.imap, alice, async (client) => {
      const lock = await client.getMailboxLock('INBOX')
      const one = await client.fetchOne('9', { flags: true }, { uid: true })
      lock.release()
      return one ? one.flags : undefined
    })
    assert.ok(flags?.has('\\Answered'))
  })
})

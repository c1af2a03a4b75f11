/** Open sessions end with the rights of their account, whichever of two workers serves them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ImapFlow } from 'imapflow'
import {
  command,
  createSite,
  eventually,
  imapClient,
  inFolder,
  LineClient,
  type Site,
  sendMessage,
  startServer,
  stopServer,
} from './running-server.ts'

const plain = (user: string): string => Buffer.from(`\0${user}\0secret`).toString('base64')

async function pop3Client(site: Site, user: string): Promise<LineClient> {
  const client = await LineClient.connect(site.ports.pop3, /^\+OK/)
  await client.ask(`user ${user}\r\npass secret`, /\+OK Logged in/)
  return client
}

async function submitter(site: Site, user: string): Promise<LineClient> {
  const client = await LineClient.connect(site.ports.submission, /^220 /)
  await client.ask('EHLO client.example', /^250 /m)
  await client.ask(`AUTH PLAIN ${plain(user)}`, /^235 /)
  return client
}

async function withUsers(
  users: readonly string[],
  run: (site: Site, said: () => string) => Promise<void>,
): Promise<void> {
  await inFolder(async (folder) => {
    const site = await createSite(
      folder,
      'workers = 2\nsample_accounts = no\ndisable_plaintext_auth = no\nsmtpd_tls_auth_only = no\nlmtp_port = 0',
    )
    const server = await startServer(site)
    for (const user of users)
      assert.equal((await command(site, ['user', 'add', user, '--password', 'secret'])).code, 0)
    await run(site, server.output)
    assert.equal((await stopServer(server)).code, 0)
  })
}

const changes = [
  {
    title: 'is disabled',
    args: ['user', 'disable', 'alice'],
    imap: '* BYE [CONTACTADMIN] This account may not be used any more.',
    pop3: '-ERR [SYS/PERM] This account may not be used any more.',
    smtp: '421 4.7.0 mail.example.org Error: this account may not be used any more',
  },
  {
    title: 'gets a new password',
    args: ['user', 'passwd', 'alice', '--password', 'other'],
    imap: '* BYE [EXPIRED] The password was changed; log in with the new one.',
    pop3: '-ERR [AUTH] The password was changed.',
    smtp: '421 4.7.0 mail.example.org Error: the password was changed',
  },
  {
    title: 'is renamed',
    args: ['user', 'rename', 'alice', 'ann'],
    imap: '* BYE [CONTACTADMIN] This account has another name now.',
    pop3: '-ERR [SYS/PERM] This account has another name now.',
    smtp: '421 4.7.0 mail.example.org Error: this account has another name now',
  },
  {
    title: 'is removed',
    args: ['user', 'remove', '--force', 'alice'],
    imap: '* BYE [CONTACTADMIN] This account may not be used any more.',
    pop3: '-ERR [SYS/PERM] This account may not be used any more.',
    smtp: '421 4.7.0 mail.example.org Error: this account may not be used any more',
  },
] as const

for (const { title, args, imap, pop3, smtp } of changes) {
  test(`the open sessions of a user who ${title} end, those of others go on`, async () => {
    await withUsers(['alice', 'bob'], async (site) => {
      await sendMessage(site, 'kept')
      // One after the other: both workers have some of each.
      const imaps: LineClient[] = []
      const submitters: LineClient[] = []
      for (let n = 0; n < 4; n++) {
        imaps.push(await imapClient(site, 'alice secret'))
        submitters.push(await submitter(site, 'alice'))
      }
      await imaps[0]?.ask('b select inbox\r\nc idle', /^\+ /m)
      await imaps[1]?.ask('b notify set (personal (messagenew messageexpunge))', /^b OK/m)
      await imaps[2]?.ask('b compress deflate', /^b OK/m)
      await submitters[0]?.ask('mail from:<alice@example.org>\r\nrcpt to:<bob@example.org>', /^250 2\.1\.5/m)
      const reader = await pop3Client(site, 'alice')
      await reader.ask('dele 1', /^\+OK/)
      const bobs = await imapClient(site, 'bob secret')
      await bobs.ask('b select inbox\r\nc idle', /^\+ /m)
      assert.equal((await command(site, args)).code, 0)
      for (const [n, client] of imaps.entries()) {
        const text = await client.closed()
        // The mailbox that it had open has gone first.
        const isOver =
          text.includes(`${imap}\r\n`) ||
          (args[1] === 'remove' && text.includes('* BYE Selected mailbox was'))
        if (n !== 2) assert.ok(isOver, text)
      }
      for (const client of submitters) assert.ok((await client.closed()).endsWith(`${smtp}\r\n`))
      assert.ok((await reader.closed()).endsWith(`${pop3}\r\n`))
      await bobs.ask('DONE\r\nd noop', /^d OK/m)
      bobs.close()
      if (args[1] === 'remove') return
      // Nothing that the POP3 session had marked is gone.
      const { out } = await command(site, ['mailbox', 'list', args[1] === 'rename' ? 'ann' : 'alice'])
      assert.match(out, /^INBOX +1 messages/m)
    })
  })
}

test('a client that idles behind compression, and mail that is on its way when its sender is disabled', async () => {
  await withUsers(['alice', 'bob'], async (site, said) => {
    const flow = new ImapFlow({
      host: '127.0.0.1',
      port: site.ports.imap,
      secure: false,
      doSTARTTLS: false,
      auth: { user: 'alice', pass: 'secret' },
      logger: false,
    })
    flow.on('error', () => {})
    await flow.connect()
    await flow.mailboxOpen('INBOX')
    const closed = new Promise((resolve) => flow.once('close', resolve))
    void flow.idle().catch(() => {})
    const [early, late] = [await submitter(site, 'alice'), await submitter(site, 'alice')]
    const begin = 'mail from:<alice@example.org>\r\nrcpt to:<bob@example.org>\r\ndata'
    await early.ask(begin, /^354 /m)
    await late.ask(`${begin}`, /^354 /m)
    await early.ask('Subject: before\r\n\r\nx\r\n.', /^250 2\.0\.0 Ok: queued/m)
    assert.equal((await command(site, ['user', 'disable', 'alice'])).code, 0)
    await closed
    await early.closed()
    assert.ok(late.isOpen, 'a message under way is read to its end')
    late.send('Subject: after\r\n\r\nx\r\n.\r\n')
    assert.match(await late.closed(), /^421 4\.7\.0 .*may not be used any more\r\n$/m)
    await eventually(() => assert.match(said(), /submission|smtpd.*session ends: this account/))
    const reader = await imapClient(site, 'bob secret')
    const listed = await reader.ask('b select inbox\r\nc fetch 1:* body[header.fields (subject)]', /^c OK/m)
    assert.deepEqual(listed.match(/Subject: \w+/g), ['Subject: before'])
    reader.close()
  })
})

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type MailServer, startMailServer } from '@posthorn/server'
import { createTransport } from 'nodemailer'
import { withImap } from '../mailbox-reader.ts'
import { type HoldingProxy, startHoldingProxy } from './holding-proxy.ts'
import { addAccount, helpers } from './scripts.ts'
import { startThunderbird, type Thunderbird } from './start-thunderbird.ts'

const login = { address: 'alice@example.org', password: 'secret-1' }
/** Its look at the text of a new message, which it makes by itself. */
const preview = 'BODY.PEEK[HEADER.FIELDS (Content-Type'
let server: MailServer
let proxy: HoldingProxy
let thunderbird: Thunderbird
let key: string

before(async () => {
  server = await startMailServer({
    parameters: {
      myhostname: 'mail.example.org',
      mydestination: 'example.org',
      disable_plaintext_auth: 'no',
      // The proxy has to read along.
      imap_capability: '-COMPRESS=DEFLATE',
    },
    accounts: [login],
  })
  proxy = await startHoldingProxy(server.ports.imap)
  thunderbird = await startThunderbird()
  await thunderbird.run(helpers)
  const { server: made } = (await thunderbird.run(addAccount, {
    kind: 'imap',
    security: 0,
    port: proxy.port,
    smtpPort: server.ports.submission,
    user: login.address,
    password: login.password,
    address: login.address,
  })) as { server: string }
  key = made
  await deliver('first')
  await thunderbird.run(
    `
    MailServices.accounts.getIncomingServer(args[0]).performExpand(window3())
    const inbox = await until('INBOX', () => folderOf(args[0], 'INBOX'))
    await refresh(inbox)
    await until('first', () => headerOf(inbox, 'first'))
    `,
    key,
  )
})
after(async () => {
  await thunderbird?.stop()
  await proxy?.close()
  await server?.stop()
})

async function deliver(subject: string): Promise<void> {
  const transport = createTransport({ host: '127.0.0.1', port: server.ports.smtp, ignoreTLS: true })
  await transport.sendMail({ from: 'friend@example.net', to: login.address, subject, text: 'Hello\r\n' })
  transport.close()
}

async function star(subject: string): Promise<void> {
  await withImap(server.ports.imap, login, async (client) => {
    const lock = await client.getMailboxLock('INBOX')
    assert.ok(await client.messageFlagsAdd({ header: { subject } }, ['\\Flagged']))
    lock.release()
  })
}

const appears = (condition: string): Promise<unknown> =>
  thunderbird.run(
    `
    const inbox = folderOf(args[0], 'INBOX')
    await until('news', () => ${condition})
    `,
    key,
  )

test('imap_client_quirks: Thunderbird sees a message that came while it fetched another', async () => {
  const held = proxy.hold(preview, () => deliver('meanwhile'))
  await deliver('second')
  await held
  await appears(`headerOf(inbox, 'second') && headerOf(inbox, 'meanwhile')`)
})

test('imap_client_quirks: Thunderbird sees a star that came while it fetched another message', async () => {
  const held = proxy.hold(preview, () => star('first'))
  await deliver('third')
  await held
  await appears(`headerOf(inbox, 'third') && headerOf(inbox, 'first').isFlagged`)
})

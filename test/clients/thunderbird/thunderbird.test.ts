import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type MailServer, startMailServer } from '@posthorn/server'
import type { ImapFlow } from 'imapflow'
import { createTransport } from 'nodemailer'
import { eventually } from '../mail-server.ts'
import { readMailbox, withImap } from '../mailbox-reader.ts'
import { addAccount, helpers } from './scripts.ts'
import { startThunderbird, type Thunderbird } from './start-thunderbird.ts'

const kinds = [
  { kind: 'imap', security: 0, name: 'plain' },
  { kind: 'imap', security: 2, name: 'STARTTLS' },
  { kind: 'imap', security: 3, name: 'TLS' },
  { kind: 'pop3', security: 0, name: 'plain' },
  { kind: 'pop3', security: 2, name: 'STLS' },
  { kind: 'pop3', security: 3, name: 'TLS' },
] as const
const logins = kinds.map(({ kind, name }) => ({
  address: `${kind}-${name.toLowerCase()}@example.org`,
  password: 'a "quoted" \\ Passwört',
}))
let server: MailServer
let thunderbird: Thunderbird

before(async () => {
  server = await startMailServer({
    parameters: {
      myhostname: 'mail.example.org',
      mydestination: 'example.org, localhost',
      myorigin: 'example.org',
      disable_plaintext_auth: 'no',
      smtpd_tls_auth_only: 'no',
    },
    accounts: logins,
  })
  thunderbird = await startThunderbird()
  await thunderbird.run(helpers)
})
after(async () => {
  await thunderbird?.stop()
  await server?.stop()
})

async function deliver(to: string, subject: string, text = 'Hello, ünïcode\r\n'): Promise<void> {
  const transport = createTransport({
    host: '127.0.0.1',
    port: server.ports.smtp,
    ignoreTLS: true,
  })
  await transport.sendMail({
    from: 'friend@example.net',
    to,
    subject,
    text,
    attachments: [{ filename: 'Grüße.txt', content: Buffer.alloc(50_000, 'x') }],
  })
  transport.close()
}

function ports({ kind, security }: (typeof kinds)[number]) {
  const { ports: all } = server
  const port = { imap: [all.imap, all.imap, all.imaps], pop3: [all.pop3, all.pop3, all.pop3s] }[kind][
    security === 3 ? 2 : 0
  ]
  return { port, smtpPort: security === 3 ? all.submissions : all.submission }
}

async function account(index: number) {
  const kind = kinds[index] as (typeof kinds)[number]
  const { address, password } = logins[index] as (typeof logins)[number]
  return (await thunderbird.run(addAccount, {
    ...kind,
    ...ports(kind),
    user: address,
    password,
    address,
  })) as { server: string; sender: string; identity: string }
}

for (const [index, { kind, name }] of kinds.entries()) {
  if (kind !== 'imap') continue
  const login = logins[index] as (typeof logins)[number]
  describe(`Thunderbird: IMAP, ${name}`, () => {
    let keys: Awaited<ReturnType<typeof account>>
    const run = (body: string, ...args: readonly unknown[]) => thunderbird.run(body, keys.server, ...args)

    before(async () => {
      for (const subject of ['first', 'zweite Grüße', 'third', 'fourth'])
        await deliver(login.address, subject)
      keys = await account(index)
    })

    const appears = async (condition: string): Promise<boolean> =>
      (await run(
        `const inbox = folderOf(args[0], 'INBOX')
         return await until('news', () => ${condition}, 400).then(() => true, () => false)`,
      )) as boolean

    /** A new message, its star and its deletion by another client: does all of it appear by itself? */
    async function newsAppear(subject: string): Promise<boolean> {
      await deliver(login.address, subject)
      if (!(await appears(`headerOf(inbox, '${subject}')`))) return false
      await change(subject, (client) => client.messageFlagsAdd({ header: { subject } }, ['\\Flagged']))
      if (!(await appears(`headerOf(inbox, '${subject}').isFlagged`))) return false
      await change(subject, (client) => client.messageDelete({ header: { subject } }))
      return await appears(`headerOf(inbox, '${subject}') === undefined`)
    }

    async function change(subject: string, work: (client: ImapFlow) => Promise<unknown>): Promise<void> {
      await withImap(server.ports.imap, login, async (client) => {
        const lock = await client.getMailboxLock('INBOX')
        assert.ok(await work(client), subject)
        lock.release()
      })
    }

    it('finds the mailboxes with their uses, and the messages', async () => {
      const subjects = await run(`
        const [key] = args
        MailServices.accounts.getIncomingServer(key).performExpand(window3())
        const inbox = await until('INBOX', () => folderOf(key, 'INBOX'))
        await refresh(inbox)
        await until('messages', () => headers(inbox).length === 4)
        await until('Sent', () => folderOf(key, 'Sent')?.getFlag(Ci.nsMsgFolderFlags.SentMail))
        await until('Trash', () => folderOf(key, 'Trash')?.getFlag(Ci.nsMsgFolderFlags.Trash))
        return headers(inbox).map((header) => header.mime2DecodedSubject).sort()
      `)
      assert.deepEqual(subjects, ['first', 'fourth', 'third', 'zweite Grüße'])
    })

    it('reads a message with its attachment', async () => {
      const text = (await run(`
        const inbox = folderOf(args[0], 'INBOX')
        const uri = inbox.getUriForMsg(headerOf(inbox, 'zweite Grüße'))
        return await new Promise((resolve, reject) => {
          let text = ''
          MailServices.messageServiceFromURI(uri).streamMessage(uri, {
            QueryInterface: ChromeUtils.generateQI(['nsIStreamListener']),
            onStartRequest() {},
            onDataAvailable(request, stream, offset, count) {
              const input = Cc['@mozilla.org/scriptableinputstream;1'].createInstance(Ci.nsIScriptableInputStream)
              input.init(stream)
              text += input.readBytes(count)
            },
            onStopRequest(request, status) {
              if (Components.isSuccessCode(status)) resolve(text)
              else reject(new Error('stream ' + status))
            },
          }, null, null, false, '', false)
        })
      `)) as string
      const [stored] = (await readMailbox(server.ports.imap, login)).filter(({ source }) =>
        source.toString().includes('zweite'),
      )
      // It may come from the copy that Thunderbird made meanwhile, with fields of its own.
      const own = text.replaceAll('\r\n', '\n').replace(/^(?:X-Mozilla-[^\n]*\n)*/, '')
      assert.equal(own, stored?.source.toString('latin1').replaceAll('\r\n', '\n'))
    })

    it('reads, stars and tags: the flags are on the server', async () => {
      await run(`
        const inbox = folderOf(args[0], 'INBOX')
        const header = headerOf(inbox, 'first')
        inbox.markMessagesRead([header], true)
        inbox.markMessagesFlagged([header], true)
        inbox.addKeywordsToMessages([header], '$label1')
      `)
      await eventually('the flags', async () => {
        const found = (await readMailbox(server.ports.imap, login)).find(({ source }) =>
          source.toString().includes('Subject: first'),
        )
        const flags = [...(found?.flags ?? [])].sort().join(' ')
        return flags === '$label1 \\Flagged \\Seen' ? flags : undefined
      })
    })

    it('makes a mailbox with a name beyond ASCII, moves a message there, deletes another', async () => {
      await run(`
        const [key] = args
        const inbox = folderOf(key, 'INBOX')
        inbox.server.rootFolder.createSubfolder('Gruß & 日本', null)
        const made = await until('the mailbox', () => folderOf(key, 'Gruß & 日本'))
        await copyDone((listener) =>
          MailServices.copy.copyMessages(inbox, [headerOf(inbox, 'third')], made, true, listener, window3(), false))
        await copyDone((listener) =>
          inbox.deleteMessages([headerOf(inbox, 'fourth')], window3(), false, true, listener, false))
      `)
      const subjects = async (mailbox: string) =>
        (await readMailbox(server.ports.imap, login, mailbox)).map(
          ({ source }) => /^Subject: (.*)\r$/m.exec(source.toString())?.[1],
        )
      await eventually('the move and the deletion', async () => {
        const moved = await subjects('Gruß & 日本')
        const trash = await subjects('Trash')
        return moved.join() === 'third' && trash.join() === 'fourth' ? moved : undefined
      })
    })

    it('searches on the server', async () => {
      const found = await run(`
        const inbox = folderOf(args[0], 'INBOX')
        const session = Cc['@mozilla.org/messenger/searchSession;1'].createInstance(Ci.nsIMsgSearchSession)
        session.addScopeTerm(Ci.nsMsgSearchScope.onlineMail, inbox)
        const term = session.createTerm()
        const value = term.value
        value.attrib = Ci.nsMsgSearchAttrib.Body
        value.str = 'ÜNÏCODE'
        term.attrib = Ci.nsMsgSearchAttrib.Body
        term.op = Ci.nsMsgSearchOp.Contains
        term.value = value
        session.appendTerm(term)
        const hits = []
        await new Promise((resolve) => {
          session.registerListener({
            onSearchHit(header) { hits.push(header.mime2DecodedSubject) },
            onSearchDone: resolve,
            onNewSearch() {},
            QueryInterface: ChromeUtils.generateQI(['nsIMsgSearchNotify']),
          }, Ci.nsIMsgSearchSession.allNotifications)
          session.search(null)
        })
        return hits.sort()
      `)
      assert.deepEqual(found, ['first', 'zweite Grüße'])
    })

    it('sends through submission and keeps a copy in Sent', async () => {
      await thunderbird.run(
        `
        const [key, senderKey, identityKey, address] = args
        const file = Services.dirsvc.get('TmpD', Ci.nsIFile)
        file.append('posthorn-out.eml')
        file.createUnique(Ci.nsIFile.NORMAL_FILE_TYPE, 0o600)
        const text = 'From: ' + address + '\\r\\nTo: ' + address + '\\r\\nSubject: sent by Thunderbird\\r\\n' +
          'Message-ID: <' + Date.now() + '@example.org>\\r\\nMIME-Version: 1.0\\r\\n\\r\\n.dot\\r\\nlast\\r\\n'
        await IOUtils.writeUTF8(file.path, text)
        const sender = MailServices.outgoingServer.getServerByKey(senderKey)
        const recipients = MailServices.headerParser.makeFromDisplayAddress(address)
        await new Promise((resolve, reject) => {
          sender.sendMailMessage(file, recipients, [], MailServices.accounts.getIdentity(identityKey), address, '', null, false, '', {
            onSendStart() {},
            onSendStop(uri, status, info, message) {
              if (Components.isSuccessCode(status)) resolve()
              else reject(new Error('send ' + status.toString(16) + ' ' + message))
            },
            QueryInterface: ChromeUtils.generateQI(['nsIMsgOutgoingListener']),
          })
        })
        const sent = await until('Sent', () => folderOf(key, 'Sent'))
        await copyDone((listener) =>
          MailServices.copy.copyFileMessage(file, sent, null, false, Ci.nsMsgMessageFlags.Read, '', listener, window3()))
        `,
        keys.server,
        keys.sender,
        keys.identity,
        login.address,
      )
      await eventually('the message and its copy', async () => {
        const [inbox, sent] = [
          await readMailbox(server.ports.imap, login),
          await readMailbox(server.ports.imap, login, 'Sent'),
        ]
        const arrived = inbox.find(({ source }) => source.toString().includes('sent by Thunderbird'))
        assert.ok(arrived === undefined || arrived.source.toString().endsWith('\r\n\r\n.dot\r\nlast\r\n'))
        return arrived !== undefined && sent.length === 1 && sent[0]?.flags.includes('\\Seen')
          ? sent
          : undefined
      })
    })

    it('IDLE: a new message appears, and what another client did', async () => {
      const refresh = (): Promise<unknown> =>
        run(`
          const inbox = folderOf(args[0], 'INBOX')
          await refresh(inbox)
          await until('a quiet mailbox', () => headerOf(inbox, 'sent by Thunderbird'))
        `)
      // Its own race: DONE crosses with our news on the wire, and it takes them for the answer and logs out.
      for (let attempt = 1; ; attempt++) {
        await refresh()
        if (await newsAppear(`pushed ${attempt}`)) return
        assert.ok(attempt < 3, 'news do not appear by themselves')
      }
    })
  })
}

for (const [index, { kind, name }] of kinds.entries()) {
  if (kind !== 'pop3') continue
  const login = logins[index] as (typeof logins)[number]
  it(`Thunderbird: POP3, ${name}: fetches each message once`, async () => {
    await deliver(login.address, 'one')
    await deliver(login.address, 'two')
    const { server: key } = await account(index)
    const fetchMail = `
      const [key] = args
      const server = MailServices.accounts.getIncomingServer(key)
      const inbox = await until('INBOX', () => folderOf(key, 'INBOX'))
      await urlDone((listener) => MailServices.pop3.GetNewMail(window3(), listener, inbox, server))
      return headers(inbox).map((header) => header.mime2DecodedSubject).sort()
    `
    assert.deepEqual(await thunderbird.run(fetchMail, key), ['one', 'two'])
    await deliver(login.address, 'three')
    assert.deepEqual(await thunderbird.run(fetchMail, key), ['one', 'three', 'two'])
    assert.equal((await readMailbox(server.ports.imap, login)).length, 3)
  })
}

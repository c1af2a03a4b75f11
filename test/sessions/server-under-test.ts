import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LogEvent } from '@posthorn/mail'
import { type MailServer, startMailServer } from '@posthorn/server'
import type { Store } from '@posthorn/storage'
import { createSelfSigned } from '../../packages/server/src/tls/self-signed.ts'
import type { Variables } from './pattern.ts'
import type { Protocol, Script } from './script.ts'

export interface ServerUnderTest {
  readonly ports: Readonly<Partial<Record<Protocol, number>>>
  readonly store: Store
  /** Bound before the script begins: $user, $user2, $password, $mailbox. */
  readonly variables: Variables
  /** Faults that were logged: a script that causes one has found a mistake. */
  readonly faults: readonly LogEvent[]
  close(): Promise<void>
}

const user = 'alice@example.org'
const user2 = 'bob@example.org'
const password = 'secret'

let pair: Promise<Record<string, string>> | undefined

/** One certificate for all servers of this process: making its key takes longer than most scripts. */
async function certificateParameters(): Promise<Record<string, string>> {
  const folder = mkdtempSync(join(tmpdir(), 'session-tls-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const { key, cert } = await createSelfSigned(['localhost', 'mail.example.org'], Date.now())
  const file = join(folder, 'pair.pem')
  writeFileSync(file, key + cert, { mode: 0o600 })
  return { ssl_cert: `<${file}`, ssl_key: `<${file}`, smtpd_tls_cert_file: file, smtpd_tls_key_file: file }
}

/** A server of its own for one script: alice and bob, and alice's INBOX with the script's messages. */
export async function startForScript(script: Script): Promise<ServerUnderTest> {
  pair ??= certificateParameters()
  const faults: LogEvent[] = []
  const server = await startMailServer({
    parameters: {
      myhostname: 'mail.example.org',
      mydestination: 'example.org, localhost',
      myorigin: 'example.org',
      disable_plaintext_auth: 'no',
      smtpd_tls_auth_only: 'no',
      ...(await pair),
      ...givenParameters(script),
    },
    accounts: [user, user2].map((address) => ({ address, password })),
    log(event) {
      if (event.level === 'error' || event.level === 'fatal') faults.push(event)
    },
  })
  await seedInbox(server, script)
  const { pop3, imap, smtp } = server.ports
  return {
    ports: { pop3, imap, smtp },
    store: server.store,
    variables: new Map(Object.entries({ user, user2, password, mailbox: 'INBOX' })),
    faults,
    close: () => server.stop(),
  }
}

/** `options: a=b, c=d`: lines of main.cf. */
function givenParameters(script: Script): Record<string, string> {
  const text = script.headers.get('options') ?? ''
  const settings = text.split(/,\s*/).filter((setting) => setting !== '')
  return Object.fromEntries(
    settings.map((setting) => {
      const at = setting.indexOf('=')
      return [setting.slice(0, at), setting.slice(at + 1)]
    }),
  )
}

async function seedInbox({ store }: MailServer, script: Script): Promise<void> {
  const account = await store.accounts.find(user)
  const inbox = account === undefined ? undefined : await store.mailboxes.find(account.id, 'INBOX')
  if (inbox === undefined) throw new Error(`${user} has no INBOX`)
  const messages = [...sampleMessages(Number(script.headers.get('messages') ?? 0)), ...script.messages]
  for (const bytes of messages) {
    const writer = store.messages.stage()
    await writer.write(bytes)
    const message = await writer.finish()
    const flags = { system: 0, keywords: [] }
    const internalDateMs = Date.UTC(2026, 0, 2, 3, 4, 5)
    await store.messages.append(inbox.id, [{ message, flags, internalDateMs }])
  }
}

function sampleMessages(count: number): Buffer[] {
  return Array.from({ length: count }, (_, at) =>
    Buffer.from(
      `From: Bob <bob@example.org>\r\nTo: alice@example.org\r\nSubject: message ${at + 1}\r\n` +
        `Date: Fri, 2 Jan 2026 03:04:0${at % 10} +0000\r\nMessage-ID: <${at + 1}@example.org>\r\n\r\n` +
        `Text of message ${at + 1}.\r\nSecond line.\r\n`,
    ),
  )
}

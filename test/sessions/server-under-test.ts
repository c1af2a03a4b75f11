import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Authenticator } from '@posthorn/accounts'
import { createImapService } from '@posthorn/imap'
import type { LogEvent } from '@posthorn/mail'
import { type Listener, listen, TlsCredentials } from '@posthorn/net'
import { createPop3Service } from '@posthorn/pop3'
import { openStore, type Store } from '@posthorn/storage'
import { createSelfSigned, type PemPair } from '../../packages/server/src/tls/self-signed.ts'
import type { Variables } from './pattern.ts'
import type { Protocol, Script } from './script.ts'

export interface ServerUnderTest {
  readonly ports: Readonly<Partial<Record<Protocol, number>>>
  /** Bound before the script begins: $user, $password, $mailbox, $user2. */
  readonly variables: Variables
  /** Faults that were logged: a script that causes one has found a mistake. */
  readonly faults: readonly LogEvent[]
  close(): Promise<void>
}

let pair: Promise<PemPair> | undefined

/** A server of its own for one script: alice and bob, and alice's INBOX with the script's messages. */
export async function startForScript(script: Script): Promise<ServerUnderTest> {
  pair ??= createSelfSigned(['localhost'], Date.now())
  const tls = new TlsCredentials(await pair)
  const directory = await mkdtemp(join(tmpdir(), 'session-'))
  const store = await openStore({ directory })
  for (const name of ['alice', 'bob'])
    await store.accounts.create({
      address: `${name}@example.org`,
      passwordHash: '',
      enabled: true,
      quotaBytes: 0,
      home: '',
    })
  await seedInbox(store, script)
  const faults: LogEvent[] = []
  const log = (event: LogEvent): void => {
    if (event.level === 'error' || event.level === 'fatal') faults.push(event)
  }
  const parts = { store, accounts: secretForAll(store), log }
  const given = new Map(
    (script.headers.get('options') ?? '').split(/,\s*/).map((pair) => pair.split('=') as [string, string]),
  )
  const strict = given.get('ssl') === 'required'
  const shared = {
    greeting: 'Posthorn ready.',
    plaintextAuth: strict ? ('refused' as const) : ('allowed' as const),
    isTrusted: () => !strict,
  }
  const uidlFormat = given.get('pop3_uidl_format')
  const pop3Options = { ...shared, tls, ...(uidlFormat === undefined ? {} : { uidlFormat }) }
  const pop3 = createPop3Service({ ...parts, options: () => pop3Options })
  const imapOptions = { ...shared, credentials: tls }
  const imap = createImapService({ ...parts, options: () => imapOptions })
  const onFault = (error: unknown): void =>
    void faults.push({ level: 'error', service: 'net', text: 'fault', error })
  const listeners: Listener[] = []
  const serve = async (service: { accept(connection: never): void }): Promise<number> => {
    const listener = await listen({
      host: '127.0.0.1',
      port: 0,
      onFault,
      onConnection: (connection) => service.accept(connection as never),
    })
    listeners.push(listener)
    return listener.port
  }
  return {
    ports: { pop3: await serve(pop3), imap: await serve(imap) },
    variables: new Map([
      ['user', 'alice@example.org'],
      ['user2', 'bob@example.org'],
      ['password', 'secret'],
      ['mailbox', 'INBOX'],
    ]),
    faults,
    async close() {
      for (const listener of listeners) await listener.close()
      await Promise.all([pop3.close(1000), imap.close(1000)])
      await store.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

async function seedInbox(store: Store, script: Script): Promise<void> {
  const account = await store.accounts.find('alice@example.org')
  const inbox = account && (await store.mailboxes.find(account.id, 'INBOX'))
  if (inbox === undefined) throw new Error('alice has no INBOX')
  for (const bytes of [...sampleMessages(Number(script.headers.get('messages') ?? 0)), ...script.messages]) {
    const writer = store.messages.stage()
    await writer.write(bytes)
    const message = await writer.finish()
    const flags = { system: 0, keywords: [] }
    await store.messages.append(inbox.id, [{ message, flags, internalDateMs: Date.UTC(2026, 0, 2, 3, 4, 5) }])
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

function secretForAll(store: Store): Authenticator {
  return {
    async authenticate({ authcid, password }) {
      const address = authcid.includes('@') ? authcid.toLowerCase() : `${authcid.toLowerCase()}@example.org`
      const account = await store.accounts.find(address)
      if (account === undefined || Buffer.from(password).toString() !== 'secret')
        return { ok: false, reason: 'credentials' }
      return { ok: true, account }
    },
  }
}

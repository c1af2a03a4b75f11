import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type Authenticator, createLogins, type Logins } from '@posthorn/accounts'
import type { LogEvent } from '@posthorn/mail'
import { type Listener, listen, type TimerWheel } from '@posthorn/net'
import { LineSocket } from '@posthorn/net/testkit'
import { makeScramVerifier } from '@posthorn/sasl'
import type { Store } from '@posthorn/storage'
import { openStoreWith, type StoreParts } from '../../../storage/src/open-store.ts'
import { listingMaker } from '../listing/listing-format.ts'
import { createImapService, type ImapService } from '../server.ts'
import type { ImapOptions } from '../session/options.ts'

export interface ImapFixture {
  readonly port: number
  /** Of the store. */
  readonly directory: string
  readonly store: Store
  readonly service: ImapService
  readonly listener: Listener
  readonly log: LogEvent[]
  /** Connected, the greeting read. */
  connect(): Promise<RawClient>
  /** Logged in as alice, and INBOX selected when asked. */
  login(mailbox?: string): Promise<RawClient>
  setOptions(options: Partial<ImapOptions>): void
}

/** For tests: the whole service on a real socket, with a store of its own; alice and bob, password `secret`. */
export async function startImapFixture(
  t: Pick<TestContext, 'after'>,
  options: Partial<ImapOptions> = {},
  parts: {
    readonly now?: () => number
    readonly wheel?: TimerWheel
    readonly store?: StoreParts
    /** A store that is there, with its accounts. */
    readonly directory?: string
    /** Instead of those that end with their account's rights. */
    readonly logins?: Logins
  } = {},
): Promise<ImapFixture> {
  const directory = parts.directory ?? (await mkdtemp(join(tmpdir(), 'imap-')))
  const store = await openStoreWith(parts.store ?? {}, { directory, listing: listingMaker })
  for (const name of parts.directory === undefined ? ['alice', 'bob'] : []) {
    await store.accounts.create({
      address: `${name}@example.org`,
      passwordHash: '',
      enabled: true,
      quotaBytes: 0,
      home: '',
    })
  }
  const log: LogEvent[] = []
  let current = options
  const keepLog = (event: LogEvent) => void log.push(event)
  const logins = parts.logins ?? createLogins({ store, log: keepLog })
  const service = createImapService({
    store,
    accounts: passwordIsSecret(store),
    logins,
    log: keepLog,
    options: () => current,
    ...(parts.now === undefined ? {} : { now: parts.now }),
  })
  const listener = await listen({
    host: '127.0.0.1',
    port: 0,
    ...(parts.wheel === undefined ? {} : { wheel: parts.wheel }),
    onConnection: (connection) => service.accept(connection),
    onFault: (error) => {
      throw error
    },
  })
  const clients: RawClient[] = []
  t.after(async () => {
    for (const client of clients) client.destroy()
    await listener.close()
    await service.close(1000)
    logins.close()
    await store.close()
    await rm(directory, { recursive: true, force: true })
  })
  const connect = async (): Promise<RawClient> => {
    const client = await RawClient.connect(listener.port)
    clients.push(client)
    await client.line()
    return client
  }
  return {
    port: listener.port,
    directory,
    store,
    service,
    listener,
    log,
    connect,
    async login(mailbox) {
      const client = await connect()
      await client.ok('LOGIN alice@example.org secret')
      if (mailbox !== undefined) await client.ok(`SELECT ${mailbox}`)
      return client
    },
    setOptions(changed) {
      current = changed
    },
  }
}

function passwordIsSecret(store: Store): Authenticator {
  return {
    scramVerifier: async () => makeScramVerifier(Buffer.from('secret'), 4096),
    async authenticate(credentials) {
      const { authcid } = credentials
      const right =
        'proof' in credentials
          ? credentials.proof === 'right'
          : 'password' in credentials && Buffer.from(credentials.password as string).toString() === 'secret'
      const address = authcid.includes('@') ? authcid.toLowerCase() : `${authcid}@example.org`
      const account = await store.accounts.find(address)
      if (account === undefined || !right) return { ok: false, reason: 'credentials' }
      return { ok: true, account }
    },
  }
}

/** Lines and tags, and nothing that would hide a mistake of the server. */
export class RawClient extends LineSocket {
  #tags = 0

  static async connect(port: number): Promise<RawClient> {
    const socket = net.connect(port, '127.0.0.1')
    await once(socket, 'connect')
    return new RawClient(socket)
  }

  send(text: string): void {
    this.socket.write(text, 'latin1')
  }

  /** Lines up to and with the first that matches. */
  async until(pattern: RegExp): Promise<string[]> {
    const lines: string[] = []
    for (;;) {
      const line = await this.line()
      if (line === undefined) throw new Error(`Connection ended before ${pattern}: ${lines.join(' | ')}`)
      lines.push(line)
      if (pattern.test(line)) return lines
    }
  }

  /** Sends a command with a tag; all lines of its answer, the tagged one without its tag. */
  async command(text: string): Promise<string[]> {
    const tag = `t${++this.#tags}`
    this.send(`${tag} ${text}\r\n`)
    const lines = await this.until(new RegExp(`^${tag} `))
    lines.push(lines.pop()!.slice(tag.length + 1))
    return lines
  }

  async ok(text: string): Promise<string[]> {
    const lines = await this.command(text)
    if (!lines.at(-1)!.startsWith('OK')) throw new Error(`${text}: ${lines.at(-1)}`)
    return lines
  }

  /** APPEND of a small message with a non-synchronising literal. */
  append(mailbox: string, message: string, flags = ''): Promise<string[]> {
    const octets = Buffer.byteLength(message, 'latin1')
    return this.ok(`APPEND ${mailbox} ${flags}${flags === '' ? '' : ' '}{${octets}+}\r\n${message}`)
  }

  /** Waits for the server to close; what came until then. */
  async end(): Promise<string[]> {
    const lines: string[] = []
    for (;;) {
      const line = await this.line()
      if (line === undefined) return lines
      lines.push(line)
    }
  }

  destroy(): void {
    this.socket.destroy()
  }
}

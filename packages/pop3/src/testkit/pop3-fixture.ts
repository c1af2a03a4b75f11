import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import * as net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { createLogins, type LoginRefusal } from '@posthorn/accounts'
import type { LogEvent } from '@posthorn/mail'
import { listen, TimerWheel } from '@posthorn/net'
import { LineSocket } from '@posthorn/net/testkit'
import { makeScramVerifier } from '@posthorn/sasl'
import { type MailboxId, openStore, type Store } from '@posthorn/storage'
import { createPop3Service, type Pop3Parts, type Pop3Service } from '../server.ts'

export interface Pop3Fixture {
  readonly store: Store
  readonly service: Pop3Service
  readonly inbox: MailboxId
  readonly log: LogEvent[]
  refusal: LoginRefusal | undefined
  /** Moves the clock of deadlines. */
  pass(ms: number): void
  connect(): Promise<Pop3Client>
  login(): Promise<Pop3Client>
}

/** Says lines, reads lines, hides nothing. */
export class Pop3Client extends LineSocket {
  async ask(command: string): Promise<string | undefined> {
    this.socket.write(`${command}\r\n`)
    return await this.line()
  }

  async askLines(command: string): Promise<string[]> {
    const lines = [String(await this.ask(command))]
    while (lines.at(-1) !== '.' && lines.at(-1) !== 'undefined') lines.push(String(await this.line()))
    return lines
  }
}

/** For tests: the service on a real socket, with a store of its own and alice in it; the clock stands still. */
export async function startPop3Fixture(
  t: TestContext,
  messages: readonly string[],
  wrap = (store: Store): Store => store,
  parts: Pick<Pop3Parts, 'options' | 'now'> = {},
): Promise<Pop3Fixture> {
  const directory = await mkdtemp(join(tmpdir(), 'pop3-'))
  const real = await openStore({ directory })
  const store = wrap(real)
  const account = await store.accounts.create({
    address: 'alice@example.org',
    passwordHash: '',
    enabled: true,
    quotaBytes: 0,
    home: '',
  })
  const inbox = (await store.mailboxes.find(account.id, 'INBOX'))!.id
  for (const text of messages) {
    const writer = store.messages.stage()
    await writer.write(Buffer.from(text, 'latin1'))
    const message = await writer.finish()
    await store.messages.append(inbox, [{ message, flags: { system: 0, keywords: [] }, internalDateMs: 0 }])
  }
  const log: LogEvent[] = []
  let nowMs = 0
  const wheel = new TimerWheel({ now: () => nowMs })
  const sockets: net.Socket[] = []
  const logins = createLogins({ store, log: (event) => log.push(event) })
  const service = createPop3Service({
    store,
    logins,
    accounts: {
      scramVerifier: async () => makeScramVerifier(Buffer.from('secret'), 4096),
      authenticate: async () =>
        fixture.refusal === undefined ? { ok: true, account } : { ok: false, reason: fixture.refusal },
    },
    log: (event) => log.push(event),
    ...parts,
  })
  const listener = await listen({
    host: '127.0.0.1',
    port: 0,
    wheel,
    onConnection: (connection) => service.accept(connection),
    onFault: (error) => log.push({ level: 'error', service: 'net', text: 'fault', error }),
  })
  t.after(async () => {
    for (const socket of sockets) socket.destroy()
    await listener.close()
    await service.close(0)
    logins.close()
    await real.close()
    await rm(directory, { recursive: true, force: true })
  })
  const connect = async (): Promise<Pop3Client> => {
    const socket = net.connect({ host: '127.0.0.1', port: listener.port, noDelay: true })
    sockets.push(socket)
    await once(socket, 'connect')
    const client = new Pop3Client(socket)
    assert.equal(await client.line(), '+OK Posthorn ready.')
    return client
  }
  const fixture: Pop3Fixture = {
    store,
    service,
    inbox,
    log,
    refusal: undefined,
    pass(ms) {
      for (const end = nowMs + ms; nowMs < end; ) {
        nowMs = Math.min(end, nowMs + 1000)
        wheel.advance()
      }
    },
    connect,
    async login() {
      const client = await connect()
      assert.equal(await client.ask('USER alice'), '+OK')
      assert.equal(await client.ask('PASS secret'), '+OK Logged in.')
      return client
    },
  }
  return fixture
}

/** 24 octets. */
export const hello = 'Subject: hello\r\n\r\ntext\r\n'
export const until = async (look: () => boolean): Promise<void> => {
  while (!look()) await new Promise(setImmediate)
}

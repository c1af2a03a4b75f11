import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import * as net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { LoginRefusal } from '@posthorn/accounts'
import type { LogEvent } from '@posthorn/mail'
import { listen, TimerWheel } from '@posthorn/net'
import { type MailboxId, openStore, type Store, StoreError, systemFlag } from '@posthorn/storage'
import { createPop3Service, type Pop3Parts, type Pop3Service } from '../server.ts'

interface Fixture {
  readonly store: Store
  readonly service: Pop3Service
  readonly inbox: MailboxId
  readonly log: LogEvent[]
  refusal: LoginRefusal | undefined
  /** Moves the clock of deadlines. */
  pass(ms: number): void
  connect(): Promise<Client>
  login(): Promise<Client>
}

/** Says lines, reads lines, hides nothing. */
class Client {
  readonly socket: net.Socket
  #text = ''
  #ended = false
  #wake: (() => void) | undefined

  constructor(socket: net.Socket) {
    this.socket = socket
    socket.on('data', (chunk) => {
      this.#text += chunk.toString('latin1')
      this.#wake?.()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      this.#ended = true
      this.#wake?.()
    })
  }

  async line(): Promise<string | undefined> {
    for (;;) {
      const end = this.#text.indexOf('\r\n')
      if (end >= 0) {
        const line = this.#text.slice(0, end)
        this.#text = this.#text.slice(end + 2)
        return line
      }
      if (this.#ended) return undefined
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

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

async function start(
  t: TestContext,
  messages: readonly string[],
  wrap = (store: Store): Store => store,
  parts: Pick<Pop3Parts, 'options' | 'now'> = {},
): Promise<Fixture> {
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
  const service = createPop3Service({
    store,
    accounts: {
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
    await real.close()
    await rm(directory, { recursive: true, force: true })
  })
  const connect = async (): Promise<Client> => {
    const socket = net.connect({ host: '127.0.0.1', port: listener.port, noDelay: true })
    sockets.push(socket)
    await once(socket, 'connect')
    const client = new Client(socket)
    assert.equal(await client.line(), '+OK Posthorn ready.')
    return client
  }
  const fixture: Fixture = {
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

const hello = 'Subject: hello\r\n\r\ntext\r\n'
const until = async (look: () => boolean): Promise<void> => {
  while (!look()) await new Promise(setImmediate)
}

test('RFC 1939 §3: ten minutes of silence end a session, without deleting; commands postpone it', async (t) => {
  const fixture = await start(t, [hello, hello])
  const client = await fixture.login()
  await client.ask('DELE 1')
  fixture.pass(9 * 60_000)
  assert.equal(await client.ask('NOOP'), '+OK')
  fixture.pass(9 * 60_000)
  assert.equal(await client.ask('NOOP'), '+OK')
  fixture.pass(10 * 60_000 + 3000)
  assert.equal(await client.line(), '-ERR Disconnected for inactivity.')
  assert.equal(await client.line(), undefined)
  const next = await fixture.login()
  assert.match(String(await next.ask('STAT')), /^\+OK 2 /)
  assert.match(fixture.log[1]!.text, /^Disconnected: Inactivity top=0\/0, retr=0\/0, del=1\/2, size=48$/)
})

test('a stranger who keeps talking has to log in all the same', async (t) => {
  const fixture = await start(t, [])
  const client = await fixture.connect()
  for (let i = 0; i < 4; i++) {
    fixture.pass(50_000)
    await client.ask('CAPA')
  }
  let line = await client.line()
  while (line !== undefined && !line.startsWith('-ERR')) line = await client.line()
  assert.equal(line, '-ERR Disconnected for inactivity.')
  assert.match(
    fixture.log[0]!.text,
    /^Disconnected: Inactivity \(no auth attempts in \d+ secs\): user=<>, rip=127\.0\.0\.1, /,
  )
})

test('shutdown tells clients, applies no deletions, and waits for the command under way', async (t) => {
  const fixture = await start(t, [hello])
  const idle = await fixture.login()
  await idle.ask('DELE 1')
  const stranger = await fixture.connect()
  const closed = fixture.service.close(5000)
  assert.equal(await idle.line(), '-ERR [SYS/TEMP] Server shutting down.')
  assert.equal(await idle.line(), undefined)
  assert.equal(await stranger.line(), '-ERR [SYS/TEMP] Server shutting down.')
  idle.socket.destroy()
  stranger.socket.destroy()
  await closed
  assert.equal(fixture.service.sessions, 0)
  assert.equal((await fixture.store.messages.view(fixture.inbox)).uids.length, 1)
})

test('the lock is free again after a reset connection', async (t) => {
  const fixture = await start(t, [hello])
  const client = await fixture.login()
  client.socket.resetAndDestroy()
  await until(() => fixture.service.sessions === 0)
  const next = await fixture.login()
  assert.equal(await next.ask('QUIT'), '+OK Logging out.')
})

test('Dovecot: what was retrieved is \\Seen after QUIT, and only after QUIT', async (t) => {
  const fixture = await start(t, [hello, hello, hello])
  const broken = await fixture.login()
  await broken.askLines('RETR 1')
  broken.socket.destroy()
  await until(() => fixture.service.sessions === 0)
  assert.deepEqual(await flagsOf(fixture), [0, 0, 0])
  const client = await fixture.login()
  await client.askLines('RETR 1')
  await client.askLines('TOP 3 1')
  await client.askLines('RETR 2')
  await client.ask('DELE 2')
  assert.equal(await client.ask('QUIT'), '+OK Logging out, messages deleted.')
  assert.deepEqual(await flagsOf(fixture), [systemFlag.seen, 0])
  assert.match(
    fixture.log.at(-1)!.text,
    /^Disconnected: Logged out top=1\/\d+, retr=2\/48, del=1\/3, size=72$/,
  )
})

async function flagsOf({ store, inbox }: Fixture): Promise<number[]> {
  const { uids } = await store.messages.view(inbox)
  const flags: number[] = []
  for await (const batch of store.messages.fetch(inbox, uids, {})) flags.push(...batch.flags0)
  return flags
}

const same = (store: Store): Store => store

test('Dovecot: pop3_delete_type - to the mailbox with the use Trash, or hidden by a keyword', async (t) => {
  const texts = [hello, 'Subject: two\r\n\r\nx\r\n', hello]
  const trashing = await start(t, texts, same, {
    options: () => ({ removal: { how: 'trash', keyword: '' } }),
  })
  const client = await trashing.login()
  await client.ask('DELE 2')
  assert.equal(await client.ask('QUIT'), '+OK Logging out, messages deleted.')
  const { account } = (await trashing.store.messages.view(trashing.inbox)).mailbox
  const trash = await trashing.store.mailboxes.find(account, 'Trash')
  assert.equal(trash?.messages, 1)
  assert.match(String(await (await trashing.login()).ask('STAT')), /^\+OK 2 48$/)
  const hiding = await start(t, texts, same, {
    options: () => ({ removal: { how: 'flag', keyword: '$POP3Deleted' } }),
  })
  const first = await hiding.login()
  await first.ask('DELE 1')
  await first.ask('QUIT')
  assert.equal((await hiding.store.messages.view(hiding.inbox)).uids.length, 3)
  const second = await hiding.login()
  assert.match(String(await second.ask('STAT')), /^\+OK 2 43$/)
  assert.ok((await second.askLines('RETR 1')).includes('Subject: two'))
})

test('RFC 2449 §6.5: LOGIN-DELAY is told, and kept', async (t) => {
  const fixture = await start(t, [], same, { options: () => ({ loginDelayMs: 90_500 }), now: () => 5_000 })
  const client = await fixture.login()
  assert.ok((await client.askLines('CAPA')).includes('LOGIN-DELAY 91'))
  await client.ask('QUIT')
  const early = await fixture.connect()
  await early.ask('USER alice')
  assert.equal(
    await early.ask('PASS secret'),
    '-ERR [LOGIN-DELAY] Minimum time between logins has not passed.',
  )
})

test('RFC 2449 §6.7: EXPIRE is told; what was read goes when it is old enough', async (t) => {
  let aheadMs = 0
  let expireDays = 2
  const fixture = await start(t, [hello, hello, hello], same, {
    options: () => ({ expireDays }),
    now: () => Date.now() + aheadMs,
  })
  const visit = async (...retrieved: number[]): Promise<number> => {
    const client = await fixture.login()
    assert.ok((await client.askLines('CAPA')).includes(`EXPIRE ${expireDays}`))
    for (const number of retrieved) await client.askLines(`RETR ${number}`)
    assert.equal(await client.ask('QUIT'), '+OK Logging out.')
    return (await fixture.store.messages.view(fixture.inbox)).uids.length
  }
  assert.equal(await visit(1), 3)
  aheadMs = 2 * 86_400_000 + 60_000
  assert.equal(await visit(), 2)
  aheadMs = 0
  expireDays = 0
  assert.equal(await visit(2), 1)
})

test('a message that another session expunged is an error, and numbers stay', async (t) => {
  const fixture = await start(t, [hello, 'Subject: gone\r\n\r\nx\r\n', 'Subject: third\r\n\r\ny\r\n'])
  const client = await fixture.login()
  const { uids } = await fixture.store.messages.view(fixture.inbox)
  await fixture.store.messages.discard(fixture.inbox, uids.subarray(1, 2))
  assert.equal(await client.ask('RETR 2'), '-ERR [SYS/TEMP] Message is gone.')
  assert.equal(await client.ask('TOP 2 0'), '-ERR [SYS/TEMP] Message is gone.')
  assert.ok((await client.askLines('RETR 3')).includes('Subject: third'))
  assert.equal(await client.ask('DELE 2'), '+OK Marked to be deleted.')
  assert.equal(await client.ask('QUIT'), '+OK Logging out, messages deleted.')
})

for (const [reason, reply] of [
  ['credentials', '-ERR [AUTH] Authentication failed.'],
  ['disabled', '-ERR [AUTH] Authentication failed.'],
  ['authorization', '-ERR [AUTH] Authentication failed.'],
  ['throttled', '-ERR [SYS/TEMP] Too many failed logins, try again later.'],
  ['unavailable', '-ERR [SYS/TEMP] Temporary authentication failure.'],
] as const)
  test(`RFC 3206 §4, §5: a login refused for ${reason}`, async (t) => {
    const fixture = await start(t, [])
    fixture.refusal = reason
    const client = await fixture.connect()
    await client.ask('USER alice@example.org')
    assert.equal(await client.ask('PASS secret'), reply)
    assert.equal(await client.ask('QUIT'), '+OK Logging out')
    assert.match(
      fixture.log[0]!.text,
      /^Disconnected: Aborted login by logging out \(auth failed, 1 attempts in 0 secs\): user=<alice@example\.org>, method=PLAIN, rip=127\.0\.0\.1, lip=127\.0\.0\.1, secured, session=<[\w-]{12}>$/,
    )
  })

test('a fault of the store is told without its secrets, logged with its stack, and the session goes on', async (t) => {
  const broken = new Error('secret detail of the disk')
  const fixture = await start(t, [hello], (store) =>
    replaced(store, { messages: replaced(store.messages, { read: () => Promise.reject(broken) }) }),
  )
  const client = await fixture.login()
  const reply = '-ERR [SYS/TEMP] Internal error occurred. Refer to server log for more information.'
  assert.equal(await client.ask('TOP 1 0'), reply)
  assert.equal(await client.ask('NOOP'), '+OK')
  assert.equal(fixture.log.find((event) => event.level === 'error')?.error, broken)
})

test('a damaged message is an error of its own; its neighbours are read', async (t) => {
  const damaged = new StoreError('corrupt', 'Cannot read message at 1:0: its checksum is wrong')
  const fixture = await start(t, [hello, hello, hello], (store) =>
    replaced(store, {
      messages: replaced(store.messages, {
        async *fetch(mailbox, uids, want) {
          if (want.bytes !== undefined && uids.includes(2)) throw damaged
          yield* store.messages.fetch(mailbox, uids, want)
        },
        read: (mailbox, uid, from, to) =>
          uid === 2 ? Promise.reject(damaged) : store.messages.read(mailbox, uid, from, to),
      }),
    }),
  )
  const client = await fixture.login()
  assert.ok((await client.askLines('RETR 1')).includes('Subject: hello'))
  assert.match(String(await client.ask('RETR 2')), /^-ERR \[SYS\/PERM\] Mailbox is damaged/)
  assert.ok((await client.askLines('RETR 3')).includes('Subject: hello'))
  assert.equal(fixture.log.find((event) => event.level === 'error')?.error, damaged)
})

test('RFC 1939 §6: deletions that fail are an error at QUIT, and nothing is lost', async (t) => {
  const full = (): Promise<never> => Promise.reject(new StoreError('no-space', 'Cannot write: disk full'))
  const fixture = await start(t, [hello], (store) =>
    replaced(store, { messages: replaced(store.messages, { discard: full }) }),
  )
  const client = await fixture.login()
  await client.ask('DELE 1')
  assert.equal(await client.ask('QUIT'), '-ERR [SYS/TEMP] Not enough disk space.')
  assert.equal(await client.line(), undefined)
  assert.equal((await fixture.store.messages.view(fixture.inbox)).uids.length, 1)
  assert.ok(!fixture.log.some((event) => event.level === 'error'), 'a full disk is no fault of ours')
})

/** A part of the store with single methods replaced. */
function replaced<T extends object>(part: T, changes: Partial<T>): T {
  return new Proxy(part, {
    get(target, name) {
      const value: unknown = Reflect.get(name in changes ? changes : target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

test('a client that retrieves without reading costs bounded memory, and others are served meanwhile', async (t) => {
  const large = `Subject: large\r\n\r\n${`${'x'.repeat(76)}\r\n`.repeat(40_000)}`
  const fixture = await start(t, [large])
  const client = await fixture.login()
  client.socket.pause()
  client.socket.write('RETR 1\r\n'.repeat(30))
  await new Promise((resolve) => setTimeout(resolve, 50))
  const before = process.memoryUsage()
  const other = await fixture.connect()
  assert.equal(await other.ask('CAPA'), '+OK')
  await new Promise((resolve) => setTimeout(resolve, 50))
  const after = process.memoryUsage()
  assert.ok(after.arrayBuffers - before.arrayBuffers < 4_000_000)
  client.socket.destroy()
  await until(() => fixture.service.sessions === 1)
})

test('a large message without an empty line gets one, and its every octet', async (t) => {
  const header = `${'X-Line: forty octets of nothing at all\r\n'.repeat(5000)}`
  const fixture = await start(t, [header])
  const client = await fixture.login()
  const lines = await client.askLines('RETR 1')
  assert.equal(lines[0], `+OK ${header.length} octets`)
  assert.equal(lines.length, 1 + 5000 + 2)
  assert.deepEqual(lines.slice(-2), ['', '.'])
})

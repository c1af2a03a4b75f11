import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { LogEvent } from '@posthorn/mail'
import { type AccountOptions, createAccounts, type LoginClient } from './index.ts'
import { createStoreFixture } from './store-fixture.ts'

const stranger: LoginClient = { clientAddress: '192.0.2.7', service: 'imap', trusted: false }
const trusted: LoginClient = { clientAddress: '127.0.0.1', service: 'imap', trusted: true }
const cheap = { memoryKib: 1024, timeCost: 2, parallelism: 1 }

async function site(options: Partial<AccountOptions> = {}) {
  const clock = { nowMs: 1_000_000 }
  const delays: number[] = []
  const events: LogEvent[] = []
  const now = () => clock.nowMs
  const store = createStoreFixture(now)
  let current: AccountOptions = {
    defaultDomain: 'example.org',
    localDomains: ['mx.example.org'],
    ...cheap,
    ...options,
  }
  const accounts = createAccounts({
    store,
    now,
    log: (event) => events.push(event),
    options: () => current,
    sleep: async (ms) => {
      delays.push(ms)
    },
  })
  await accounts.create({ address: 'alice@example.org', password: 'wonderland' })
  const login = async (authcid: string, password: string | Uint8Array, client = stranger, authzid = '') => {
    const result = await accounts.authenticate({ mechanism: 'PLAIN', authcid, authzid, password }, client)
    return result.ok ? result.account.address : result.reason
  }
  const change = (to: Partial<AccountOptions>) => {
    current = { ...current, ...to }
  }
  return { accounts, store, login, clock, delays, events, change }
}

describe('authenticate', () => {
  it('takes the login in any of its forms, and nothing else', async () => {
    const { login, accounts } = await site()
    await accounts.create({ address: 'bücher@example.net', password: 'x' })
    const rows: readonly [string, string, string][] = [
      ['alice@example.org', 'wonderland', 'alice@example.org'],
      ['alice', 'wonderland', 'alice@example.org'],
      ['ALICE@Example.ORG', 'wonderland', 'alice@example.org'],
      ['alice@mx.example.org', 'wonderland', 'alice@example.org'],
      ['BÜCHER@example.net', 'x', 'bücher@example.net'],
      ['alice@example.net', 'wonderland', 'credentials'],
      ['alice', 'Wonderland', 'credentials'],
      ['alice', 'wonderland ', 'credentials'],
      ['alice', '', 'credentials'],
      ['', 'wonderland', 'credentials'],
      ['@', 'wonderland', 'credentials'],
      ['alice@', 'wonderland', 'credentials'],
      ['alice\0@example.org', 'wonderland', 'credentials'],
      ['alice\tuser=bob', 'wonderland', 'credentials'],
      ['alice@example.org@example.org', 'wonderland', 'credentials'],
      ['a'.repeat(100_000), 'wonderland', 'credentials'],
      ['alice', 'w'.repeat(100_000), 'credentials'],
    ]
    for (const [authcid, password, expected] of rows) {
      assert.equal(await login(authcid, password, trusted), expected, JSON.stringify(authcid.slice(0, 40)))
    }
  })

  it('RFC 4616 §2: an authorization identity other than the own is refused', async () => {
    const { login, accounts } = await site()
    await accounts.create({ address: 'bob@example.org', password: 'builder' })
    assert.equal(await login('alice', 'wonderland', stranger, 'Alice@example.org'), 'alice@example.org')
    assert.equal(await login('alice', 'wonderland', stranger, 'bob'), 'authorization')
    assert.equal(await login('alice', 'wonderland', stranger, '\0'), 'authorization')
  })

  it('RFC 4013 §2: one password however it is composed; other octets as they are', async () => {
    const { login, accounts } = await site()
    await accounts.setPassword('alice', 'Zoe\u0308\u00a0\u00aa')
    assert.equal(await login('alice', 'Zo\u00eb a', trusted), 'alice@example.org')
    assert.equal(await login('alice', Buffer.from('Zo\u00eb\u00ad a'), trusted), 'alice@example.org')
    const octets = Buffer.from([0xff, 0x00, 0xfe])
    await accounts.setPassword('alice', octets)
    assert.equal(await login('alice', octets, trusted), 'alice@example.org')
    assert.equal(await login('alice', Buffer.from([0xff, 0x00]), trusted), 'credentials')
  })

  it('forgets a remembered password when it changes, when the account is disabled, removed, restored', async () => {
    const { login, accounts } = await site()
    assert.equal(await login('alice', 'wonderland'), 'alice@example.org')
    assert.equal(await login('alice', 'looking-glass'), 'credentials')
    await accounts.setPassword('alice', 'looking-glass')
    assert.equal(await login('alice', 'wonderland'), 'credentials')
    assert.equal(await login('alice', 'looking-glass'), 'alice@example.org')
    await accounts.setEnabled('alice', 'disabled')
    assert.equal(await login('alice', 'looking-glass'), 'disabled')
    await accounts.setEnabled('alice', 'enabled')
    assert.equal(await login('alice', 'looking-glass'), 'alice@example.org')
    await accounts.remove('alice')
    assert.equal(await login('alice', 'looking-glass'), 'credentials')
  })

  it('never answers one user from the memory of another', async () => {
    const { login, accounts } = await site()
    await accounts.create({ address: 'bob@example.org', password: 'builder' })
    assert.equal(await login('alice', 'wonderland', trusted), 'alice@example.org')
    assert.equal(await login('bob', 'wonderland', trusted), 'credentials')
    assert.equal(await login('bob', 'builder', trusted), 'bob@example.org')
    assert.equal(await login('alice', 'builder', trusted), 'credentials')
  })

  it('an account without a password cannot log in, by no password', async () => {
    const { login, store } = await site()
    await store.accounts.create({
      address: 'list@example.org',
      passwordHash: '',
      enabled: true,
      quotaBytes: 0,
      home: '',
    })
    for (const password of ['', 'nobody', 'x'])
      assert.equal(await login('list', password, trusted), 'credentials')
  })

  it('spends as much time on unknown and disabled users as on a wrong password', async () => {
    const { login, accounts } = await site({ memoryKib: 19456 })
    await accounts.create({ address: 'off@example.org', password: 'x' })
    await accounts.setEnabled('off', 'disabled')
    await login('nobody', 'warm up', trusted)
    // In turns, so that a machine that is busy for a while is so for all of them.
    const users = ['alice', 'nobody', 'off', 'bad login\0', 'a@nowhere.example']
    const times = users.map(() => [] as number[])
    for (let round = 0; round < 9; round++) {
      for (const [at, user] of users.entries()) {
        const start = performance.now()
        await login(user, `no ${round}`, trusted)
        times[at]?.push(performance.now() - start)
      }
    }
    const [wrong = 0, ...others] = times.map((each) => each.toSorted((a, b) => a - b)[4] ?? 0)
    for (const [at, spent] of others.entries())
      assert.ok(spent > wrong / 3 && spent < wrong * 3, `${users[at + 1]}: ${spent} ms against ${wrong} ms`)
  })

  it('delays grow by address, and end with the window', async () => {
    const { login, delays, clock } = await site()
    for (let i = 0; i < 9; i++) await login(`user${i}`, 'guess')
    assert.deepEqual(delays, [1000, 2000, 4000, 8000, 15000, 15000, 15000])
    clock.nowMs += 600_001
    delays.length = 0
    await login('user0', 'guess')
    assert.deepEqual(delays, [])
  })

  it('refuses an address at its limit, yet not a user known there, nor the user elsewhere', async () => {
    const { login, accounts } = await site({ failureLimit: 5 })
    await accounts.create({ address: 'bob@example.org', password: 'builder' })
    assert.equal(await login('alice', 'wonderland'), 'alice@example.org')
    for (let i = 0; i < 5; i++) assert.equal(await login('alice', `guess${i}`), 'credentials')
    assert.equal(await login('bob', 'builder'), 'throttled')
    assert.equal(await login('alice', 'wonderland'), 'alice@example.org')
    const elsewhere = { ...stranger, clientAddress: '198.51.100.1' }
    assert.equal(await login('bob', 'builder', elsewhere), 'bob@example.org')
  })

  it('counts an IPv6 customer by the /64', async () => {
    const { login } = await site({ failureLimit: 3 })
    const from = (clientAddress: string) => ({ ...stranger, clientAddress })
    for (let i = 0; i < 3; i++) await login('alice', `guess${i}`, from(`2001:db8:0:1::${i}`))
    assert.equal(await login('alice', 'wonderland', from('2001:db8::1:ffff:0:0:1')), 'throttled')
    assert.equal(await login('alice', 'wonderland', from('2001:db8:0:2::1')), 'alice@example.org')
  })

  it('never delays or refuses trusted networks', async () => {
    const { login, delays } = await site({ failureLimit: 2 })
    for (let i = 0; i < 5; i++) assert.equal(await login('alice', `guess${i}`, trusted), 'credentials')
    assert.equal(await login('alice', 'wonderland', trusted), 'alice@example.org')
    assert.deepEqual(delays, [])
  })

  it('a client that repeats one old password is no guesser', async () => {
    const { login, delays } = await site()
    for (let i = 0; i < 10; i++) assert.equal(await login('alice', 'last year'), 'credentials')
    assert.deepEqual(delays, [])
    assert.equal(await login('alice', 'wonderland'), 'alice@example.org')
  })

  it('bounds the attempts of one address under way', async () => {
    const { login } = await site({ pendingLimit: 2 })
    const burst = async () => {
      const all = await Promise.all(Array.from({ length: 20 }, (_, i) => login(`user${i}`, 'x')))
      return all.filter((one) => one === 'throttled').length
    }
    assert.equal(await burst(), 10)
    assert.equal(await burst(), 18)
    assert.equal(await login('alice', 'wonderland'), 'alice@example.org')
  })

  it('renews a hash when the cost has changed, and only then', async () => {
    const { login, accounts, change } = await site()
    const before = (await accounts.find('alice'))?.passwordHash
    assert.match(before ?? '', /^\$argon2id\$v=19\$m=1024,(t=2,p=1|p=1,t=2)\$/)
    change({ memoryKib: 2048 })
    assert.equal(await login('alice', 'wrong', trusted), 'credentials')
    assert.equal((await accounts.find('alice'))?.passwordHash, before)
    assert.equal(await login('alice', 'wonderland', trusted), 'alice@example.org')
    const deadline = Date.now() + 5000
    while ((await accounts.find('alice'))?.passwordHash === before && Date.now() < deadline)
      await new Promise(setImmediate)
    assert.match((await accounts.find('alice'))?.passwordHash ?? '', /\$m=2048,/)
    assert.equal(await login('alice', 'wonderland', trusted), 'alice@example.org')
  })

  it('a fault is logged and answered as one, never thrown', async () => {
    const { login, store, events } = await site()
    await store.accounts.create({
      address: 'odd@example.org',
      passwordHash: '{CRYPT}x',
      enabled: true,
      quotaBytes: 0,
      home: '',
    })
    assert.equal(await login('odd', 'x', trusted), 'unavailable')
    assert.equal(events.at(-1)?.level, 'error')
  })

  it('logs a refusal in words an administrator can search for, without the password', async () => {
    const { login, events } = await site()
    await login('mallory', 'sesame')
    assert.equal(events[0]?.text, 'refused user=<mallory> rip=192.0.2.7: unknown user')
    await login('alice', 'sesame')
    assert.equal(events[1]?.text, 'refused user=<alice> rip=192.0.2.7: Password mismatch')
    assert.ok(!JSON.stringify(events).includes('sesame'))
  })

  it('a returning client costs no hash', async () => {
    const { login } = await site({ memoryKib: 19456 })
    await login('alice', 'wonderland', trusted)
    const start = performance.now()
    for (let i = 0; i < 1000; i++) await login('alice', 'wonderland', trusted)
    const each = (performance.now() - start) / 1000
    assert.ok(each < 2, `${each} ms a login`)
  })
})

describe('several workers', () => {
  it('count failures together, and each sees a password changed by another', async () => {
    const store = createStoreFixture(() => 0)
    const worker = () =>
      createAccounts({
        store,
        now: () => 0,
        log: () => undefined,
        options: () => ({ defaultDomain: 'example.org', ...cheap, failureLimit: 4 }),
        sleep: async () => undefined,
      })
    const [one, other] = [worker(), worker()]
    await one.create({ address: 'alice', password: 'a' })
    await one.create({ address: 'bob', password: 'b' })
    const login = async (at: typeof one, authcid: string, password: string) => {
      const result = await at.authenticate({ mechanism: 'PLAIN', authcid, password }, stranger)
      return result.ok ? 'ok' : result.reason
    }
    assert.equal(await login(one, 'alice', 'a'), 'ok')
    await other.setPassword('alice', 'new')
    assert.equal(await login(one, 'alice', 'a'), 'credentials')
    assert.equal(await login(one, 'alice', 'new'), 'ok')
    for (const guess of ['1', '2', '3']) assert.equal(await login(other, 'nobody', guess), 'credentials')
    assert.equal(await login(one, 'bob', 'b'), 'throttled')
    assert.equal(await login(other, 'bob', 'b'), 'throttled')
    assert.equal(await login(other, 'alice', 'new'), 'ok')
  })

  it('a client that hangs up ends its delay and costs no hash', async () => {
    const gone = new AbortController()
    const accounts = createAccounts({
      store: createStoreFixture(() => 0),
      now: () => 0,
      log: () => undefined,
      options: () => ({ defaultDomain: 'example.org', ...cheap }),
    })
    const guess = (password: string, signal?: AbortSignal) =>
      accounts.authenticate({ mechanism: 'PLAIN', authcid: 'x', password }, { ...stranger, signal })
    for (const password of ['1', '2']) await guess(password)
    const waiting = guess('3', gone.signal)
    gone.abort()
    assert.deepEqual(await waiting, { ok: false, reason: 'throttled' })
  })
})

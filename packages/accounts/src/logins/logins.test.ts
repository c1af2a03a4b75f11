import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises'
import { type Account, openStore } from '@posthorn/storage'
import { createAccounts } from '../accounts.ts'
import { createLogins } from './logins.ts'

const client = { clientAddress: '192.0.2.1', service: 'imap', trusted: false }
/** `password`, by crypt(3). */
const foreign = '$1$abcdefgh$G//4keteveJp0qb8z2DxG/'

async function site(t: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), 'logins-'))
  const store = await openStore({ directory })
  const log = (event: unknown) => assert.fail(JSON.stringify(event))
  const accounts = createAccounts({
    store,
    now: () => 1,
    log,
    options: () => ({ defaultDomain: 'example.org', memoryKib: 64 }),
  })
  const logins = createLogins({ store, log })
  t.after(async () => {
    logins.close()
    await store.close()
    rmSync(directory, { recursive: true })
  })
  const ended: string[] = []
  const enter = (
    account: Account,
    { name = '', mechanism = 'PLAIN', protocol = 'imap', at = '192.0.2.1' } = {},
  ) =>
    logins.enter({
      account,
      mechanism,
      protocol,
      clientAddress: at,
      sinceMs: 5,
      end: (why) => void ended.push(`${name}${why}`),
    })
  const quiet = async () => {
    for (let n = 0; n < 20; n++) await turn()
  }
  return { store, accounts, logins, ended, enter, quiet }
}

test('a password that is made anew in a better form ends nothing, one that somebody chose does', async (t) => {
  const { accounts, store, ended, enter, quiet } = await site(t)
  await accounts.create({ address: 'alice', password: '', storedPassword: foreign })
  const result = await accounts.authenticate(
    { mechanism: 'PLAIN', authcid: 'alice', password: 'password' },
    client,
  )
  assert.ok(result.ok)
  enter(result.account)
  enter(result.account, { name: 'token: ', mechanism: 'OAUTHBEARER' })
  enter(result.account, { name: 'certificate: ', mechanism: 'EXTERNAL' })
  for (let now = result.account; now.passwordHash === foreign; await delay(5))
    now = (await store.accounts.get(result.account.id)) ?? now
  await quiet()
  assert.equal(ended.length, 0)
  // The clock stands still: two passwords in one millisecond are two.
  for (const password of ['first', 'second']) {
    ended.length = 0
    enter((await accounts.find('alice')) as Account, { name: 'later: ' })
    await accounts.setPassword('alice', password)
    await quiet()
    assert.ok(ended.includes('later: new password'), `${ended}`)
    assert.ok(!ended.some((one) => /token|certificate/.test(one)), `${ended}`)
  }
  ended.length = 0
  await accounts.setEnabled('alice', 'disabled')
  await quiet()
  assert.deepEqual(ended.toSorted(), [
    'certificate: disabled',
    'disabled',
    'later: disabled',
    'later: disabled',
    'token: disabled',
  ])
})

test('who logs in while his account changes does not escape, nor when the wake-up was before', async (t) => {
  const { accounts, ended, enter, quiet } = await site(t)
  const { account } = await accounts.create({ address: 'alice', password: 'x' })
  await accounts.setEnabled('alice', 'disabled')
  await quiet()
  enter(account)
  await quiet()
  assert.deepEqual(ended, ['disabled'])
})

test('quota, other accounts and domains end nothing; a session that left is not told', async (t) => {
  const { accounts, ended, enter, quiet } = await site(t)
  const { account } = await accounts.create({ address: 'alice', password: 'x' })
  const { account: other } = await accounts.create({ address: 'bob', password: 'x' })
  enter(account)
  const leave = enter(other)
  await accounts.setQuota('alice', { quotaBytes: 5 })
  await accounts.addDomain('example.net')
  leave()
  await accounts.remove('bob')
  await quiet()
  assert.deepEqual(ended, [])
  await accounts.rename('alice', 'ann')
  await quiet()
  assert.deepEqual(ended, ['renamed'])
})

test('only the account that changed is looked at, once for many changes; all of them in turns of their own', async (t) => {
  const { accounts, store, logins, enter, quiet } = await site(t)
  const { account } = await accounts.create({ address: 'alice', password: 'x' })
  for (let id = 2; id < 5_000; id++) enter({ ...account, id: (id + 1000) as Account['id'] })
  enter(account)
  await quiet()
  const get = t.mock.method(store.accounts, 'get')
  for (let n = 1; n <= 5; n++) void accounts.setQuota('alice', { quotaBytes: n })
  await accounts.setQuota('alice', { quotaBytes: 9 })
  await quiet()
  assert.ok(get.mock.callCount() <= 6, `${get.mock.callCount()}`)
  let longestMs = 0
  let before = performance.now()
  let going = true
  const watch = (async () => {
    while (going) {
      await turn()
      longestMs = Math.max(longestMs, performance.now() - before)
      before = performance.now()
    }
  })()
  await accounts.addDomain('example.net')
  while (get.mock.callCount() < 4_999) await turn()
  assert.equal(await logins.kick({}), 4_999)
  going = false
  await watch
  t.diagnostic(`longest turn: ${longestMs.toFixed(1)} ms`)
})

test('sessions by account, protocol and address', async (t) => {
  const { accounts, logins, ended, enter } = await site(t)
  const { account: alice } = await accounts.create({ address: 'alice', password: 'x' })
  const { account: bob } = await accounts.create({ address: 'bob@example.net', password: 'x' })
  enter(alice, { at: '192.0.2.7' })
  enter(alice, { at: '192.0.2.1' })
  enter(alice, { at: '192.0.2.1', protocol: 'submission', name: 'mail: ' })
  const leave = enter(bob, { at: '2001:db8::1', name: 'bob: ' })
  const row = { user: 'alice@example.org', pids: [process.pid], sinceMs: 5 }
  assert.deepEqual(await logins.list({}), [
    { ...row, protocol: 'imap', count: 2, addresses: ['192.0.2.1', '192.0.2.7'] },
    { ...row, protocol: 'submission', count: 1, addresses: ['192.0.2.1'] },
    { ...row, user: 'bob@example.net', protocol: 'imap', count: 1, addresses: ['2001:db8::1'] },
  ])
  const counts = async (choice: Parameters<typeof logins.list>[0]) =>
    (await logins.list(choice)).map(({ user, count }) => `${user} ${count}`)
  assert.deepEqual(await counts({ user: 'bob' }), ['bob@example.net 1'])
  assert.deepEqual(await counts({ user: '*@example.n?t' }), ['bob@example.net 1'])
  assert.deepEqual(await counts({ user: 'ALICE@example.org', network: '192.0.2.0/29' }), [
    'alice@example.org 2',
    'alice@example.org 1',
  ])
  assert.deepEqual(await counts({ network: '2001:db8::/32' }), ['bob@example.net 1'])
  assert.deepEqual(await counts({ network: '192.0.2.2' }), [])
  for (const network of ['x', '192.0.2.0/33', '192.0.2.1/', '192.0.2.1/-1'])
    await assert.rejects(logins.list({ network }), RangeError)
  assert.equal(await logins.kick({ network: '192.0.2.1' }), 2)
  assert.deepEqual(ended, ['kicked', 'mail: kicked'])
  leave()
  assert.equal(await logins.kick({ user: 'bob' }), 0)
})

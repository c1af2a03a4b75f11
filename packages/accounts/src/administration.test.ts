import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createAccounts } from './accounts.ts'
import { clientNetwork } from './client-network.ts'
import { createStoreFixture } from './store-fixture.ts'

function site() {
  return createAccounts({
    store: createStoreFixture(),
    now: () => 0,
    log: () => undefined,
    options: () => ({ defaultDomain: 'example.org', localDomains: ['localhost'], memoryKib: 1024 }),
  })
}

it('accounts are made once, in one form, and their domain becomes local', async () => {
  const accounts = site()
  const { account, domainAdded } = await accounts.create({ address: 'Alice', password: 'x' })
  assert.equal(account.address, 'alice@example.org')
  assert.equal(domainAdded, false)
  await assert.rejects(
    accounts.create({ address: 'ALICE@example.org', password: 'x' }),
    /Account exists: alice@example.org/,
  )
  const other = await accounts.create({ address: 'bob@Example.NET', password: 'x' })
  assert.equal(other.domainAdded, true)
  assert.deepEqual(await accounts.localDomains(), ['example.org', 'localhost', 'example.net'])
  assert.equal(await accounts.isLocalDomain('EXAMPLE.net'), true)
  assert.equal(await accounts.isLocalDomain('example.com'), false)
  assert.equal((await accounts.find('alice@localhost'))?.address, 'alice@example.org')
  assert.equal(await accounts.find('alice@example.net'), undefined)
})

it('refuses what is no address or no password', async () => {
  const accounts = site()
  for (const address of [
    '',
    'a b',
    'a@b@c',
    'a@',
    'a@-x',
    '.a',
    'a..b',
    'a/b',
    '../a',
    'a\n',
    'a@[127.0.0.1]',
    'x'.repeat(65),
  ]) {
    await assert.rejects(accounts.create({ address, password: 'x' }), { kind: 'invalid-address' }, address)
  }
  await assert.rejects(accounts.create({ address: 'a', password: '' }), { kind: 'invalid-password' })
  await assert.rejects(accounts.create({ address: 'a', password: 'x'.repeat(4097) }), {
    kind: 'invalid-password',
  })
  await assert.rejects(accounts.setPassword('nobody', 'x'), { kind: 'no-such-account' })
})

it('domains', async () => {
  const accounts = site()
  assert.equal(await accounts.addDomain('Example.com'), true)
  assert.equal(await accounts.addDomain('example.com'), false)
  assert.equal(await accounts.addDomain('example.org'), false)
  assert.equal(await accounts.addDomain('bücher.example'), true)
  assert.equal(await accounts.isLocalDomain('xn--bcher-kva.example'), true)
  await assert.rejects(accounts.addDomain('not a domain'), { kind: 'invalid-address' })
  assert.equal(await accounts.removeDomain('example.com'), true)
  assert.equal(await accounts.removeDomain('example.com'), false)
})

it('client networks', () => {
  const rows: readonly [string, string][] = [
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:0001:2::6', '2001:db8:1:2::/64'],
    ['2001:db8::6', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ]
  for (const [address, network] of rows) assert.equal(clientNetwork(address), network)
})

it('another address, with all that the account has', async () => {
  const accounts = site()
  const { account } = await accounts.create({ address: 'alice', password: 'x' })
  await accounts.create({ address: 'bob', password: 'x' })
  await assert.rejects(accounts.rename('alice', 'BOB'), { kind: 'account-exists' })
  await assert.rejects(accounts.rename('alice', 'a b'), { kind: 'invalid-address' })
  await assert.rejects(accounts.rename('nobody', 'carol'), { kind: 'no-such-account' })
  const renamed = await accounts.rename('alice', 'Alice.New@Example.NET')
  assert.deepEqual(renamed, { ...account, address: 'alice.new@example.net' })
  assert.equal(await accounts.find('alice'), undefined)
  assert.equal(await accounts.isLocalDomain('example.net'), true)
  assert.equal((await accounts.rename('bob', 'bob')).address, 'bob@example.org')
})

it('a password that another system kept: taken over when it can be checked', async () => {
  const accounts = site()
  const stored = '{SHA}tiY7sUhYKUwI5L3866kDY+ENcrQ='
  const { account } = await accounts.create({ address: 'carol', password: '', storedPassword: stored })
  assert.equal(account.passwordHash, stored)
  await assert.rejects(
    accounts.create({ address: 'dave', password: '', storedPassword: '$y$j9T$abc$def' }),
    /yescrypt is checked through saslauthd/,
  )
  assert.equal(
    (await accounts.create({ address: 'erin', password: '', storedPassword: '' })).account.passwordHash,
    '',
  )
  assert.equal((await accounts.setStoredPassword('erin', stored)).passwordHash, stored)
})

import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { LogEvent } from '@posthorn/mail'
import { createAccounts, type LoginClient } from '../index.ts'
import { createStoreFixture } from '../store-fixture.ts'
import { createPasswdFile } from './passwd-file.ts'
import { isShadowLine, parsePasswdLine, parseShadowLine } from './passwd-line.ts'
import { type SourceVerdict, sourceName, type UserSource } from './user-source.ts'

const stranger: LoginClient = { clientAddress: '192.0.2.7', service: 'imap', trusted: false }

describe('lines of passwd(5), shadow(5) and passwd-file', () => {
  const rows: readonly (readonly [line: string, found: object | undefined])[] = [
    ['', undefined],
    ['# comment: here', undefined],
    ['no colon', undefined],
    [':x:1:1::/:', undefined],
    [
      'alice:x:1000:1000:Alice,,,:/home/alice:/bin/sh',
      { user: 'alice', password: '', problem: 'no password', uid: 1000, home: '/home/alice', quotaBytes: 0 },
    ],
    [
      'alice:{PLAIN}a b',
      { user: 'alice', password: '{PLAIN}a b', problem: undefined, uid: undefined, home: '', quotaBytes: 0 },
    ],
    [
      'alice@x.org:{PLAIN}p::::/var/mail/./alice::userdb_quota_rule=*:storage=2G',
      {
        user: 'alice@x.org',
        password: '{PLAIN}p',
        problem: undefined,
        uid: undefined,
        home: '/var/mail',
        quotaBytes: 2 * 1024 ** 3,
      },
    ],
    [
      'alice:{PLAIN}p::::::userdb_quota_rule=*:bytes=500',
      { user: 'alice', password: '{PLAIN}p', problem: undefined, uid: undefined, home: '', quotaBytes: 500 },
    ],
    [
      'alice:{PLAIN}p::::::userdb_quota_rule=*:storage=500',
      {
        user: 'alice',
        password: '{PLAIN}p',
        problem: undefined,
        uid: undefined,
        home: '',
        quotaBytes: 512_000,
      },
    ],
    [
      'alice:!$6$abc:1:1:::',
      { user: 'alice', password: '', problem: 'locked', uid: 1, home: '', quotaBytes: 0 },
    ],
    [
      'alice:{PLAIN}p::::::proxy=y host=1.2.3.4',
      {
        user: 'alice',
        password: '{PLAIN}p',
        problem: '"proxy" is not obeyed here',
        uid: undefined,
        home: '',
        quotaBytes: 0,
      },
    ],
  ]
  for (const [line, found] of rows) it(line, () => assert.deepEqual(parsePasswdLine(line), found))

  it('shadow', () => {
    const line = 'alice:*:19000:0:99999:7:::'
    assert.equal(isShadowLine(line), true)
    assert.equal(isShadowLine('alice:x:1000:1000:Alice:/home/alice:/bin/sh'), false)
    assert.equal(parseShadowLine(line)?.problem, 'locked')
  })

  it('a user at the default domain has his local part, another his whole address', () => {
    assert.equal(sourceName('alice@example.org', 'example.org'), 'alice')
    assert.equal(sourceName('alice@example.net', 'example.org'), 'alice@example.net')
  })
})

/** A site whose passwords somebody else checks. */
function site(answers: Record<string, SourceVerdict>, find?: UserSource['find']) {
  const asked: string[] = []
  const events: LogEvent[] = []
  const store = createStoreFixture()
  const source: UserSource = {
    name: 'test',
    ...(find === undefined ? {} : { find }),
    check: async (address, password) => {
      asked.push(`${address} ${password}`)
      return answers[`${address} ${password}`] ?? answers[address] ?? 'wrong'
    },
  }
  const accounts = createAccounts({
    store,
    now: () => 0,
    log: (event) => events.push(event),
    options: () => ({
      defaultDomain: 'example.org',
      localDomains: ['mx.example.org'],
      memoryKib: 1024,
      failureDelayMaxMs: 0,
    }),
    sources: () => ({ tokens: [], passwords: [source], users: find === undefined ? [] : [source] }),
  })
  const login = async (authcid: string, password: string) => {
    const result = await accounts.authenticate({ mechanism: 'PLAIN', authcid, password }, stranger)
    return result.ok ? result.account.address : result.reason
  }
  return { accounts, store, login, asked, events }
}

describe('passwords that others check', () => {
  it('a right one makes the account, once; a wrong one makes nothing', async () => {
    const { login, store, asked } = site({ 'carol@example.org secret': 'right' })
    assert.equal(await login('carol', 'wrong'), 'credentials')
    assert.deepEqual(await store.accounts.list(), [])
    assert.equal(await login('carol', 'secret'), 'carol@example.org')
    assert.equal(await login('CAROL@mx.example.org', 'secret'), 'carol@example.org')
    assert.equal((await store.accounts.list()).length, 1)
    // The second was remembered.
    assert.deepEqual(asked, ['carol@example.org wrong', 'carol@example.org secret'])
  })

  it('is asked for users of the store too, so that nothing tells them from others; empty passwords are not', async () => {
    const { login, accounts, asked } = site({ 'alice@example.org of the system': 'right' })
    await accounts.create({ address: 'alice', password: 'of the store' })
    assert.equal(await login('alice', 'of the store'), 'alice@example.org')
    assert.equal(await login('alice', 'of the system'), 'alice@example.org')
    assert.equal(await login('alice', 'wrong'), 'credentials')
    assert.equal(await login('alice', ''), 'credentials')
    assert.deepEqual(asked, ['alice@example.org of the system', 'alice@example.org wrong'])
  })

  it('a disabled account stays closed; a source that cannot be asked is no verdict', async () => {
    const { login, accounts } = site({ 'carol@example.org': 'right', 'dave@example.org': 'unavailable' })
    assert.equal(await login('carol', 'any'), 'carol@example.org')
    await accounts.setEnabled('carol', 'disabled')
    assert.equal(await login('carol', 'any'), 'disabled')
    assert.equal(await login('dave', 'any'), 'unavailable')
  })

  it('a refusal is not remembered where the source may change its mind unseen', async () => {
    const answers: Record<string, SourceVerdict> = {}
    const { login } = site(answers)
    assert.equal(await login('carol', 'new'), 'credentials')
    answers['carol@example.org new'] = 'right'
    assert.equal(await login('carol', 'new'), 'carol@example.org')
  })

  it('a user whom a source knows has an account as soon as he is looked for', async () => {
    const known = async (address: string) =>
      address === 'carol@example.org' ? { home: '/home/carol', quotaBytes: 5 } : undefined
    const { accounts, store } = site({}, known)
    assert.equal(await accounts.find('nobody'), undefined)
    const [one, two] = await Promise.all([accounts.find('carol'), accounts.find('Carol@mx.example.org')])
    assert.equal(one?.id, two?.id)
    assert.deepEqual([one?.home, one?.quotaBytes, one?.passwordHash], ['/home/carol', 5, ''])
    assert.equal((await store.accounts.list()).length, 1)
  })
})

it('a passwd-file that is not there is told once, and nobody is refused for it', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-passwd-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'users')
  const events: LogEvent[] = []
  let nowMs = 0
  const file = createPasswdFile({
    path,
    defaultDomain: 'example.org',
    now: () => nowMs,
    log: (event) => events.push(event),
  })
  const check = (user: string, password: string) => file.check!(`${user}@example.org`, Buffer.from(password))
  assert.equal(await check('carol', 'x'), 'unavailable')
  nowMs += 5_000
  assert.equal(await check('carol', 'x'), 'unavailable')
  assert.equal(events.length, 1)
  writeFileSync(path, 'carol:{PLAIN}x\nerin:{CRAM-MD5}00\n')
  nowMs += 5_000
  assert.equal(await check('carol', 'x'), 'right')
  assert.equal(await check('erin', 'x'), 'wrong')
  assert.match(events.at(-1)?.text ?? '', /erin cannot log in: \{CRAM-MD5\}/)
  // Whoever may write it may be anybody.
  writeFileSync(path, 'carol:{PLAIN}another\n')
  chmodSync(path, 0o666)
  nowMs += 5_000
  assert.equal(await check('carol', 'another'), 'wrong')
  assert.match(events.at(-1)?.text ?? '', /group or others may write it/)
  chmodSync(path, 0o640)
  nowMs += 5_000
  assert.equal(await check('carol', 'another'), 'right')
})

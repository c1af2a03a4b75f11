import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createAccounts } from '@posthorn/accounts'
import { openStore } from '@posthorn/storage'
import { runCli } from '../../cli.ts'
import { createShellFixture } from '../shell-fixture.ts'

const root = mkdtempSync(join(tmpdir(), 'posthorn-users-'))
after(() => rmSync(root, { recursive: true }))
let count = 0

function site() {
  const path = join(root, String(count++))
  mkdirSync(path, { mode: 0o700 })
  writeFileSync(
    join(path, 'main.cf'),
    'myhostname = mail.example.org\nmydestination = example.org\nmyorigin = example.org\nalias_maps =\n',
  )
  const file = (name: string, text: string): string => {
    writeFileSync(join(path, name), text)
    return join(path, name)
  }
  const posthorn = async (args: readonly string[], input = '') => {
    const shell = createShellFixture({ input })
    const code = await runCli('posthorn', ['-c', path, ...args], shell, async () => 42)
    return { code, out: shell.output(), err: shell.errors() }
  }
  return { path, file, posthorn }
}

/** crypt(3) of "a". */
const hash = '$5$rounds=1000$xy$5qAPdRrwJn0G5NXFXwRRhZU1xoCWuPDdCTAxq9gmjh4'
const sha1 = '{SHA}tiY7sUhYKUwI5L3866kDY+ENcrQ='

/** What a login with the password makes of the account's secrets. */
async function logIn(path: string, user: string, password: string) {
  const store = await openStore({ directory: join(path, 'store') })
  try {
    const options = { defaultDomain: 'example.org', memoryKib: 1024 }
    const accounts = createAccounts({ store, now: Date.now, log: () => undefined, options: () => options })
    const client = { clientAddress: '127.0.0.1', service: 'imap', trusted: true }
    const result = await accounts.authenticate({ mechanism: 'PLAIN', authcid: user, password }, client)
    if (!result.ok) return result.reason
    for (let turn = 0; turn < 500; turn++) {
      const { passwordHash } = (await store.accounts.get(result.account.id))!
      if (passwordHash.startsWith('$argon2id$')) return 'renewed'
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    return 'not renewed'
  } finally {
    await store.close()
  }
}

test('a passwd-file: accounts with their hashes, quotas and homes; ours at the first login', async () => {
  const { path, file, posthorn } = site()
  const users = file(
    'users',
    `# staff\ncarol:${sha1}:1001:1001::/home/carol::userdb_quota_rule=*:storage=1G\n` +
      'dave@example.net:{PLAIN}secret::::::\nbin:x:2:2:bin:/bin:/bin/sh\nroot:{PLAIN}toor::::::\n' +
      'erin:{CRAM-MD5}00::::::\nfrank:!::::::\n../evil:{PLAIN}x::::::\n',
  )
  const dry = await posthorn(['user', 'import', users, '--dry-run'])
  assert.match(dry.out, /carol: carol: added .*\n.*nothing was done/s)
  assert.equal((await posthorn(['user', 'list'])).out, '')
  const first = await posthorn(['user', 'import', users])
  assert.equal(first.code, 65)
  assert.equal(
    first.out,
    `carol: carol@example.org: added (its hash is replaced at the first login)
dave@example.net: dave@example.net: added (its hash is replaced at the first login)
bin: left alone: uid 2 is not between first_valid_uid and last_valid_uid
root: left alone: root reads mail through an alias
erin: {CRAM-MD5}: only good for CRAM-MD5, which is not offered
frank: left alone: locked
../evil: Not an address for an account: ../evil
2 added, 0 changed, 3 left alone, 2 failed
`,
  )
  assert.match(
    (await posthorn(['user', 'list'])).out,
    /carol@example\.org +enabled +0 messages +0 B of 1\.0 GB/,
  )
  assert.match(
    (await posthorn(['user', 'import', users])).out,
    /carol: left alone: carol@example\.org exists/,
  )
  const passwords = async () =>
    (await posthorn(['user', 'list', '--json'])).out
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { password: string }).password)
  assert.deepEqual(await passwords(), ['SHA', 'PLAIN'])
  assert.equal(await logIn(path, 'carol', 'wrong'), 'credentials')
  assert.equal(await logIn(path, 'carol', 'wonderland'), 'renewed')
  assert.equal(await logIn(path, 'carol', 'wonderland'), 'renewed')
  assert.equal(await logIn(path, 'dave@example.net', 'secret'), 'renewed')
  assert.deepEqual(await passwords(), ['ARGON2ID', 'ARGON2ID'])
})

test('shadow, with the passwd beside it: people alone; --update, --domain', async () => {
  const { path, file, posthorn } = site()
  file(
    'passwd',
    'root:x:0:0::/root:/bin/sh\nwww:x:33:33::/var/www:/bin/sh\ncarol:x:1001:1001::/home/carol:/bin/sh\n',
  )
  const shadow = file(
    'shadow',
    `root:${hash}:19000:0:99999:7:::\nwww:${hash}:19000:0:99999:7:::\ncarol:$1$S46B8DfI$bad:19000:0:99999:7:::\n` +
      'games:*:19000:0:99999:7:::\nyes:$y$j9T$abc$def:19000:0:99999:7:::\n',
  )
  const { out, code } = await posthorn(['user', 'import', shadow, '--domain', 'example.net'])
  assert.equal(code, 65)
  assert.match(out, /^root: left alone.*\nwww: left alone: uid 33.*\ncarol: carol@example\.net: added/)
  assert.match(out, /games: left alone: locked\nyes: .*yescrypt is checked through saslauthd/)
  await posthorn(['user', 'add', 'dave', '--password', 'old'])
  const again = await posthorn(['user', 'import', '-', '--update'], `dave:${sha1}::::::\n`)
  assert.equal(again.code, 0)
  assert.match(again.out, /^dave: dave@example\.org: password changed/)
  assert.equal(await logIn(path, 'dave', 'old'), 'credentials')
  assert.equal(await logIn(path, 'dave', 'wonderland'), 'renewed')
})

test('what is no such file is told with its line', async () => {
  const { file, posthorn } = site()
  const text = await posthorn(['user', 'import', file('letter', 'a:b:c\nDear Sir,\n')])
  assert.equal(text.code, 65)
  assert.match(text.err, /letter:2: not a line of a passwd-file or of shadow/)
  const none = await posthorn(['user', 'import', '/nonexistent/users'])
  assert.equal(none.code, 69)
  assert.match(none.err, /cannot read \/nonexistent\/users: ENOENT/)
})

test('rename: another address, the same mail and password', async () => {
  const { path, file, posthorn } = site()
  await posthorn(['user', 'add', 'carol', '--password', 'secret'])
  const letter = file('letter.mbox', 'From x@y Sat Nov 21 10:00:00 2026\nSubject: kept\n\nHello\n')
  await posthorn(['import', 'mbox', 'carol', letter, '--mailbox', 'INBOX'])
  const renamed = await posthorn(['user', 'rename', 'carol', 'carol.smith@example.net'])
  assert.deepEqual(
    [renamed.code, renamed.out],
    [0, 'carol@example.org: renamed to carol.smith@example.net\n'],
  )
  assert.match((await posthorn(['mailbox', 'list', 'carol.smith@example.net'])).out, /^INBOX +1 messages/m)
  assert.match((await posthorn(['user', 'rename', 'carol', 'x'])).err, /No such account: carol/)
  assert.equal(await logIn(path, 'carol.smith@example.net', 'secret'), 'renewed')
  assert.equal(await logIn(path, 'carol', 'secret'), 'credentials')
})

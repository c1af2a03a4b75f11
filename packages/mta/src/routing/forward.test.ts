import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openMailFixture } from '../receive/mail-fixture.ts'
import { parseAliasValue, parseTargetLines } from './alias-value.ts'
import { readForwardFile, readIncludeFile } from './safe-file.ts'

test('aliases(5): right-hand sides', () => {
  const rows: readonly [string, string][] = [
    ['alice', 'address alice'],
    ['a, b ,c@d.e', 'address a|address b|address c@d.e'],
    ['"|cmd a, b", x', 'command cmd a, b|address x'],
    ['| cmd', 'command cmd'],
    ['/var/mail/x', 'file /var/mail/x'],
    ['"/var/my mail"', 'file /var/my mail'],
    [':include:/etc/list', 'include /etc/list'],
    ['":include: /etc/l"', 'include /etc/l'],
    ['\\alice', 'own alice'],
    ['\\\\alice', 'own alice'],
    ['Bob B. <bob@x.y>', 'address bob@x.y'],
    ['bob (Bob B.)', 'address bob'],
    ['"a b"@c.d', 'address "a b"@c.d'],
    ['', ''],
    [',,', ''],
    ['a b', 'address a|address b'],
    ['a b@c.d,\te', 'address a|address b@c.d|address e'],
    ['team: a, b@c.d;', 'address a|address b@c.d'],
    ['The Team: a, b; c', 'address a|address b|address c'],
    ['"B, Bob" <bob@x.y> Al <al@x.y>', 'address bob@x.y|address al@x.y'],
    ['<bob@x.y>al', 'address bob@x.y|address al'],
    ['a (x, (y) z), b', 'address a|address b'],
    ['bob@x.y # until May, or June', 'address bob@x.y'],
    ['# a', ''],
    ['"|x # y", b', 'command x # y|address b'],
    [
      '"|IFS=\' \' && exec /bin/x \\"a b\\" || exit 75 #bob"',
      `command IFS=' ' && exec /bin/x "a b" || exit 75 #bob`,
    ],
    ['|/bin/x -a 1 # 2', 'command /bin/x -a 1 # 2'],
    ['/dev/null bob', 'file /dev/null|address bob'],
    ['\\bin sys', 'own bin|address sys'],
    ['a:b', 'bad a:b'],
    ['a (b', 'address a|bad (b'],
    ['a <b', 'address a|bad <b'],
    ['a "b c', 'address a|bad "b c'],
    ['<>', 'bad <>'],
    ['a\u0000b', 'bad a\u0000b'],
  ]
  for (const [text, expected] of rows) {
    const found = parseAliasValue(text).map((target) => {
      const value = Object.values(target)[1]
      return `${target.kind} ${value}`
    })
    assert.equal(found.join('|'), expected, text)
  }
  assert.equal(parseTargetLines('# c\n\n a\r\nb, c\n').length, 3)
})

const root = process.getuid?.() === 0

test('.forward is read only when nobody but its owner could have written it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'forward-'))
  const home = (name: string, mode = 0o755) => {
    const path = join(folder, name)
    mkdirSync(path)
    chmodSync(path, mode)
    return path
  }
  const write = (path: string, text: string, mode = 0o644) => {
    writeFileSync(path, text)
    chmodSync(path, mode)
    return path
  }
  const good = write(join(home('good'), '.forward'), 'x@far.net\n')
  const secret = write(join(folder, 'secret'), 'top secret\n', 0o600)
  const link = join(home('link'), '.forward')
  symlinkSync(secret, link)
  const hard = join(home('hard'), '.forward')
  linkSync(secret, hard)
  const fifo = join(home('fifo'), '.forward')
  execFileSync('mkfifo', [fifo])
  const directory = join(home('dir'), '.forward')
  mkdirSync(directory)
  const rows: readonly [string, string | RegExp][] = [
    [good, 'text'],
    [join(folder, 'good', 'none'), 'absent'],
    [join(folder, 'nohome', '.forward'), 'absent'],
    [link, /symbolic link/],
    [hard, /more than one name/],
    [fifo, /not a regular file/],
    [directory, /not a regular file/],
    [write(join(home('group'), '.forward'), 'x', 0o664), /file is group or other writable/],
    [write(join(home('other'), '.forward'), 'x', 0o646), /file is group or other writable/],
    [write(join(home('loose', 0o775), '.forward'), 'x'), /home directory is group or other writable/],
    [write(join(home('open', 0o777), '.forward'), 'x'), /home directory is group or other writable/],
    [write(join(home('large'), '.forward'), 'x'.repeat(16 * 1024 + 1)), /larger than 16384/],
    [write(join(home('full'), '.forward'), 'x'.repeat(16 * 1024)), 'text'],
  ]
  for (const [path, expected] of rows) {
    const found = await readForwardFile(path)
    if (typeof expected === 'string') assert.equal(found.kind, expected, path)
    else assert.match(found.kind === 'unsafe' ? found.reason : found.kind, expected, path)
  }
  if (root) {
    const closed = write(join(home('closed', 0o700), '.forward'), 'x', 0o644)
    chmodSync(folder, 0o711)
    process.seteuid?.(65_534)
    try {
      const found = await readForwardFile(closed)
      assert.match(found.kind === 'unsafe' ? found.reason : found.kind, /^the server’s user may not read it/)
    } finally {
      process.seteuid?.(0)
    }
    const stranger = write(join(home('stranger'), '.forward'), 'x')
    chownSync(stranger, 4242, 4242)
    const found = await readForwardFile(stranger)
    assert.match(found.kind === 'unsafe' ? found.reason : found.kind, /bad owner/)
    const own = home('own')
    chownSync(own, 4242, 4242)
    const written = write(join(own, '.forward'), 'x')
    assert.equal((await readForwardFile(written)).kind, 'text', "written by root in a user's home")
    chownSync(written, 4242, 4242)
    assert.equal((await readForwardFile(written)).kind, 'text')
  }
  assert.equal((await readIncludeFile(write(join(folder, 'list'), 'a\n'))).kind, 'text')
  assert.equal((await readIncludeFile(write(join(folder, 'loose-list'), 'a\n', 0o666))).kind, 'unsafe')
  rmSync(folder, { recursive: true })
})

test('require_home_directory: mail of a user whose home is not mounted waits', async () => {
  const files = { 'home/alice/.forward': 'alice@far.net\n' }
  const accounts = ['alice@example.org', 'bob@example.org']
  const plan = async (homes: { homes?: 'required' }) => {
    const routing = { homeDirectory: '$FOLDER/home', ...homes }
    const mail = await openMailFixture({ accounts, routing, files })
    const to = async (address: string) =>
      (await mail.routing.plan([{ address }], 'x@y.z', 0)).map(({ recipient: { address, route } }) =>
        route.kind === 'queued' ? `${address} ${route.transport}` : address,
      )
    return { to, home: join(mail.folder, 'home') }
  }
  const required = await plan({ homes: 'required' })
  assert.deepEqual(await required.to('alice'), ['alice@far.net smtp'])
  // The queue asks again.
  assert.deepEqual(await required.to('bob'), ['bob@example.org local'])
  writeFileSync(join(required.home, 'bob'), '')
  const usual = await plan({})
  assert.deepEqual(await usual.to('bob'), ['bob@example.org'])
})

test('A6, A7: a user forwards, keeps a copy, and an unsafe file is ignored and logged', async () => {
  const mail = await openMailFixture({
    accounts: ['alice@example.org', 'bob@example.org', 'carl@example.org', 'odd/name@example.org'],
    routing: { homeDirectory: '$FOLDER/home', allowMailToCommands: ['alias'] },
    files: {
      'home/alice/.forward': 'bob, alice@far.net\n',
      'home/bob/.forward': '\\bob\nbob2@far.net\n',
      'home/carl/.forward': '"|/bin/evil"\n:include:/etc/passwd\n',
    },
  })
  const home = join(mail.folder, 'home')
  const to = async (address: string) => {
    mail.clock.ms += 2_000
    const planned = await mail.routing.plan([{ address }], 'x@y.z', 0)
    return planned.map(({ recipient }) => `${recipient.address} ${recipient.route.kind}`).toSorted()
  }
  assert.deepEqual(await to('alice'), [
    'alice@far.net queued',
    'bob2@far.net queued',
    'bob@example.org mailbox',
  ])
  writeFileSync(join(home, 'alice/.forward'), 'alice, x@far.net')
  assert.deepEqual(await to('alice'), ['alice@example.org mailbox', 'x@far.net queued'])
  writeFileSync(join(home, 'alice/.forward'), 'alice@localhost\n')
  assert.deepEqual(await to('alice+news'), ['alice@example.org mailbox'])
  writeFileSync(join(home, 'alice/.forward+news'), 'news@far.net\n')
  assert.deepEqual(await to('alice+news'), ['news@far.net queued'])
  assert.deepEqual(await to('alice+..'), ['alice@example.org mailbox'])
  writeFileSync(join(home, 'alice/.forward'), '\n# nothing\n')
  assert.deepEqual(await to('alice'), ['alice@example.org mailbox'])
  assert.deepEqual(await to('carl'), ['carl@example.org mailbox'])
  chmodSync(join(home, 'bob/.forward'), 0o664)
  assert.deepEqual(await to('bob'), ['bob@example.org mailbox'])
  assert.deepEqual(await to('bob'), ['bob@example.org mailbox'])
  assert.deepEqual(
    mail.lines().filter((line) => line.includes('unsafe permissions')),
    [
      `local ${join(home, 'bob/.forward')}: .forward: unsafe permissions: file is group or other writable; file ignored`,
    ],
  )
  // Two users who forward to each other: each keeps a copy, no loop.
  writeFileSync(join(home, 'alice/.forward'), 'bob\n')
  chmodSync(join(home, 'bob/.forward'), 0o644)
  writeFileSync(join(home, 'bob/.forward'), 'alice\n')
  assert.deepEqual(await to('alice'), ['alice@example.org mailbox'])
  rmSync(join(home, 'alice'), { recursive: true })
  symlinkSync('/etc', join(home, 'alice'))
  assert.deepEqual(await to('alice'), ['alice@example.org mailbox'])
  await mail.close()
})

test('a plain address is what the whole grammar makes of it', () => {
  const words = [
    'bob',
    'john.doe',
    'a+b',
    '-x',
    '_x',
    'A_B-9',
    'B@Example.COM',
    'x@y',
    'x@a_b.-c',
    'a..b',
    '.a',
    'a.',
  ]
  for (const text of [
    ...words,
    'x@y..z',
    'x@.y',
    'x@y.',
    'x@',
    '@y',
    'a@b@c',
    `${'l'.repeat(59)}@b`,
    `a@${'d'.repeat(64)}`,
  ])
    assert.deepEqual(parseAliasValue(text), parseAliasValue(` ${text}`), text)
})

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, it } from 'node:test'
import { passwordMakers } from '@posthorn/accounts'
import { createCliFixture, runCommand } from '../../../cli-fixture.ts'

const cli = createCliFixture()
after(() => cli.remove())

async function siteWithUsers(...users: string[]) {
  const path = cli.folder()
  for (const user of users)
    assert.equal(
      (await runCommand('posthorn', ['-c', path, 'user', 'add', user, '--password', 'secret'])).code,
      0,
    )
  const doveadm = (...args: string[]) => runCommand('doveadm', ['-c', path, ...args])
  const out = async (...args: string[]): Promise<string> => {
    const { code, out: said, err } = await doveadm(...args)
    assert.deepEqual({ code, err }, { code: 0, err: '' }, args.join(' '))
    return said
  }
  const fault = async (...args: string[]): Promise<string> => {
    const { code, err } = await doveadm(...args)
    return `${code} ${err}`
  }
  return { path, doveadm, out, fault }
}

it('mailboxes: made, listed, counted, renamed, removed; exit codes as Dovecot 2.3 has them', async () => {
  const { out, fault } = await siteWithUsers('alice', 'bob')
  const u = ['-u', 'alice@example.org']
  assert.equal(await out('mailbox', 'list', ...u), 'INBOX\nArchive\nDrafts\nJunk\nSent\nTrash\n')
  assert.equal(await out('mailbox', 'list', ...u, 'T*', 'inbox', '%nk'), 'INBOX\nJunk\nTrash\n')
  assert.equal(await out('mailbox', 'create', ...u, '-s', 'Lists/ä', 'Old'), '')
  assert.equal(await out('mailbox', 'list', ...u, '-7', 'L*'), 'Lists\nLists/&AOQ-\n')
  assert.equal(await out('mailbox', 'list', ...u, '-s', 'L*', 'Old'), 'Lists/ä\nOld\n')
  assert.equal(await out('mailbox', 'unsubscribe', ...u, 'Old'), '')
  assert.equal(await out('mailbox', 'list', ...u, '-s', 'Old'), '')
  assert.equal(await out('mailbox', 'rename', ...u, 'Old', 'Older'), '')
  const status = await out('mailbox', 'status', ...u, 'all', 'INBOX')
  assert.match(
    status,
    /^INBOX messages=0 recent=0 uidnext=1 uidvalidity=\d+ unseen=0 highestmodseq=\d+ vsize=0 guid=[0-9a-f]{32} firstsaved=never\n$/,
  )
  assert.equal(await out('mailbox', 'status', ...u, '-t', 'messages vsize', '*'), 'messages=0 vsize=0\n')
  assert.equal(
    await out('-f', 'tab', 'mailbox', 'status', ...u, 'messages', 'Older'),
    'mailbox\tmessages\nOlder\t0\n',
  )
  assert.equal(
    await out('-f', 'json', 'mailbox', 'status', '-A', 'unseen', 'INBOX'),
    '[{"username":"alice@example.org","mailbox":"INBOX","unseen":"0"},{"username":"bob@example.org","mailbox":"INBOX","unseen":"0"}]',
  )
  assert.equal(await out('mailbox', 'delete', ...u, '-r', '-s', 'Lists'), '')
  assert.equal(await out('mailbox', 'list', ...u, 'L*'), '')
  const who = 'doveadm(alice@example.org): Error:'
  for (const [args, said] of [
    [
      ['status', ...u, 'messages', 'nosuch'],
      `68 ${who} Mailbox nosuch: Failed to lookup mailbox status: Mailbox doesn't exist: nosuch`,
    ],
    [['status', ...u, 'nosuch', 'INBOX'], '64 Fatal: Unknown status field: nosuch'],
    [['create', ...u, 'INBOX'], `65 ${who} Can't create mailbox INBOX: Mailbox already exists`],
    [['delete', ...u, 'nosuch'], `68 ${who} Can't delete mailbox nosuch: Mailbox doesn't exist: nosuch`],
    [
      ['rename', ...u, 'nosuch', 'x'],
      `68 ${who} Can't rename mailbox nosuch to x: Mailbox doesn't exist: nosuch`,
    ],
    [['list', '-u', 'nobody'], "67 doveadm(nobody): Error: User doesn't exist"],
    [['list'], '64 Fatal: USER environment is missing and -u option not used'],
    [['create', ...u], '64 doveadm mailbox create [-u <user>|-A] [-S <socket_path>] [-s] <mailbox> [...]'],
    [['create', '-x'], "64 create: invalid option -- 'x'"],
  ] as const)
    assert.equal(await fault('mailbox', ...args), `${said}\n`)
})

it('users, quota and passwords are looked up', async () => {
  const { path, doveadm, out, fault } = await siteWithUsers('alice', 'bob')
  await runCommand('posthorn', ['-c', path, 'user', 'quota', 'bob', '1G'])
  assert.equal(await out('user', '-u', '*ice*'), 'alice@example.org\n')
  assert.equal(await out('user', '*'), 'alice@example.org\nbob@example.org\n')
  assert.match(
    await out('user', 'bob'),
    /^field\tvalue\nuid\t\d+\ngid\t\d+\nhome\t\nmail\tposthorn:.*\nquota_rule\t\*:bytes=1073741824\n$/,
  )
  assert.match(await out('user', '-f', 'uid', 'bob'), /^\d+\n$/)
  assert.equal(await fault('user', 'nobody'), "67 userdb lookup: user nobody doesn't exist\n")
  assert.equal(
    await out('quota', 'get', '-u', 'bob'),
    'Quota name Type    Value Limit   %\nUser quota STORAGE 0     1048576 0\nUser quota MESSAGE 0     -       0\n',
  )
  const test = (...words: string[]) => doveadm('auth', 'test', ...words)
  assert.deepEqual(await test('alice', 'secret'), {
    code: 0,
    out: 'passdb: alice auth succeeded\nextra fields:\n  user=alice@example.org\n',
    err: '',
  })
  for (const words of [
    ['alice', 'wrong'],
    ['nobody@example.org', 'secret'],
  ])
    assert.deepEqual(await test(...words), {
      code: 77,
      out: `passdb: ${words[0]} auth failed\nextra fields:\n  user=${words[0] === 'alice' ? 'alice@example.org' : words[0]}\n`,
      err: '',
    })
})

it('who, kick, reload and stop of a server that does not run; what is not here is named', async () => {
  const { path, doveadm, out, fault } = await siteWithUsers('alice')
  for (const args of [['who'], ['kick', 'alice'], ['reload'], ['stop']])
    assert.match(await fault(...args), /^75 Fatal: the server is not running: none answers in /)
  assert.equal(await fault('kick'), '64 Fatal: user and/or ip[/bits] must be specified.\n')
  writeFileSync(join(path, 'main.cf'), `maillog_file = ${path}/mail.log\n`, { flag: 'a' })
  assert.match(await out('log', 'find'), /^Debug: .*\/mail\.log\n(?:\w+: .*\n){3}Fatal: .*\/mail\.log\n$/)
  assert.deepEqual(await doveadm('purge', '-u', 'alice'), {
    code: 0,
    out: '',
    err: 'doveadm purge: the server takes the space of removed messages back by itself; `posthorn store compact` does it now\n',
  })
  assert.equal(
    await fault('sync', '-u', 'alice'),
    '69 doveadm sync: `posthorn import imap`, `posthorn export maildir`\n',
  )
  assert.match(await fault('fetch', '-u', 'alice', 'uid', 'all'), /^69 doveadm fetch: not done here: /)
  assert.match(
    await fault('nosuch'),
    /^64 usage: doveadm \[-Dv\] \[-f <formatter>\] <command> \[<args>\]\n {2}auth test /,
  )
  assert.match(await fault('mailbox'), /^64 usage: doveadm .* mailbox <command> \[<args>\]\n {2}create /)
  assert.equal(await fault('-f', 'odd', 'who'), '64 Fatal: Unknown formatter: odd\n')
})

it('pw makes what it verifies, in every scheme', async () => {
  const pw = (...args: string[]) => runCommand('doveadm', ['pw', ...args])
  assert.deepEqual((await pw('-l')).out.trim().split(' '), [...passwordMakers])
  for (const scheme of passwordMakers) {
    const { out, code } = await pw('-s', scheme, '-p', 'pässword', '-V')
    assert.equal(code, 0)
    assert.ok(out.startsWith(`{${scheme}}`) && out.endsWith(' (verified)\n'), out)
    const stored = out.split(' ')[0] ?? ''
    assert.deepEqual(await pw('-t', stored, '-p', 'other'), {
      code: 75,
      out: '',
      err: 'Fatal: reverse password verification check failed: Password mismatch\n',
    })
    if (
      scheme.startsWith('PLAIN') === false &&
      !scheme.startsWith('CLEAR') &&
      /CRYPT|ARGON|SS|PBK/.test(scheme)
    )
      assert.notEqual((await pw('-s', scheme, '-p', 'pässword', '-V')).out, out, 'a salt is never used twice')
  }
  assert.match(
    (await pw('-s', 'SHA512-CRYPT', '-r', '2000', '-p', 'x')).out,
    /^\{SHA512-CRYPT\}\$6\$rounds=2000\$/,
  )
  assert.deepEqual(await pw('-s', 'NOPE', '-p', 'x'), {
    code: 75,
    out: '',
    err: 'Fatal: Unknown scheme: NOPE\n',
  })
  const typed = await runCommand('doveadm', ['pw', '-s', 'plain'], '', ['one', 'two'])
  assert.deepEqual(typed, { code: 75, out: '', err: "Fatal: Passwords don't match!\n" })
})

const theirs = '/usr/bin/doveadm'

it('Dovecot: what pw makes, the real one verifies, and the other way round', {
  skip: !existsSync(theirs),
}, async () => {
  const path = cli.folder()
  const conf = join(path, 'dovecot.conf')
  writeFileSync(conf, 'protocols = imap\nssl = no\n')
  const real = (...args: string[]) => spawnSync(theirs, ['-c', conf, 'pw', ...args], { encoding: 'utf8' })
  const known = new Set(real('-l').stdout.trim().split(' '))
  const common = passwordMakers.filter((scheme) => known.has(scheme))
  assert.ok(common.length > 12, `${common}`)
  for (const scheme of common) {
    const ours = (await runCommand('doveadm', ['pw', '-s', scheme, '-p', 'secret'])).out.trim()
    assert.equal(real('-t', ours, '-p', 'secret').stdout.trim(), `${ours} (verified)`)
    assert.notEqual(real('-t', ours, '-p', 'other').status, 0)
    const made = real('-s', scheme, '-p', 'secret').stdout.trim()
    assert.deepEqual(await runCommand('doveadm', ['pw', '-t', made, '-p', 'secret']), {
      code: 0,
      out: `${made} (verified)\n`,
      err: '',
    })
  }
})

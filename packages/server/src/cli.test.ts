import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { runCli } from './cli.ts'
import { createShellFixture } from './commands/shell-fixture.ts'

const root = mkdtempSync(join(tmpdir(), 'posthorn-cli-'))
after(() => rmSync(root, { recursive: true }))
const bin = new URL('../../../bin/', import.meta.url).pathname
let count = 0

const mainCf = `myhostname = mail.example.org
myorigin = example.org
mydestination = $myorigin, localhost
alias_maps =
smtp_port = 0
`

function folder(text = mainCf): string {
  const path = join(root, String(count++))
  mkdirSync(path, { mode: 0o700 })
  writeFileSync(join(path, 'main.cf'), text)
  return path
}

/** A command in this process. */
async function run(name: string, args: readonly string[], input = '', answers: string[] = []) {
  const shell = createShellFixture({ input, answers })
  const code = await runCli(name, args, shell, async () => 42)
  return { code, out: shell.output(), err: shell.errors() }
}

/** The executable, by a launcher or a link to one. */
function launch(program: string, args: readonly string[], input = '') {
  const { PATH = '' } = process.env
  const { status, stdout, stderr } = spawnSync(program, args, { input, encoding: 'utf8', env: { PATH } })
  return { code: status, out: stdout, err: stderr }
}

describe('commands without a server', () => {
  it('accounts: made, listed, changed, removed', async () => {
    const path = folder()
    const posthorn = (...args: string[]) => run('posthorn', ['-c', path, ...args])
    assert.deepEqual(await run('posthorn', ['-c', path, 'user', 'add', 'alice'], 'wonder\n'), {
      code: 0,
      out: 'alice@example.org: added\n',
      err: '',
    })
    assert.match(
      (await posthorn('user', 'add', 'bob@other.test')).out,
      /^bob@other\.test: added \(and its domain.*\)\npassword: \S{19}\n$/,
    )
    assert.deepEqual(await run('posthorn', ['-c', path, 'user', 'add', 'alice'], 'x'), {
      code: 1,
      out: '',
      err: 'posthorn: Account exists: alice\n',
    })
    assert.match((await posthorn('user', 'disable', 'ALICE')).out, /^alice@example\.org: disabled\n$/)
    assert.match(
      (await posthorn('user', 'list')).out,
      /^alice@example\.org {2}disabled {2}0 messages {2}0 B\n/,
    )
    assert.match((await posthorn('domain', 'list')).out, /^other\.test +added +1 accounts$/m)
    assert.equal((await posthorn('user', 'remove', 'bob@other.test')).code, 64)
    const kept = await run('posthorn', ['-c', path, 'user', 'remove', 'bob@other.test'], '', ['no'])
    assert.deepEqual([kept.code, kept.err], [1, 'posthorn: nothing removed\n'])
    const gone = await run('posthorn', ['-c', path, 'user', 'remove', 'bob@other.test'], '', ['yes'])
    assert.equal(gone.out, 'bob@other.test: removed\n')
    assert.equal((await posthorn('user', 'passwd', 'nobody', '--password', 'x')).code, 1)
    assert.equal((await posthorn('user', 'quota', 'alice', 'much')).code, 64)
  })

  it('a typed password is asked for twice', async () => {
    const path = folder()
    const add = (answers: string[]) => run('posthorn', ['-c', path, 'user', 'add', 'alice'], '', answers)
    assert.equal((await add(['one', 'two'])).code, 65)
    assert.equal((await add(['one', 'one'])).out, 'alice@example.org: added\n')
  })

  it('mailboxes', async () => {
    const path = folder()
    const mailbox = (...args: string[]) => run('posthorn', ['-c', path, 'mailbox', ...args])
    await run('posthorn', ['-c', path, 'user', 'add', 'alice', '--password', 'x'])
    assert.equal((await mailbox('create', 'alice', 'Work/Bücher')).out, 'Work/Bücher: created\n')
    assert.equal((await mailbox('rename', 'alice', 'Work', 'Done')).code, 0)
    assert.match((await mailbox('list', 'alice')).out, /^Done\/Bücher +0 messages +0 unseen/m)
    assert.equal((await mailbox('remove', 'alice', 'Nosuch')).code, 1)
    assert.equal((await mailbox('list', 'nobody')).err, 'posthorn: No such account: nobody\n')
  })

  it('sharing: groups, lists of rights, what each of them lets others see', async () => {
    const path = folder()
    const posthorn = (...args: string[]) => run('posthorn', ['-c', path, ...args])
    for (const user of ['alice', 'bob']) await posthorn('user', 'add', user, '--password', 'x')
    await posthorn('mailbox', 'create', 'alice', 'Project')
    assert.equal((await posthorn('group', 'add', 'Team')).out, 'team: added\n')
    assert.equal((await posthorn('group', 'join', 'team', 'bob')).out, 'team: bob@example.org joined\n')
    assert.equal((await posthorn('group', 'list')).out, 'team  bob@example.org\n')
    assert.equal((await posthorn('acl', 'set', 'alice', 'Project', '$team', 'lrs')).code, 0)
    assert.equal((await posthorn('acl', 'set', 'alice', 'Project', 'bob', '+wd')).code, 0)
    assert.equal((await posthorn('acl', 'set', 'alice', 'Project', '--', '-bob', 'e')).code, 0)
    assert.equal(
      (await posthorn('acl', 'list', 'alice')).out,
      'Project  $team             lrs\nProject  bob@example.org   wted\nProject  -bob@example.org  ed\n',
    )
    assert.equal((await posthorn('acl', 'set', 'alice', 'Project', 'bob', '-w')).code, 0)
    assert.match(
      (await posthorn('acl', 'list', 'alice', 'Project', '--json')).out,
      /"bob@example.org","rights":"te"/,
    )
    assert.equal((await posthorn('acl', 'delete', 'alice', 'Project', 'bob')).code, 0)
    assert.equal((await posthorn('acl', 'delete', 'alice', 'Project', 'bob')).code, 1)
    assert.equal((await posthorn('acl', 'set', 'alice', 'Project', 'bob', 'lq')).code, 64)
    assert.equal((await posthorn('acl', 'set', 'alice', 'Nowhere', 'bob', 'l')).code, 1)
    assert.equal((await posthorn('acl', 'set', 'alice', 'Project', 'nobody', 'l')).code, 64)
    assert.equal((await posthorn('group', 'remove', 'team')).code, 0)
    assert.equal((await posthorn('acl', 'list', 'alice')).out, 'Project  -bob@example.org  ed\n')
    assert.match((await posthorn('store', 'check')).out, /: ok$/m)
  })

  it('limits of messages', async () => {
    const path = folder()
    const posthorn = (...args: string[]) => run('posthorn', ['-c', path, ...args])
    await posthorn('user', 'add', 'alice', '--password', 'x', '--quota-messages', '5')
    assert.match((await posthorn('user', 'list')).out, /0 of 5 messages/)
    assert.equal(
      (await posthorn('user', 'quota', 'alice', '2M', '--quota-messages', '7')).out,
      'alice@example.org: quota 2.0 MB, 7 messages\n',
    )
    assert.equal((await posthorn('user', 'quota', 'alice')).code, 64)
    assert.equal((await posthorn('user', 'quota', 'alice', '--quota-messages', 'many')).code, 64)
  })

  it('sendmail delivers and queues while the server is stopped; the queue can be looked at and changed', async () => {
    const path = folder()
    await run('posthorn', ['-c', path, 'user', 'add', 'alice', '--password', 'x'])
    const message =
      'To: alice@example.org, out@side.test\nBcc: secret@side.test\nSubject: x\n\nhello\n.\nnot this\n'
    assert.deepEqual(await run('sendmail', ['-C', path, '-t', '-f', 'bob'], message), {
      code: 0,
      out: '',
      err: '',
    })
    assert.match(
      (await run('posthorn', ['-c', path, 'mailbox', 'list', 'alice'])).out,
      /^INBOX +1 messages +1 unseen/m,
    )

    const queue = await run('mailq', ['-C', path])
    assert.equal(queue.err, 'postqueue: warning: Mail system is down -- accessing queue directly\n')
    assert.match(
      queue.out,
      /bob@example\.org\n +out@side\.test\n +secret@side\.test\n\n-- 0 Kbytes in 1 Request\.\n$/,
    )
    const id = /^([0-9A-F]+)/m.exec(queue.out)?.[1] ?? ''

    const shown = await run('postcat', ['-c', path, '-q', id])
    assert.match(shown.out, new RegExp(`^\\*\\*\\* ENVELOPE RECORDS incoming/${id} \\*\\*\\*\\n`))
    assert.match(shown.out, /\nsender: bob@example\.org\nrecipient: out@side\.test\n/)
    assert.match(shown.out, /\nSubject: x\n/)
    assert.doesNotMatch(shown.out, /Bcc|not this/)
    assert.equal((await run('postcat', ['-c', path, '-qb', id])).out, '\nhello\n')

    const held = await run('postsuper', ['-c', path, '-h', id])
    assert.equal(held.err, `postsuper: ${id}: placed on hold\npostsuper: Placed on hold: 1 message\n`)
    assert.match((await run('postqueue', ['-c', path, '-j'])).out, /^\{"queue_name": "hold", "queue_id": "/)
    assert.match(
      (await run('postsuper', ['-c', path, '-H', 'ALL'])).err,
      /^postsuper: Released from hold: 1 message$/m,
    )
    const expired = await run('postsuper', ['-c', path, '-e', id])
    assert.equal(expired.err, `postsuper: ${id}: expired\npostsuper: Force-expired: 1 message\n`)
    assert.match(
      (await run('postsuper', ['-c', path, '-f', 'ALL'])).err,
      /^postsuper: Force-expired: 0 messages$/m,
    )
    assert.match((await run('postqueue', ['-c', path, '-p'])).out, new RegExp(`^${id}#`, 'm'))
    assert.match((await run('postqueue', ['-c', path, '-j'])).out, /"forced_expire": true/)
    assert.match(
      (await run('postsuper', ['-c', path, '-d', '-'], `${id}\nNOSUCH\n`)).err,
      /^postsuper: Deleted: 1 message$/m,
    )
    assert.equal((await run('postqueue', ['-c', path, '-p'])).out, 'Mail queue is empty\n')
    assert.equal((await run('postqueue', ['-c', path, '-f'])).code, 69)
  })

  it('sendmail ends with the codes of sysexits', async () => {
    const path = folder('myhostname = mail.example.org\nmessage_size_limit = 1000\n')
    const rows: readonly [readonly string[], string, number, RegExp][] = [
      [[], 'x\n', 64, /Recipient addresses must be specified/],
      [['-t'], 'Subject: x\n\n', 64, /No recipient addresses found in message header/],
      [['-bz'], '', 64, /unsupported mode: -bz/],
      [['-f', 'a b', 'x@y'], '', 65, /bad sender address/],
      [['a b@c d'], '', 65, /bad recipient address/],
      [['-N', 'sometimes', 'x@y'], '', 64, /bad -N option/],
      [['-XV', '-f', '<>', 'x@y.test'], 'x', 69, /XVERP requires non-null sender/],
      [['-XV**', 'x@y.test'], 'x', 64, /-V requires two characters from -=\+/],
      [['x@y.test'], 'x'.repeat(2000), 69, /message file too big/],
    ]
    for (const [args, input, code, err] of rows) {
      const result = await run('sendmail', ['-C', path, ...args], input)
      assert.equal(result.code, code, args.join(' '))
      assert.match(result.err, err)
    }
    const unreadable = await run('sendmail', ['-C', join(path, 'nosuch.cf'), 'x@y'], 'x')
    assert.equal(unreadable.code, 75)
  })

  it('tables are asked and checked', async () => {
    const path = folder()
    const access = join(path, 'access')
    writeFileSync(access, 'example.com REJECT\nuser@ OK\n')
    assert.deepEqual(await run('postmap', ['-q', 'example.com', `hash:${access}`]), {
      code: 0,
      out: 'REJECT\n',
      err: '',
    })
    assert.equal((await run('postmap', ['-q', 'nosuch', access])).code, 1)
    assert.equal(
      (await run('postmap', ['-q', '-', access], 'user@\nx\nexample.com\n')).out,
      'user@\tOK\nexample.com\tREJECT\n',
    )
    const checks = join(path, 'checks')
    writeFileSync(checks, '/^Subject:.*viagra/ REJECT no\n')
    assert.equal(
      (await run('postmap', ['-q', '-', `regexp:${checks}`], 'Subject: VIAGRA\n')).out,
      'Subject: VIAGRA\tREJECT no\n',
    )
    assert.equal((await run('postmap', ['-s', access])).out, 'example.com\tREJECT\nuser@\tOK\n')
    assert.match((await run('postmap', ['-s', `regexp:${checks}`])).err, /cannot be listed/)
    assert.equal((await run('postmap', ['-d', 'user@', access])).code, 0)
    assert.equal((await run('postmap', ['-d', 'user@', access])).code, 1)
    assert.equal((await run('postmap', ['-i', access], 'a b\nc d\n  e\n')).code, 0)
    assert.match((await run('postmap', ['-i', access], 'a x\n')).err, /duplicate entry: "a"/)
    assert.equal((await run('postmap', ['-ir', access], 'A y\n')).err, '')
    assert.equal((await run('postmap', ['-s', access])).out, 'example.com\tREJECT\nc\td  e\na\ty\n')
    assert.equal((await run('postmap', ['-d', '-', access], 'a\nc\n')).code, 0)
    assert.equal((await run('postmap', ['-s', access])).out, 'example.com\tREJECT\n')
    assert.match((await run('postmap', ['-i', `regexp:${access}`], 'a x\n')).err, /cannot be changed/)
    assert.equal((await run('postmap', ['/nosuch/file'])).code, 1)
    const aliases = join(path, 'aliases')
    writeFileSync(aliases, 'root: alice, bob\n')
    assert.equal((await run('postalias', ['-q', 'root', aliases])).out, 'alice, bob\n')
    assert.equal((await run('postalias', [aliases])).code, 0)
  })

  it('backup and restore, check and rebuild', async () => {
    const path = folder()
    await run('posthorn', ['-c', path, 'user', 'add', 'alice', '--password', 'x'])
    await run('sendmail', ['-C', path, 'alice'], 'Subject: x\n\nkept\n')
    const target = join(root, 'backup')
    assert.equal((await run('posthorn', ['-c', path, 'backup', target])).code, 0)
    assert.equal((await run('posthorn', ['-c', path, 'backup', target])).code, 1)
    assert.equal((await run('posthorn', ['-c', path, 'restore', target])).code, 1)
    const other = folder()
    assert.equal((await run('posthorn', ['-c', other, 'restore', target])).code, 0)
    assert.match(
      (await run('posthorn', ['-c', other, 'store', 'check'])).out,
      /^1 accounts, 6 mailboxes, 1 messages, .*: ok$/m,
    )
    assert.match(
      (await run('posthorn', ['-c', other, 'store', 'rebuild'])).out,
      /1 messages, 0 queued: nothing lost$/m,
    )
    assert.match(
      (await run('posthorn', ['-c', other, 'mailbox', 'list', 'alice'])).out,
      /^INBOX +1 messages/m,
    )
  })

  it('check, status and doctor', async () => {
    const path = folder()
    assert.deepEqual(await run('postfix', ['-c', path, 'check']), { code: 0, out: '', err: '' })
    assert.equal((await run('posthorn', ['-c', path, 'check'])).out, `${path}/main.cf: ok\n`)
    assert.deepEqual(await run('posthorn', ['-c', path, 'status']), {
      code: 3,
      out: 'the server is not running\n',
      err: '',
    })
    assert.equal((await run('postfix', ['-c', path, 'status'])).code, 1)
    for (const command of ['stop', 'reload'])
      assert.equal((await run('postfix', ['-c', path, command])).code, 1)
    chmodSync(path, 0o777)
    const unsafe = await run('postfix', ['-c', path, 'check'])
    assert.equal(unsafe.code, 1)
    assert.match(unsafe.err, /^postfix: fatal: .*: group or others may write it \(mode 777\): chmod go-w /m)
    const wrong = folder(
      'inet_interface = all\ntransport_maps = hash:/nosuch/transport\nsmtpd_sender_restrictions = permit_mynetwork\nssl_cert = /nosuch/cert\ngreylist_whitelist_clients = /nosuch/clients\n',
    )
    const { code, err } = await run('posthorn', ['-c', wrong, 'check'])
    assert.equal(code, 1)
    assert.match(
      err,
      /^error: main\.cf:1: unknown parameter "inet_interface"; did you mean "inet_interfaces"\?$/m,
    )
    assert.match(err, /^error: transport_maps: .*\/nosuch\/transport/m)
    assert.match(err, /^error: smtpd_sender_restrictions: .*permit_mynetwork/m)
    assert.match(err, /^error: cannot read \/nosuch\/cert/m)
    assert.match(err, /^error: \/nosuch\/clients: /m)
    assert.match(
      (await run('posthorn', ['-c', wrong, 'user', 'list'])).err,
      /^posthorn: main\.cf:1: unknown parameter/,
    )
  })

  it('doveconf shows the reading side', async () => {
    const path = folder('ssl = required\nimap_port = 143\nrelayhost = x\n')
    assert.equal(
      (await run('doveconf', ['-c', path, '-n'])).out,
      `# 0.1.0: ${path}/main.cf\nimap_port = 143\nssl = required\n`,
    )
    assert.equal((await run('doveconf', ['-c', path, 'ssl'])).out, 'ssl = required\n')
    assert.equal((await run('doveconf', ['-c', path, 'nosuch'])).code, 1)
  })

  it('wrong use is told and ends with 64 or as the original does', async () => {
    const rows: readonly [string, readonly string[], number][] = [
      ['posthorn', ['bogus'], 64],
      ['posthorn', ['user'], 64],
      ['posthorn', ['user', 'add'], 64],
      ['posthorn', ['--help'], 0],
      ['posthorn', ['--version'], 0],
      ['postqueue', [], 69],
      ['postqueue', ['-q'], 69],
      ['postsuper', [], 1],
      ['postcat', [], 1],
      ['postmap', [], 1],
      ['postfix', ['bogus'], 1],
      ['postfix', [], 1],
    ]
    for (const [name, args, code] of rows) {
      const result = await run(name, args)
      assert.equal(result.code, code, `${name} ${args.join(' ')}`)
      assert.notEqual(result.out + result.err, '')
    }
  })

  it('a command in a wrong folder makes no store there', async () => {
    const path = join(root, 'empty')
    mkdirSync(path)
    const shell = createShellFixture({ environment: { POSTHORN_DATA_DIRECTORY: path } })
    assert.equal(await runCli('posthorn', ['user', 'list'], shell, async () => 0), 78)
    assert.match(shell.errors(), /there is no mail system in .*\/empty yet/)
    assert.deepEqual(readdirSync(path), [])
    const adding = createShellFixture({ environment: { POSTHORN_DATA_DIRECTORY: path }, input: 'x\n' })
    assert.equal(await runCli('posthorn', ['user', 'add', 'a@b.test'], adding, async () => 0), 0)
  })

  it('start hands over to the server', async () => {
    assert.equal((await run('posthorn', ['start'])).code, 42)
  })
})

describe('launchers', () => {
  it('work by their names, by links from elsewhere, and as subcommands', () => {
    const path = folder()
    const elsewhere = join(root, 'postconf')
    symlinkSync(join(bin, 'postconf'), elsewhere)
    const expected = { code: 0, out: 'myorigin = example.org\n', err: '' }
    assert.deepEqual(launch(join(bin, 'postconf'), ['-c', path, 'myorigin']), expected)
    assert.deepEqual(launch(elsewhere, ['-c', path, 'myorigin']), expected)
    assert.deepEqual(launch(join(bin, 'posthorn'), ['postconf', '-c', path, 'myorigin']), expected)
  })

  it('end quietly when nobody reads on', () => {
    const { code, err } = launch('/bin/sh', ['-c', `${join(bin, 'postconf')} -c ${folder()} | head -1`])
    assert.deepEqual([code, err], [0, ''])
  })

  it('read standard input and give exit codes', () => {
    const path = folder()
    assert.equal(
      launch(join(bin, 'posthorn'), ['-c', path, 'user', 'add', 'alice'], 'secret\n').out,
      'alice@example.org: added\n',
    )
    assert.equal(launch(join(bin, 'sendmail'), ['-C', path, 'alice@example.org'], 'hi\n').code, 0)
    assert.equal(launch(join(bin, 'postqueue'), []).code, 69)
    assert.match(readFileSync(join(path, 'main.cf'), 'utf8'), /^myhostname/)
  })
})

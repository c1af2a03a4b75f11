import assert from 'node:assert/strict'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import {
  assertNothingRuns,
  command,
  createSite,
  eventually,
  imapClient,
  inFolder,
  sendMessage,
  startServer,
  stopServer,
} from './running-server.ts'

const nobody = 65_534

/** Real, effective, saved and file system uid: none may be root's. */
const uidsOf = (pid: number): readonly number[] =>
  /^Uid:\s+(.*)$/m
    .exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    ?.split(/\s+/)
    .map(Number) ?? []

function* filesBelow(path: string): Generator<string> {
  yield path
  if (statSync(path).isDirectory()) for (const name of readdirSync(path)) yield* filesBelow(join(path, name))
}

describe('mail_owner', { skip: process.getuid?.() !== 0 && 'not root' }, () => {
  test('started by root: workers and all files are the owner’s, and root’s commands keep it so', async () => {
    await inFolder(async (folder) => {
      chmodSync(folder, 0o755)
      const site = await createSite(folder, 'mail_owner = nobody\ndisable_plaintext_auth = no')
      const server = await startServer(site)
      assert.match(server.output(), /alice@example\.org +\S{19}/)
      assert.doesNotMatch(server.output(), /running as root/)
      const password = /alice@example\.org +(\S{19})/.exec(server.output())?.[1] ?? ''
      await sendMessage(site, 'one')
      const imap = await imapClient(site, `alice@example.org ${password}`)
      await imap.ask('b select inbox', /^\* 1 EXISTS/m)
      const { out } = await command(site, ['status', '--json'])
      const { processes } = JSON.parse(out) as { processes: readonly { pid: number }[] }
      assert.equal(processes.length, 1)
      for (const { pid } of processes) assert.deepEqual(uidsOf(pid), [nobody, nobody, nobody, nobody])
      assert.equal((await command(site, ['user', 'add', 'carol', '--password', 'secret'])).code, 0)
      for (const file of filesBelow(site.dataFolder)) assert.equal(statSync(file).uid, nobody, file)
      assert.equal((await command(site, ['reload'])).code, 0)
      assert.equal((await stopServer(server)).code, 0)
      await assertNothingRuns(site)
    })
  })

  test('L1, L4: a log in a folder of root’s is made for the owner, and made again; mail does not depend on it', async () => {
    await inFolder(async (folder) => {
      chmodSync(folder, 0o755)
      const log = join(folder, 'log', 'maillog')
      mkdirSync(join(folder, 'log'))
      const site = await createSite(
        folder,
        `mail_owner = nobody\nmaillog_file = ${log}\nsample_accounts = no`,
      )
      const server = await startServer(site)
      const says = async (wanted: RegExp) =>
        await eventually(() => assert.match(readFileSync(log, 'utf8'), wanted))
      await says(/daemon started/)
      assert.deepEqual([statSync(log).uid, statSync(log).mode & 0o777], [nobody, 0o640])
      const send = async (sender: string) =>
        assert.deepEqual(
          await command(site, ['sendmail', '-f', sender, 'alice@example.org'], { input: 'Subject: x\n\n' }),
          { code: 0, out: '', err: '' },
        )
      rmSync(log)
      await eventually(() => assert.ok(existsSync(log)))
      await eventually(async () => {
        await send('removed@b.test')
        assert.match(readFileSync(log, 'utf8'), /from=<removed@b\.test>/)
      })
      assert.equal((await command(site, ['postfix', 'logrotate'])).code, 0)
      await send('rotated@b.test')
      await says(/from=<rotated@b\.test>/)
      assert.equal((await stopServer(server)).code, 0)
      chownSync(log, 0, 0)
      const alone = await command(site, ['sendmail', 'alice@example.org'], { input: 'Subject: x\n\n' })
      assert.equal(alone.code, 0)
      assert.match(alone.err, /^sendmail: warning: .*cannot write to maillog_file = .*: EACCES$/m)
      assert.match(
        (await command(site, ['start'])).err,
        /maillog_file = .*: EACCES\n.*chown nobody \S+maillog\)/,
      )
    })
  })

  test('an account that root adds before the first start does not make the folder root’s', async () => {
    await inFolder(async (folder) => {
      chmodSync(folder, 0o755)
      const site = await createSite(folder, 'mail_owner = nobody\nsample_accounts = no')
      rmSync(site.dataFolder, { recursive: true, force: true })
      assert.equal((await command(site, ['user', 'add', 'carol', '--password', 'secret'])).code, 0)
      for (const file of filesBelow(site.dataFolder)) assert.equal(statSync(file).uid, nobody, file)
      const server = await startServer(site)
      assert.equal((await stopServer(server)).code, 0)
    })
  })

  test('L6, I21: root’s backup and restore; what the owner may not read is named by check, not at the start', async () => {
    await inFolder(async (folder) => {
      chmodSync(folder, 0o755)
      const secrets = join(folder, 'sasl_passwd')
      writeFileSync(secrets, '[relay.example] user:secret\n', { mode: 0o600 })
      const site = await createSite(
        folder,
        `mail_owner = nobody\nsample_accounts = no\nsmtp_sasl_auth_enable = yes\nsmtp_sasl_password_maps = hash:${secrets}`,
      )
      const refused = await command(site, ['postfix', 'check'])
      assert.match(
        refused.err,
        /smtp_sasl_password_maps: hash:\S+: cannot open: the server’s user may not read it \(chown/,
      )
      chownSync(secrets, nobody, nobody)
      assert.equal((await command(site, ['postfix', 'check'])).code, 0)
      const server = await startServer(site)
      assert.equal((await command(site, ['user', 'add', 'carol', '--password', 'secret'])).code, 0)
      const onlyRoots = join(folder, 'roots')
      mkdirSync(onlyRoots, { mode: 0o700 })
      const closed = await command(site, ['backup', onlyRoots])
      assert.deepEqual([closed.code, closed.out], [77, ''])
      assert.match(
        closed.err,
        /^posthorn: \S+: the owner of the mail \(uid 65534\) may not use it .*chown -R 65534 /,
      )
      const copy = join(folder, 'copy')
      chmodSync(site.mainCf, 0o600)
      const kept = await command(site, ['backup', copy])
      assert.deepEqual([kept.code, kept.err], [0, ''])
      assert.ok(existsSync(join(copy, 'tables', secrets)))
      assert.equal((await stopServer(server)).code, 0)
      rmSync(site.dataFolder, { recursive: true })
      rmSync(site.mainCf)
      const back = await command(site, ['restore', copy])
      assert.deepEqual([back.code, back.err], [0, ''])
      assert.deepEqual([statSync(site.mainCf).uid, statSync(site.mainCf).mode & 0o777], [0, 0o600])
      for (const file of filesBelow(site.dataFolder)) assert.equal(statSync(file).uid, nobody, file)
      assert.match((await command(site, ['user', 'list'])).out, /^carol@example\.org/)
      const again = await startServer(site)
      assert.equal((await stopServer(again)).code, 0)
    })
  })

  test('root’s export, import and receipt lie in folders of root’s', async () => {
    await inFolder(async (folder) => {
      chmodSync(folder, 0o755)
      const site = await createSite(folder, 'mail_owner = nobody\ndisable_plaintext_auth = no')
      const server = await startServer(site)
      const password = /alice@example\.org +(\S{19})/.exec(server.output())?.[1] ?? ''
      await sendMessage(site, 'one')
      const away = join(folder, 'away', 'alice')
      const out = await command(site, ['export', 'maildir', 'alice', away])
      assert.deepEqual([out.code, out.err], [0, 'INBOX: 1 to bring\n'])
      assert.equal(statSync(away).uid, nobody)
      const roots = join(folder, 'roots')
      mkdirSync(roots, { mode: 0o700 })
      const closed = await command(site, ['export', 'mbox', 'alice', roots])
      assert.equal(closed.code, 77)
      assert.match(
        closed.err,
        /^posthorn: \S+: the owner of the mail \(uid 65534\) may not use it .*chown -R 65534 /,
      )
      const [file, receipt] = [join(roots, 'alice.pw'), join(roots, 'receipt.json')]
      writeFileSync(file, `${password}\n`, { mode: 0o600 })
      writeFileSync(receipt, 'of an earlier pass, and longer\n'.repeat(200))
      const there = ['--port', String(site.ports.imap), '--user', 'alice@example.org', '--security', 'plain']
      const into = ['import', 'imap', 'bob', '127.0.0.1', ...there, '--password-file', file]
      const { code, err } = await command(site, [...into, '--receipt', receipt])
      assert.deepEqual([code, err], [0, 'INBOX: 1 to bring\n'])
      assert.equal(JSON.parse(readFileSync(receipt, 'utf8')).mailboxes[0].here.messages, 1)
      await stopServer(server)
    })
  })

  test('without it, as root: a warning', async () => {
    await inFolder(async (folder) => {
      chmodSync(folder, 0o755)
      const site = await createSite(folder, 'sample_accounts = no')
      const server = await startServer(site)
      await server.says(/warning: running as root: set mail_owner/)
      await stopServer(server)
    })
  })

  test('a folder that belongs to another user than the server’s is refused', async () => {
    await inFolder(async (folder) => {
      const site = await createSite(folder, 'sample_accounts = no')
      mkdirSync(site.dataFolder, { mode: 0o700 })
      chownSync(site.dataFolder, nobody, nobody)
      const asRoot = await command(site, ['start'])
      assert.match(asRoot.err, /data folder .* belongs to uid 65534, .* as root\n.*mail_owner/)
      assert.equal(asRoot.code, 1)
      chownSync(site.dataFolder, 0, 0)
      site.configure('mail_owner = nobody')
      const asOwner = await command(site, ['start'])
      assert.match(asOwner.err, /belongs to uid 0, .* as nobody\n.*chown -R nobody/)
      assert.equal(asOwner.code, 1)
      await assertNothingRuns(site)
    })
  })
})

test('not started by root: mail_owner is said to have no effect', {
  skip: process.getuid?.() === 0 && 'is root',
}, async () => {
  await inFolder(async (folder) => {
    const site = await createSite(folder, 'mail_owner = somebody-else\nsample_accounts = no')
    const server = await startServer(site)
    await server.says(/warning: mail_owner = somebody-else has no effect: not started as root/)
    await stopServer(server)
  })
})

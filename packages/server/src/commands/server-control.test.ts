import assert from 'node:assert/strict'
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { runCli } from '../cli.ts'
import { createShellFixture } from './shell-fixture.ts'

const root = mkdtempSync(join(tmpdir(), 'posthorn-run-'))
after(() => rmSync(root, { recursive: true, force: true }))

/** A server without a port: everything but listening. */
const mainCf = `myhostname = mail.example.org
myorigin = example.org
mydestination = $myorigin
default_transport = error: no way out
sample_accounts = no
alias_maps =
smtp_port = 0
submission_port = 0
submissions_port = 0
pop3_port = 0
pop3s_port = 0
imap_port = 0
imaps_port = 0
`

async function run(name: string, args: readonly string[], input = '', more: Record<string, string> = {}) {
  const shell = createShellFixture({ input, environment: { PATH: process.env['PATH'] ?? '', ...more } })
  const code = await runCli(name, args, shell, async () => 0)
  return { code, out: shell.output(), err: shell.errors() }
}

it('a server is started, asked, told and stopped', { timeout: 60_000 }, async () => {
  const path = join(root, 'site')
  mkdirSync(path, { mode: 0o700 })
  writeFileSync(join(path, 'main.cf'), mainCf)
  const posthorn = (...args: string[]) => run('posthorn', ['-c', path, ...args])
  const postfix = (command: string) => run('postfix', ['-c', path, command])
  await posthorn('user', 'add', 'alice', '--password', 'x')
  /** sendmail leaves mail in the maildrop; the server takes it from there a moment later. */
  const arrived = async (count: number): Promise<void> => {
    for (;;) {
      const { out } = await posthorn('mailbox', 'list', 'alice')
      if (new RegExp(`^INBOX +${count} messages`, 'm').test(out)) return
      await delay(20)
    }
  }

  let folder = ''
  const started = await postfix('start')
  try {
    assert.match(started.err, /^postfix\/postfix-script: starting the Postfix mail system: PID: \d+$/m)
    assert.equal(started.code, 0)
    assert.equal((await postfix('start')).code, 1)
    assert.match((await postfix('status')).err, /is running: PID: \d+$/m)
    const status = await posthorn('status', '--json')
    folder = JSON.parse(status.out).dataFolder
    assert.equal(status.code, 0)
    assert.equal(typeof JSON.parse(status.out).pid, 'number')
    assert.match((await posthorn('status')).out, /^pid +\d+$/m)

    assert.deepEqual(await run('mailq', ['-C', path]), { code: 0, out: 'Mail queue is empty\n', err: '' })
    assert.match((await run('qshape', ['-c', path, 'deferred'])).out, / TOTAL {2}0 {2}0 {2}0[ 0]+\n$/)
    assert.equal((await run('qshape', ['-c', path, 'nowhere'])).code, 1)
    assert.equal((await run('postqueue', ['-c', path, '-f'])).code, 0)
    assert.equal((await run('sendmail', ['-C', path, 'alice'], 'Subject: x\n\nhi\n')).code, 0)
    await arrived(1)

    assert.deepEqual(await run('sendmail', ['-C', path, '-bv', '-f', 'alice', 'alice', 'nobody']), {
      code: 0,
      out: 'Mail Delivery Status Report will be mailed to <alice>.\n',
      err: '',
    })
    await arrived(2)
    // Without maillog_file a server in the background writes into its data folder.
    assert.match((await run('mailstats', ['-c', path])).out, /^Statistics from [^e]/)
    assert.match((await posthorn('log')).out, /posthorn\/master\S* daemon started/)
    const dialogue = await run('sendmail', ['-C', path, '-bs'], 'EHLO me\r\nQUIT\r\n')
    assert.equal(dialogue.err, '')
    assert.match(dialogue.out, /^220 .*\r\n(?:250.*\r\n)+221 2\.0\.0 Bye\r\n$/)

    appendFileSync(join(path, 'main.cf'), 'relayhost = [127.0.0.1]\nworkers = 2\n')
    const reloaded = await posthorn('reload')
    assert.equal(
      reloaded.out,
      'reloaded, changed: workers, address_verify_relayhost, relayhost\na restart is needed for: workers\n',
    )
    appendFileSync(join(path, 'main.cf'), 'relay_host = x\n')
    const refused = await posthorn('reload')
    assert.deepEqual([refused.code, refused.out], [1, ''])
    assert.match(refused.err, /main\.cf:16: unknown parameter "relay_host"; did you mean "relayhost"\?/)
    assert.equal((await postfix('reload')).code, 1)

    writeFileSync(join(path, 'main.cf'), `${mainCf}data_directory = ${path}/moved\n`)
    const moved = await posthorn('reload')
    assert.equal(moved.code, 1)
    assert.match(moved.err, /none answers in data_directory = \S+\/moved \(.*POSTHORN_DATA_DIRECTORY=FOLDER/)
    assert.match((await postfix('reload')).err, /POSTHORN_DATA_DIRECTORY[\s\S]*fatal: .* is not running\n$/)
    const known = { POSTHORN_DATA_DIRECTORY: folder }
    const found = await run('posthorn', ['-c', path, 'reload'], '', known)
    assert.match(found.out, /^reloaded, changed: /)
  } finally {
    writeFileSync(join(path, 'main.cf'), mainCf)
    assert.match((await posthorn('stop')).out, /^stopped\n$/)
  }
  assert.equal((await posthorn('stop')).code, 1)
  assert.equal((await posthorn('status')).code, 3)
})

it('a server that cannot start says why', { timeout: 60_000 }, async () => {
  const path = join(root, 'wrong')
  mkdirSync(path, { mode: 0o700 })
  writeFileSync(join(path, 'main.cf'), `${mainCf}smtpd_tls_cert_file = /nosuch/cert.pem\n`)
  const { code, err } = await run('posthorn', ['-c', path, 'start', '--background'])
  assert.equal(code, 1)
  assert.match(err, /\/nosuch\/cert\.pem/)
})

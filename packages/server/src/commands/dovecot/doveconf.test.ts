import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, it } from 'node:test'
import { createCliFixture, runCommand } from '../../cli-fixture.ts'

const cli = createCliFixture()
after(() => cli.remove())
const { folder } = cli

it('doveconf shows the reading side', async () => {
  const path = folder('ssl = required\nimap_port = 143\nrelayhost = x\nsmtp_port = 0\n')
  assert.equal(
    (await runCommand('doveconf', ['-c', path, '-n'])).out,
    `# 0.1.0: ${path}/main.cf\nimap_port = 143\nssl = required\n`,
  )
  assert.equal((await runCommand('doveconf', ['-c', path, 'ssl'])).out, 'ssl = required\n')
  const all = (await runCommand('doveconf', ['-c', path, '-a'])).out
  assert.match(all, /^mail_max_userip_connections = 10$/m)
  assert.doesNotMatch(all, /^(?:relayhost|smtp_port|greylist)/m)
})

const isHere = existsSync('/usr/bin/doveconf')

it('Dovecot: doveconf(1), beside the real one', { skip: !isHere }, async () => {
  const settings = 'protocols = imap pop3\nssl = no\nmail_max_userip_connections = 5\n'
  const path = folder(`${settings}imap_port = 1143\n`)
  const conf = join(path, 'dovecot.conf')
  writeFileSync(conf, `${settings}service imap-login {\n  inet_listener imap {\n    port = 1143\n  }\n}\n`)
  const theirs = (args: readonly string[]) => {
    const { status, stdout, stderr } = spawnSync('doveconf', args, { encoding: 'utf8' })
    return { code: status, out: stdout, err: stderr }
  }
  for (const args of [
    ['ssl'],
    ['-h', 'ssl'],
    ['protocols', 'ssl'],
    ['-d', 'ssl'],
    ['-a', 'ssl'],
    ['-n', 'ssl'],
    ['-x', 'ssl'],
    ['-S', 'ssl', 'protocols'],
    ['-P', 'ssl'],
    ['-h', 'service/imap-login/inet_listener/imap/port'],
    ['service/imap-login/inet_listener/imap/port'],
    ['mail_max_userip_connections'],
    ['-d', 'mail_max_userip_connections'],
    ['-z'],
  ])
    assert.deepEqual(
      await runCommand('doveconf', ['-c', path, ...args]),
      theirs(['-c', conf, ...args]),
      args.join(' '),
    )
  assert.deepEqual(await runCommand('doveconf', ['-c', '/nosuch', 'ssl']), theirs(['-c', '/nosuch', 'ssl']))
  const lines = (text: string) => text.split('\n').filter((line) => /^[a-z_]+ = /.test(line))
  assert.deepEqual(
    lines((await runCommand('doveconf', ['-c', path, '-n'])).out).filter((line) => !/^imap_port/.test(line)),
    lines(theirs(['-c', conf, '-n']).out),
  )
  // The real one says nothing at all of what it does not know.
  const unknown = await runCommand('doveconf', ['-c', path, 'nosuch'])
  assert.deepEqual(unknown, { code: 89, out: '', err: 'doveconf: Fatal: Unknown setting: nosuch\n' })
})

import assert from 'node:assert/strict'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { runCli } from '../../cli.ts'
import { createShellFixture } from '../shell-fixture.ts'

test('L6: users beside the store, sendmail’s access file and secrets are in the backup, and come back', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'posthorn-backup-'))
  t.after(() => rmSync(root, { recursive: true }))
  const posthorn = async (path: string, ...args: string[]) => {
    const shell = createShellFixture()
    const code = await runCli('posthorn', ['-c', path, ...args], shell, async () => 42)
    assert.equal(code, 0, shell.errors())
    return shell.output()
  }
  const [path, fresh, copy] = [join(root, 'site'), join(root, 'fresh'), join(root, 'copy')]
  mkdirSync(path, { mode: 0o700 })
  mkdirSync(fresh, { mode: 0o700 })
  writeFileSync(join(fresh, 'main.cf'), 'myhostname = mail.example.org\nalias_maps =\n')
  const [users, access] = [join(path, 'users'), join(path, 'access')]
  writeFileSync(users, 'carol:{PLAIN}secret\n', { mode: 0o600 })
  writeFileSync(access, 'From:spam.example REJECT\n', { mode: 0o644 })
  writeFileSync(
    join(path, 'main.cf'),
    `myhostname = mail.example.org\nmyorigin = example.org\nalias_maps =\nauth_mechanisms = plain scram-sha-256\n` +
      `passdb = passwd-file:${users}\nsmtpd_sender_restrictions = check_sender_access sendmail:from:${access}\n`,
  )
  const logs = ['maillog', 'log.json'].map((name) => join(path, name))
  for (const log of logs) writeFileSync(log, 'a line\n')
  appendFileSync(
    join(path, 'main.cf'),
    `maillog_file = ${logs[0]}\nmaillog_file_prefixes = /var, ${logs[0]}\nlog_json_file = ${logs[1]}\n`,
  )
  await posthorn(path, 'user', 'add', 'alice', '--password', 'x')
  const secret = readFileSync(join(path, 'scram.secret'), 'utf8')
  await posthorn(path, 'backup', copy)
  for (const file of [users, access]) assert.ok(existsSync(join(copy, 'tables', file)), file)
  for (const log of logs) assert.ok(!existsSync(join(copy, 'tables', log)), log)
  await posthorn(fresh, 'restore', copy)
  assert.equal(readFileSync(join(fresh, 'scram.secret'), 'utf8'), secret)
  assert.equal(statSync(join(fresh, 'scram.secret')).mode & 0o077, 0)
  assert.match(await posthorn(fresh, 'user', 'list'), /^alice@example\.org/)
})

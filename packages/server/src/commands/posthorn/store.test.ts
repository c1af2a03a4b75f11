import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, it } from 'node:test'
import { createCliFixture, runCommand } from '../../cli-fixture.ts'

const cli = createCliFixture()
after(() => cli.remove())
const { folder, root } = cli

it('backup and restore, check and rebuild', async () => {
  const path = folder()
  await runCommand('posthorn', ['-c', path, 'user', 'add', 'alice', '--password', 'x'])
  await runCommand('sendmail', ['-C', path, 'alice'], 'Subject: x\n\nkept\n')
  const target = join(root, 'backup')
  assert.equal((await runCommand('posthorn', ['-c', path, 'backup', target])).code, 0)
  assert.equal((await runCommand('posthorn', ['-c', path, 'backup', target])).code, 1)
  assert.equal((await runCommand('posthorn', ['-c', path, 'restore', target])).code, 1)
  const other = folder()
  assert.equal((await runCommand('posthorn', ['-c', other, 'restore', target])).code, 0)
  assert.match(
    (await runCommand('posthorn', ['-c', other, 'store', 'check'])).out,
    /^1 accounts, 6 mailboxes, 1 messages, .*: ok$/m,
  )
  assert.match(
    (await runCommand('posthorn', ['-c', other, 'store', 'rebuild'])).out,
    /1 messages, 0 queued: nothing lost$/m,
  )
  assert.match(
    (await runCommand('posthorn', ['-c', other, 'mailbox', 'list', 'alice'])).out,
    /^INBOX +1 messages/m,
  )
})

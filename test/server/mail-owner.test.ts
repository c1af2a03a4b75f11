import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { SmtpTalk } from '../clients/dialogue.ts'
import { spawnServer } from '../crash/spawned-server.ts'

const skip = process.platform !== 'linux' || process.getuid?.() !== 0 ? 'only root can become another' : false

test('mail_owner: started as root, the server becomes its owner, and so do its files', { skip }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-owner-'))
  const server = await spawnServer(folder, 'mail_owner = nobody\n')
  try {
    const status = readFileSync(`/proc/${server.child.pid}/status`, 'utf8')
    const ids = (name: string): string[] =>
      (new RegExp(`^${name}:\\s+(.*)$`, 'm').exec(status)?.[1] ?? '').split(/\s+/)
    const [real] = ids('Uid')
    assert.notEqual(real, '0')
    assert.deepEqual(ids('Uid'), [real, real, real, real])
    assert.ok(!ids('Gid').includes('0'))
    assert.ok(!ids('Groups').includes('0'), 'a group of root is left')
    assert.match(status, /^CapEff:\s+0+$/m)
    assert.equal(String(statSync(join(folder, 'store')).uid), real)
    const talk = await SmtpTalk.open(server.smtpPort)
    assert.match(await talk.say('MAIL FROM:<a@b.example>'), /^250 /)
    talk.wire.close()
  } finally {
    await server.kill()
    rmSync(folder, { recursive: true, force: true })
  }
})

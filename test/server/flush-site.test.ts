/** `postqueue -s` of the server's own user. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { command, createSite, eventually, inFolder, startServer, stopServer } from './running-server.ts'

test('S6: postqueue -s tries mail for one domain wherever it waits, and what else waits there waits on', async () => {
  await inFolder(async (folder) => {
    const log = join(folder, 'mail.log')
    const site = await createSite(
      folder,
      `sample_accounts = no\nmaillog_file = ${log}\nrelay_domains = branch.test\nrelayhost = [127.0.0.1]:1\nminimal_backoff_time = 1h\nmaximal_backoff_time = 2h`,
    )
    const server = await startServer(site)
    const tries = (address: string): number => readFileSync(log, 'utf8').split(`to=<${address}>`).length - 1
    for (const to of ['x@branch.test', 'y@other.test']) {
      await command(site, ['sendmail', to], { input: 'Subject: s\n\n' })
      await eventually(async () => assert.equal(tries(to), 1))
    }
    const flushed = await command(site, ['postqueue', '-s', 'Branch.test'])
    assert.deepEqual(flushed, { code: 0, out: '', err: '' })
    await eventually(async () => assert.equal(tries('x@branch.test'), 2))
    assert.equal(tries('y@other.test'), 1)
    assert.equal((await command(site, ['postqueue', '-s', 'other.test'])).code, 69)
    await stopServer(server)
    const down = await command(site, ['postqueue', '-s', 'branch.test'])
    assert.deepEqual(
      [down.code, down.err],
      [69, 'postqueue: fatal: Cannot flush mail queue - mail system is down\n'],
    )
  })
})

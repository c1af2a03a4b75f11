import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  assertNothingRuns,
  createSite,
  eventually,
  inFolder,
  startServer,
  stopServer,
} from './running-server.ts'

for (const workers of [1, 2])
  test(`SIGTERM while the server warms up: it ends at once, and nothing is left (${workers} workers)`, async () => {
    await inFolder(async (folder) => {
      const site = await createSite(folder, `sample_accounts = no\nworkers = ${workers}`)
      const server = await startServer(site, { POSTHORN_WARM_UP: 'yes' })
      const scratch = join(site.dataFolder, 'warm-up')
      await eventually(() => assert.ok(existsSync(scratch)))
      const { code, out, err } = await stopServer(server)
      assert.equal(code, 0, out + err)
      assert.ok(!/smtpd|imap|pop3-login|error|fatal/.test(out.replace(/is ready: .*/, '')), out)
      assert.ok(!existsSync(scratch))
      await assertNothingRuns(site)
    })
  })

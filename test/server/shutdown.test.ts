import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import {
  assertNothingRuns,
  command,
  createSite,
  eventually,
  imapClient,
  inFolder,
  LineClient,
  type RunningServer,
  type Site,
  sendMessage,
  startServer,
} from './running-server.ts'

const settings = 'sample_accounts = no\ndisable_plaintext_auth = no\nshutdown_grace = 120s'

async function withServer(
  lines: string,
  run: (server: RunningServer, site: Site) => Promise<void>,
): Promise<void> {
  await inFolder(async (folder) => {
    const site = await createSite(folder, lines)
    const server = await startServer(site)
    const added = await command(site, ['user', 'add', 'alice@example.org', '--password', 'secret'])
    assert.equal(added.code, 0, added.err)
    await run(server, site)
  })
}

for (const workers of [1, 2])
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    test(`${signal}: idle sessions hear goodbye, exit code 0 (${workers} workers)`, async () => {
      await withServer(`${settings}\nworkers = ${workers}`, async (server, site) => {
        await sendMessage(site, 'kept')
        const imap = await imapClient(site)
        await imap.ask('b select inbox', /^b OK/m)
        const idling = await imapClient(site)
        await idling.ask('b select inbox', /^b OK/m)
        await idling.ask('c idle', /^\+ /m)
        const pop3 = await LineClient.connect(site.ports.pop3, /^\+OK/)
        await pop3.ask('user alice@example.org\r\npass secret', /^\+OK.*\r\n\+OK .*\r\n$/)
        const smtp = await LineClient.connect(site.ports.smtp, /^220 /)
        await smtp.ask('ehlo client.test', /^250 /m)

        const started = performance.now()
        server.signal(signal)
        assert.match(await imap.closed(), /^\* BYE .*\r\n$/m)
        assert.match(await idling.closed(), /^\* BYE .*\r\n$/m)
        assert.match(await pop3.closed(), /^-ERR .*\r\n$/m)
        assert.match(await smtp.closed(), /^421 4\.\d\.\d .*\r\n$/m)
        const { code, out, err } = await server.ended
        assert.equal(code, 0, err)
        assert.ok(performance.now() - started < 90_000)
        assert.match(out + err, new RegExp(`terminating on ${signal}`))
        assert.doesNotMatch(out + err, /session fault|uncaught|error: /)
        await assertNothingRuns(site)
      })
    })

test('SIGTERM: a transaction in the middle of its DATA is ended in the grace; what was answered 250 is there', async () => {
  await withServer(settings, async (server, site) => {
    const smtp = await LineClient.connect(site.ports.smtp, /^220 /)
    await smtp.ask('ehlo client.test', /^250 /m)
    await smtp.ask('mail from:<s@example.net>\r\nrcpt to:<alice@example.org>\r\ndata', /^354 /m)
    smtp.send('Subject: half\r\n\r\nfirst half\r\n')
    server.signal('SIGTERM')
    await server.says(/terminating/)
    const refused = await LineClient.connect(site.ports.smtp, /^220 /).catch(() => undefined)
    assert.ok(refused === undefined || !refused.isOpen)
    const ended = performance.now()
    smtp.send('second half\r\n.\r\n')
    const last = await smtp.closed()
    assert.ok(performance.now() - ended < 90_000, 'told goodbye when the transaction was over')
    assert.match(last, /^250 2\.0\.0 Ok: queued as /m)
    assert.equal((await server.ended).code, 0)
    const again = await startServer(site)
    const imap = await imapClient(site)
    const found = await imap.ask('b select inbox\r\nc fetch 1:* body.peek[text]', /^c (OK|BAD|NO)/m)
    assert.ok(found.includes('second half'), found)
    assert.match(last, /^421 /m)
    again.signal('SIGTERM')
    assert.equal((await again.ended).code, 0)
  })
})

test('a client that reads nothing does not keep the server beyond shutdown_grace', async () => {
  await withServer(
    'sample_accounts = no\ndisable_plaintext_auth = no\nshutdown_grace = 1s',
    async (server, site) => {
      const smtp = await LineClient.connect(site.ports.smtp, /^220 /)
      await smtp.ask('ehlo client.test', /^250 /m)
      await smtp.ask('mail from:<s@example.net>\r\nrcpt to:<alice@example.org>\r\ndata', /^354 /m)
      const started = performance.now()
      server.signal('SIGTERM')
      const { code } = await server.ended
      assert.equal(code, 0)
      const tookMs = performance.now() - started
      assert.ok(tookMs < 20_000, `${Math.round(tookMs)} ms`)
    },
  )
})

test('SIGTERM to `npm start` ends the server, and npm with its exit code', async (t) => {
  await inFolder(async (folder) => {
    const site = await createSite(folder)
    const npm = spawn('npm', ['start'], {
      cwd: fileURLToPath(new URL('../..', import.meta.url)),
      env: { PATH: process.env['PATH'] ?? '', HOME: folder, POSTHORN_CONFIG: site.mainCf },
      stdio: ['ignore', 'pipe', 'inherit'],
      // A group of its own, of which nothing is left whatever happens.
      detached: true,
    })
    t.after(() => {
      try {
        process.kill(-(npm.pid ?? 0), 'SIGKILL')
      } catch {
        // All of it has ended.
      }
    })
    const ended = once(npm, 'close')
    let said = ''
    npm.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString()
    })
    await eventually(() => assert.match(said, /Posthorn is ready/))
    npm.kill('SIGTERM')
    assert.deepEqual(await ended, [0, null])
    await assertNothingRuns(site)
  })
})

import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  assertNothingRuns,
  command,
  createSite,
  inFolder,
  LineClient,
  type Site,
  startServer,
  stopServer,
} from './running-server.ts'

/** Types the lines that stand under each `telnet localhost PORT`, as a newcomer would. */
async function typeWhatIsPrinted(welcome: string, site: Site): Promise<Map<number, string>> {
  const heard = new Map<number, string>()
  const blocks = [...welcome.matchAll(/^ {7}telnet localhost (\d+)\n((?: {9}.*\n)+)/gm)]
  for (const [, port, lines] of blocks) {
    const client = await LineClient.connect(Number(port), /\n/)
    for (const line of (lines ?? '').split('\n').slice(0, -1)) client.send(`${line.slice(9)}\r\n`)
    heard.set(Number(port), await client.closed())
  }
  assert.deepEqual([...heard.keys()], [site.ports.smtp, site.ports.pop3, site.ports.imap])
  return heard
}

test('the first start makes folder, certificate and sample accounts; what it prints works when typed; the second start is silent about them', async () => {
  await inFolder(async (folder) => {
    const site = await createSite(folder)
    const first = await startServer(site)
    const welcome = first.output()
    assert.equal(statSync(site.dataFolder).mode & 0o777, 0o711)
    assert.equal(statSync(join(site.dataFolder, 'tls', 'key.pem')).mode & 0o777, 0o600)
    const certificate = new X509Certificate(readFileSync(join(site.dataFolder, 'tls', 'cert.pem')))
    for (const name of ['mail.example.org', 'localhost']) assert.equal(certificate.checkHost(name), name)
    assert.equal(certificate.checkIP('127.0.0.1'), '127.0.0.1')
    assert.equal(welcome.match(/^ {4}(alice|bob)@example\.org {2,}\S{19}$/gm)?.length, 2)

    const heard = await typeWhatIsPrinted(welcome, site)
    assert.match(heard.get(site.ports.smtp) ?? '', /^250 2\.0\.0 Ok: queued as \w+\r\n221 /m)
    assert.match(heard.get(site.ports.pop3) ?? '', /My first message\.\r\n\.\r\n\+OK/)
    assert.match(heard.get(site.ports.imap) ?? '', /My first message\.\r\n\)\r\nc OK/)
    const addYourself = /^ {7}posthorn (--config \S+ user add you@example\.org)$/m.exec(welcome)?.[1] ?? ''
    const added = await command(site, addYourself.split(' '), { input: 'a password\n' })
    assert.deepEqual([added.code, added.out], [0, 'you@example.org: added\n'])
    assert.match((await command(site, ['user', 'list'])).out, /alice.*\nbob.*\nyou/)
    assert.equal((await stopServer(first)).code, 0)
    await assertNothingRuns(site)

    const second = await startServer(site)
    assert.doesNotMatch(second.output(), /password|sample/i)
    assert.equal((await stopServer(second)).code, 0)
  })
})

test('a first start that fails does not cost the welcome', async () => {
  await inFolder(async (folder) => {
    const site = await createSite(folder, 'smtpd_recipient_restrictions = permit_mynetworks, rejct')
    assert.equal((await command(site, ['start'])).code, 1)
    site.configure()
    const server = await startServer(site)
    assert.match(server.output(), /alice@example\.org +\S{19}\n/)
    await stopServer(server)
  })
})

test('I19: a null client as the guides have it gets no sample accounts: their domain would be kept here', async () => {
  await inFolder(async (folder) => {
    const site = await createSite(
      folder,
      'mydestination =\nrelayhost = [127.0.0.1]:1\nlocal_transport = error:local delivery is disabled',
    )
    const server = await startServer(site)
    assert.doesNotMatch(server.output(), /alice/)
    assert.equal((await command(site, ['user', 'list'])).out, '')
    assert.equal((await command(site, ['domain', 'list'])).out, '')
    await stopServer(server)
  })
})

test('sample_accounts = no: no account, no password', async () => {
  await inFolder(async (folder) => {
    const site = await createSite(folder, 'sample_accounts = no')
    const server = await startServer(site)
    assert.doesNotMatch(server.output(), /alice/)
    assert.equal((await command(site, ['user', 'list'])).out, '')
    await stopServer(server)
  })
})

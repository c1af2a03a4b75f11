/** Clients of several workers at one mailbox: each believes what it is told, and that has to be so. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RawClient } from '../../packages/imap/src/testkit/imap-fixture.ts'
import { gather, liveTogether } from '../../packages/imap/src/testkit/live-together.ts'
import { randomFrom } from '../../packages/imap/src/testkit/random.ts'
import { command, createSite, inFolder, startServer, stopServer } from './running-server.ts'

const rounds = 3
const deeds = 20

test('RFC 9051 §7: clients of seven kinds on two workers, each believing what it is told', async () => {
  await inFolder(async (folder) => {
    const site = await createSite(
      folder,
      'workers = 2\nsample_accounts = no\ndisable_plaintext_auth = no\nmail_max_userip_connections = 0\n',
    )
    const server = await startServer(site)
    const added = await command(site, ['user', 'add', 'alice@example.org', '--password', 'secret'])
    assert.equal(added.code, 0, added.err)
    const login = async (): Promise<RawClient> => {
      const client = await RawClient.connect(site.ports.imap)
      await client.line()
      await client.ok('LOGIN alice@example.org secret')
      return client
    }
    const clients = await gather(login)
    for (let round = 0; round < rounds; round++)
      await liveTogether(clients, randomFrom(71 + round), { deeds, login })
    for (const { raw } of clients) raw.destroy()
    const { code, out, err } = await stopServer(server)
    assert.equal(code, 0, out + err)
    assert.doesNotMatch(out + err, /SERVERBUG|failed:/)
    const checked = await command(site, ['store', 'check'])
    assert.equal(checked.code, 0, checked.out + checked.err)
  })
})

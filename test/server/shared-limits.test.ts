import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  command,
  createSite,
  eventually,
  inFolder,
  LineClient,
  startServer,
  stopServer,
} from './running-server.ts'

test('mail_max_userip_connections counts in all workers together, and gives seats back', async () => {
  await inFolder(async (folder) => {
    const lines = 'sample_accounts = no\ndisable_plaintext_auth = no\nworkers = 2'
    const site = await createSite(folder, `${lines}\nmail_max_userip_connections = 2`)
    const server = await startServer(site)
    const added = await command(site, ['user', 'add', 'alice@example.org', '--password', 'secret'])
    assert.equal(added.code, 0, added.err)
    const login = async (): Promise<{ client: LineClient; said: string }> => {
      const client = await LineClient.connect(site.ports.imap, /^\* OK/)
      const said = await client.ask('a login alice@example.org secret', /^a (OK|NO) .*\r\n/m)
      return { client, said }
    }
    const tried: Awaited<ReturnType<typeof login>>[] = []
    for (let n = 0; n < 6; n++) tried.push(await login())
    const inside = tried.filter(({ said }) => /^a OK/m.test(said))
    assert.equal(inside.length, 2, tried.map(({ said }) => said).join(''))
    inside[0]?.client.close()
    await eventually(async () => {
      const { client, said } = await login()
      if (!/^a OK/m.test(said)) client.close()
      assert.match(said, /^a OK/m)
    })
    assert.equal((await stopServer(server)).code, 0)
  })
})

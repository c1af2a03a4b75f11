import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { startOtherServer } from '../other-server.ts'
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

/** Opens `count` connections one after the other, which go to the workers in turn; how each was greeted. */
async function greetings(port: number, count: number): Promise<{ client: LineClient; said: string }[]> {
  const opened: { client: LineClient; said: string }[] = []
  for (let n = 0; n < count; n++) {
    const client = await LineClient.connect(port, /^.*\r\n/)
    opened.push({ client, said: client.text })
  }
  return opened
}

test('connections of one address count in all workers together: SMTP, IMAP and POP3', async () => {
  await inFolder(async (folder) => {
    const site = await createSite(
      folder,
      [
        'sample_accounts = no',
        'workers = 2',
        'mynetworks = 192.0.2.0/24',
        'smtpd_greet_wait = 0',
        'smtpd_client_connection_count_limit = 3',
        'reading_client_connection_limit = 3',
      ].join('\n'),
    )
    const server = await startServer(site)
    const services = [
      {
        port: site.ports.smtp,
        welcome: /^220 /,
        refusal: /^421 4\.7\.0 \S+ Error: too many connections from /,
      },
      { port: site.ports.imap, welcome: /^\* OK/, refusal: /^\* BYE \[UNAVAILABLE\] Too many connections/ },
      { port: site.ports.pop3, welcome: /^\+OK/, refusal: /^-ERR \[SYS\/TEMP\] Too many connections/ },
    ]
    for (const { port, welcome, refusal } of services) {
      const all = await greetings(port, 7)
      const inside = all.filter(({ said }) => welcome.test(said))
      assert.equal(inside.length, 3, all.map(({ said }) => said).join(''))
      for (const { said } of all.slice(3)) assert.match(said, refusal)
      inside[0]?.client.close()
      // Whoever leaves makes room, whichever worker the next one is given to.
      await eventually(async () => {
        const [next] = await greetings(port, 1)
        if (next !== undefined && !welcome.test(next.said)) next.client.close()
        assert.match(next?.said ?? '', welcome)
      })
      for (const { client } of all) client.close()
    }
    assert.equal((await stopServer(server)).code, 0)
  })
})

test('anvil(8): several workers write one statistic, when the server ends at the latest', async () => {
  await inFolder(async (folder) => {
    const site = await createSite(folder, 'sample_accounts = no\nworkers = 2\nsmtpd_greet_wait = 0')
    const server = await startServer(site)
    const all = await greetings(site.ports.smtp, 4)
    for (const { client } of all) await client.ask('quit', /^221 /m)
    const { code, out, err } = await stopServer(server)
    assert.equal(code, 0)
    assert.match(out + err, /anvil\[\d+\]: statistics: max connection rate 4\/60s for \(smtp:127\.0\.0\.1\)/)
  })
})

test('default_process_limit is for all workers together, and so is stress', async () => {
  await inFolder(async (folder) => {
    const lines = 'sample_accounts = no\nworkers = 2\nsmtpd_greet_wait = 0\ndefault_process_limit = 4'
    const server = await startServer(await createSite(folder, lines))
    const all = await greetings(server.site.ports.smtp, 7)
    const welcome = all.filter(({ said }) => /^220 /.test(said))
    assert.equal(welcome.length, 4, all.map(({ said }) => said).join(''))
    for (const { said } of all.slice(4))
      assert.match(said, /^421 4\.3\.2 \S+ Error: all server ports are busy/)
    await server.says(/stress=yes: 2 of 2 connections are taken/)
    for (const { client } of all) client.close()
    assert.equal((await stopServer(server)).code, 0)
  })
})

test('default_client_limit is for all workers together: IMAP and POP3', async () => {
  await inFolder(async (folder) => {
    const lines = 'sample_accounts = no\nworkers = 2\ndisable_plaintext_auth = no\ndefault_client_limit = 4'
    const site = await createSite(folder, lines)
    const server = await startServer(site)
    for (let n = 0; n < 7; n++) {
      const added = await command(site, ['user', 'add', `u${n}@example.org`, '--password', 'secret'])
      assert.equal(added.code, 0, added.err)
    }
    const imap = async (n: number) => {
      const client = await LineClient.connect(site.ports.imap, /^\* .*\r\n/)
      if (!client.text.startsWith('* OK')) return client
      await client.ask(`a login u${n}@example.org secret`, /^a OK/m)
      return client
    }
    const pop3 = async (n: number) => {
      const client = await LineClient.connect(site.ports.pop3, /^.*\r\n/)
      if (!client.text.startsWith('+OK')) return client
      await client.ask(`USER u${n}@example.org`, /\+OK[^\r]*\r\n$/)
      await client.ask('PASS secret', /\+OK Logged in|\+OK [^\r]*messages?/)
      return client
    }
    for (const [connect, refusal] of [
      [imap, /^\* BYE \[UNAVAILABLE\] Too many connections/],
      [pop3, /^-ERR \[SYS\/TEMP\] Too many connections/],
    ] as const) {
      const all: LineClient[] = []
      for (let n = 0; n < 7; n++) all.push(await connect(n))
      assert.equal(
        all.filter(({ text }) => refusal.test(text)).length,
        3,
        all.map(({ text }) => text.slice(0, 60)).join('\n'),
      )
      for (const client of all) client.close()
    }
    assert.equal((await stopServer(server)).code, 0)
  })
})

test('rates of one client count in all workers together', async () => {
  await inFolder(async (folder) => {
    const site = await createSite(
      folder,
      [
        'sample_accounts = no',
        'workers = 2',
        'mynetworks = 192.0.2.0/24',
        'smtpd_greet_wait = 0',
        'smtpd_client_connection_rate_limit = 3',
      ].join('\n'),
    )
    const server = await startServer(site)
    const all = await greetings(site.ports.smtp, 6)
    const welcome = all.filter(({ said }) => /^220 /.test(said))
    assert.equal(welcome.length, 3, all.map(({ said }) => said).join(''))
    for (const { said } of all.slice(3))
      assert.match(said, /^421 4\.7\.0 \S+ Error: too many connections from /)
    for (const { client } of all) client.close()
    assert.equal((await stopServer(server)).code, 0)
  })
})

for (const [what, slow] of [
  ['default_destination_concurrency_limit = 1', 'default_destination_concurrency_limit = 1'],
  ['maxproc = 1 of a transport', 'default_transport = slow'],
] as const)
  test(`${what}: one delivery at a time, of all workers together`, async () => {
    let inside = 0
    let most = 0
    let mails = 0
    const other = await startOtherServer(() => void mails++, {
      onMailFrom(_address, _session, done) {
        most = Math.max(most, ++inside)
        setTimeout(() => {
          inside--
          done()
        }, 150)
      },
    })
    try {
      await inFolder(async (folder) => {
        const lines = [
          'sample_accounts = no',
          'workers = 2',
          'smtpd_greet_wait = 0',
          slow,
          `relayhost = [127.0.0.1]:${other.port}`,
        ]
        const site = await createSite(folder, lines.join('\n'))
        const listener = `127.0.0.1:${site.ports.smtp} inet n - n - - smtpd\n`
        writeFileSync(join(folder, 'master.cf'), `${listener}slow unix - - n - 1 smtp\n`)
        const server = await startServer(site)
        const all = await greetings(server.site.ports.smtp, 6)
        await Promise.all(
          all.map(async ({ client }, n) => {
            await client.ask('EHLO x', /^250 /m)
            await client.ask(`MAIL FROM:<a${n}@example.org>`, /^250 2\.1\.0/m)
            await client.ask('RCPT TO:<x@far.test>', /^250 2\.1\.5/m)
            await client.ask('DATA', /^354/m)
            await client.ask('Subject: x\r\n\r\nx\r\n.', /^250 2\.0\.0/m)
          }),
        )
        await eventually(async () => assert.equal(mails, 6))
        assert.equal(most, 1)
        for (const { client } of all) client.close()
        assert.equal((await stopServer(server)).code, 0)
      })
    } finally {
      await other.close()
    }
  })

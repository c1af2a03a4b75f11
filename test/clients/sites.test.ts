/** The pages of docs/sites: a server with the very lines that each of them shows. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { zoneFileResolver } from '@posthorn/dns'
import { type MailServer, startMailServer } from '@posthorn/server'
import { SmtpTalk } from './dialogue.ts'
import { alice, bob, eventually } from './mail-server.ts'
import { readMailbox } from './mailbox-reader.ts'

const zone = `example.net. A 192.0.2.9
example.net. MX 10 example.net.
`

/** The blocks of a page by the word behind their fence. */
function blocksOf(page: string): ReadonlyMap<string, string> {
  const text = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'sites', page), 'utf8')
  return new Map(
    [...text.matchAll(/^```(\S+)\n([\s\S]*?)^```$/gm)].map(([, name = '', body = '']) => [name, body]),
  )
}

function settingsOf(text: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    text
      .trim()
      .split('\n')
      .map((line) => {
        const equals = line.indexOf('=')
        return [line.slice(0, equals).trim(), line.slice(equals + 1).trim()]
      }),
  )
}

interface Site {
  readonly server: MailServer
  readonly log: readonly string[]
  talk(hello?: string): Promise<SmtpTalk>
}

/** `instead`: what a test machine cannot have, the relay host of the page for instance. */
async function site(
  t: TestContext,
  page: string,
  instead: Readonly<Record<string, string>> = {},
  accounts: readonly (typeof alice)[] = [],
): Promise<Site> {
  const blocks = blocksOf(page)
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-page-'))
  for (const [name, text] of blocks)
    if (name !== 'main.cf') writeFileSync(join(folder, name), text, { mode: 0o600 })
  const lines = settingsOf(blocks.get('main.cf') ?? '')
  assert.ok(Object.keys(lines).length >= 6, page)
  for (const name of Object.keys(instead))
    assert.ok(name in lines || name === 'alias_maps' || name === 'mynetworks', `${page} has no ${name}`)
  const log: string[] = []
  const server = await startMailServer({
    dataFolder: folder,
    parameters: { alias_maps: '', ...lines, inet_interfaces: '127.0.0.1', ...instead },
    accounts,
    resolver: zoneFileResolver(zone),
    log: ({ text, service }) => log.push(`${service}: ${text}`),
  })
  const talks: SmtpTalk[] = []
  t.after(async () => {
    for (const talk of talks) talk.wire.close()
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  })
  return {
    server,
    log,
    talk: async (hello) => {
      const talk = await SmtpTalk.open(server.ports.smtp, hello)
      talks.push(talk)
      return talk
    },
  }
}

const letter = (subject: string): string => `From: a@example.net\r\nSubject: ${subject}\r\n\r\nhello\r\n`

async function arrives(server: MailServer, who: typeof alice, subject: string): Promise<string> {
  return await eventually(`"${subject}" for ${who.address}`, async () =>
    (await readMailbox(server.ports.imap, who))
      .map(({ source }) => source.toString())
      .find((text) => text.includes(`Subject: ${subject}`)),
  )
}

/** Where the relay host of a page would be. */
async function relay(t: TestContext, parameters: Readonly<Record<string, string>> = {}): Promise<MailServer> {
  const server = await startMailServer({
    parameters: {
      myhostname: 'mail.example.org',
      mydestination: 'example.org',
      disable_plaintext_auth: 'no',
      alias_maps: '',
      ...parameters,
    },
    accounts: [alice, bob],
  })
  t.after(async () => await server.stop())
  return server
}

test('I19: null-client.md: all leaves through the relay host, nothing is delivered here', async (t) => {
  const mail = await relay(t)
  const { server, talk } = await site(t, 'null-client.md', { relayhost: `[127.0.0.1]:${mail.ports.smtp}` })
  assert.deepEqual([server.ports.submission, server.ports.imap, server.ports.pop3], [0, 0, 0])
  const smtp = await talk()
  assert.match(await smtp.say('MAIL FROM:<root>'), /^250/)
  assert.match(await smtp.say('RCPT TO:<root@client.example.org>'), /^250/, 'no domain is ours')
  assert.match(await smtp.say('RSET'), /^250/)
  assert.match(await smtp.message('root', bob.address, letter('from cron')), /^250 /)
  assert.match(await arrives(mail, bob, 'from cron'), /^Return-Path: <root@example\.org>/m)
})

test('I20, I21, I22: satellite.md: local mail stays, the rest goes out with login, TLS and its real address', async (t) => {
  const mail = await relay(t)
  const password = { ...alice, address: 'home-user@home.example.org' }
  const at = `[127.0.0.1]:${mail.ports.submission}`
  const { server, talk } = await site(
    t,
    'satellite.md',
    { relayhost: at, smtp_sasl_password_maps: `inline:{ { ${at} = ${alice.address}:${alice.password} } }` },
    [password],
  )
  const smtp = await talk()
  assert.match(await smtp.message('me@home.example.org', password.address, letter('stays')), /^250 /)
  await arrives(server, password, 'stays')
  assert.match(await smtp.message('me@home.example.org', bob.address, letter('leaves')), /^250 /)
  const text = await arrives(mail, bob, 'leaves')
  assert.match(text, /^Return-Path: <you@provider\.example>/m)
  assert.match(text, /with ESMTPSA id/)
})

test('internet-site.md: strangers reach users, greylisted; nobody relays; users log in', async (t) => {
  const { server, log, talk } = await site(t, 'internet-site.md', { mynetworks: '192.0.2.0/24' }, [alice])
  assert.equal(server.ports.pop3, 0)
  assert.ok(server.ports.imaps > 0 && server.ports.submissions > 0)
  const smtp = await talk()
  assert.match(await smtp.say('MAIL FROM:<a@example.net>'), /^250/)
  assert.match(await smtp.say(`RCPT TO:<${alice.address}>`), /^450 4\.2\.0 .*[Gg]reylisted/)
  assert.match(await smtp.say('RCPT TO:<x@elsewhere.example>'), /^554 5\.7\.1 .*Relay access denied/)
  assert.match(await smtp.say('RSET'), /^250/)
  assert.match(await smtp.say('MAIL FROM:<a@nosuch.invalid>'), /^250/)
  assert.match(await smtp.say(`RCPT TO:<${alice.address}>`), /^450 4\.1\.8 .*Domain not found/)
  assert.ok(log.some((line) => /NOQUEUE|reject: RCPT/.test(line)))
  const bare = await talk('NOOP')
  assert.match(await bare.say('MAIL FROM:<a@example.net>'), /^503 5\.5\.1 Error: send HELO\/EHLO first/)
})

test('Q8: backup-mx.md: keeps what is for the primary, for people it knows', async (t) => {
  const { server, talk, log } = await site(t, 'backup-mx.md', {
    mynetworks: '192.0.2.0/24',
    transport_maps: 'inline:{ { example.org = smtp:[127.0.0.1]:1 } }',
  })
  const smtp = await talk()
  assert.match(await smtp.say('MAIL FROM:<a@example.net>'), /^250/)
  assert.match(
    await smtp.say('RCPT TO:<nobody@example.org>'),
    /^550 5\.1\.1 .*User unknown in relay recipient table/,
  )
  assert.match(await smtp.say('RCPT TO:<x@elsewhere.example>'), /^554 5\.7\.1/)
  assert.match(await smtp.say('RSET'), /^250/)
  assert.match(await smtp.message('a@example.net', alice.address, letter('waits for the primary')), /^250 /)
  const [entry] = await eventually('the message in the queue', async () => {
    const page = await server.store.queue.list()
    return page.length > 0 ? page : undefined
  })
  assert.equal(entry?.recipients[0]?.address, alice.address)
  const tried = async (times: number): Promise<void> =>
    void (await eventually(`attempt ${times}`, async () =>
      log.filter((line) => line.includes('status=deferred')).length >= times ? true : undefined,
    ))
  await tried(1)
  // It waits for the server that transport_maps name.
  assert.match(await smtp.say('ETRN example.org'), /^250 /)
  await tried(2)
  assert.match(await smtp.say('ETRN elsewhere.example'), /^459 /)
})

test('local-only.md: mail within the network, an error at once for all else', async (t) => {
  const student = { address: 'student1@lan.example', password: 'a class of its own' }
  const { server, talk } = await site(t, 'local-only.md', {}, [student])
  const smtp = await talk()
  assert.match(await smtp.message('teacher@lan.example', student.address, letter('homework')), /^250 /)
  await arrives(server, student, 'homework')
  const refused = await smtp.message(student.address, 'x@elsewhere.example', letter('leaves'))
  assert.match(refused, /^550 5\.7\.1 <x@elsewhere\.example>: .*this network has no mail to the outside/)
})

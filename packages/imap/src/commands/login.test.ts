import assert from 'node:assert/strict'
import { test } from 'node:test'
import tls from 'node:tls'
import { TlsCredentials } from '@posthorn/net'
import { makeCertificate } from '../../../smtp/src/client/certificate-fixture.ts'
import { RawClient, startImapFixture } from '../testkit/imap-fixture.ts'

const plain = Buffer.from('\0alice\0secret').toString('base64')

test('RFC 9051 §6.2.2: AUTHENTICATE PLAIN with continuation, and with the initial response of RFC 4959', async (t) => {
  const imap = await startImapFixture(t)
  const one = await imap.connect()
  one.send('1 authenticate PLAIN\r\n')
  assert.equal(await one.line(), '+ ')
  one.send(`${plain}\r\n`)
  assert.match((await one.line())!, /^1 OK \[CAPABILITY IMAP4rev1 /)
  const two = await imap.connect()
  await two.ok(`AUTHENTICATE plain ${plain}`)
})

test('draft-murchison-sasl-login: Username: and Password: to the letter', async (t) => {
  const imap = await startImapFixture(t)
  const client = await imap.connect()
  client.send('a AUTHENTICATE LOGIN\r\n')
  assert.equal(await client.line(), `+ ${Buffer.from('Username:').toString('base64')}`)
  client.send(`${Buffer.from('alice@example.org').toString('base64')}\r\n`)
  assert.equal(await client.line(), `+ ${Buffer.from('Password:').toString('base64')}`)
  client.send(`${Buffer.from('secret').toString('base64')}\r\n`)
  assert.match((await client.line())!, /^a OK /)
})

const refusals: readonly (readonly [command: string, line: string | undefined, answer: RegExp])[] = [
  ['AUTHENTICATE PLAIN', '*', /^BAD Authentication aborted by client\.$/],
  ['AUTHENTICATE PLAIN', '!!!', /^BAD Invalid base64/],
  ['AUTHENTICATE PLAIN', 'AAA', /^BAD Invalid base64/],
  ['AUTHENTICATE PLAIN', '', /^(BAD|NO) /],
  ['AUTHENTICATE PLAIN', 'x\0y', /^BAD /],
  ['AUTHENTICATE PLAIN', 'A'.repeat(20_000), /^BAD /],
  ['AUTHENTICATE PLAIN =', undefined, /^(BAD|NO) /],
  ['AUTHENTICATE FOO', undefined, /^NO \[CANNOT\] Unsupported authentication mechanism\.$/],
  ['AUTHENTICATE', undefined, /^BAD /],
  ['LOGIN alice wrong', undefined, /^NO \[AUTHENTICATIONFAILED\] Authentication failed\.$/],
  ['LOGIN nobody secret', undefined, /^NO \[AUTHENTICATIONFAILED\] Authentication failed\.$/],
  ['LOGIN "" ""', undefined, /^NO \[AUTHENTICATIONFAILED\] Authentication failed\.$/],
  [
    `AUTHENTICATE PLAIN ${Buffer.from('\0alice\0no').toString('base64')}`,
    undefined,
    /^NO \[AUTHENTICATIONFAILED\] Authentication failed\.$/,
  ],
]

test('a login refused in any way leaves a session that can log in', async (t) => {
  const imap = await startImapFixture(t)
  const client = await imap.connect()
  for (const [command, line, answer] of refusals) {
    client.send(`z ${command}\r\n`)
    if (line !== undefined) {
      assert.equal(await client.line(), '+ ', command)
      client.send(`${line}\r\n`)
    }
    assert.match((await client.line())!.slice(2), answer, `${command} ${line?.slice(0, 20)}`)
  }
  await client.ok('LOGIN alice secret')
})

test('Dovecot: disable_plaintext_auth: LOGINDISABLED, no mechanism, PRIVACYREQUIRED', async (t) => {
  const imap = await startImapFixture(t, { isTrusted: () => false })
  const client = await imap.connect()
  assert.equal(
    (await client.ok('CAPABILITY'))[0],
    '* CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL+ ID ENABLE IDLE LOGINDISABLED SASL-IR',
  )
  const lines = await client.command('LOGIN alice secret')
  assert.match(lines[0]!, /^\* BAD \[ALERT\] Plaintext authentication not allowed/)
  assert.match(lines[1]!, /^NO \[PRIVACYREQUIRED\] /)
  assert.match((await client.command('AUTHENTICATE PLAIN')).at(-1)!, /^NO \[PRIVACYREQUIRED\] /)
  imap.setOptions({ isTrusted: () => false, plaintextAuth: 'allowed' })
  await client.ok('LOGIN alice secret')
})

test('RFC 8437: UNAUTHENTICATE, then another user', async (t) => {
  const imap = await startImapFixture(t, { maxUserIpConnections: 1 })
  const client = await imap.login('INBOX')
  await client.ok('ENABLE QRESYNC')
  assert.match(
    (await client.ok('UNAUTHENTICATE')).at(-1)!,
    /^OK \[CAPABILITY IMAP4rev1 .* AUTH=PLAIN AUTH=LOGIN\]/,
  )
  assert.match((await client.command('SELECT INBOX')).at(-1)!, /^BAD /)
  await client.ok('LOGIN bob secret')
  assert.match((await client.command('SELECT INBOX (QRESYNC (1 1))')).at(-1)!, /^BAD /)
  // The seat was given back.
  await imap.login()
})

test('RFC 9051 §6.2.1: STARTTLS; what was pipelined in the clear is never run (CVE-2011-0411)', async (t) => {
  const credentials = new TlsCredentials(makeCertificate({ name: 'localhost', kind: 'server' }))
  const quirks = [{ name: 'Forged', version: undefined, withheld: ['IDLE'], workarounds: [] }]
  const imap = await startImapFixture(t, { credentials, isTrusted: () => false, quirks })
  const clear = await imap.connect()
  assert.match((await clear.ok('CAPABILITY'))[0]!, /STARTTLS LOGINDISABLED/)
  // Who said so in the clear is not known.
  await clear.ok('ID ("name" "Forged")')
  assert.doesNotMatch((await clear.ok('CAPABILITY'))[0]!, /IDLE/)
  clear.socket.removeAllListeners('data')
  clear.send('a STARTTLS\r\nb NOOP\r\nc LOGIN alice {6}\r\n')
  const go = await new Promise<Buffer>((resolve) => clear.socket.once('data', resolve))
  assert.equal(go.toString(), 'a OK Begin TLS negotiation now.\r\n')
  const secure = tls.connect({ socket: clear.socket, rejectUnauthorized: false })
  const client = new RawClient(secure)
  const [capabilities] = await client.ok('CAPABILITY')
  assert.equal(
    capabilities,
    '* CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL+ ID ENABLE IDLE SASL-IR AUTH=PLAIN AUTH=LOGIN',
  )
  assert.match((await client.command('STARTTLS')).at(-1)!, /^NO /)
  await client.ok(`AUTHENTICATE PLAIN ${plain}`)
  assert.ok(
    imap.log.some(({ text }) =>
      /^Login: user=<alice@example.org>, method=PLAIN, .* TLS, session=/.test(text),
    ),
  )
  secure.destroy()
})

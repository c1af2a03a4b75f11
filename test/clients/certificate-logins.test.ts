/** Who a client is by its certificate: Dovecot's auth_ssl_username_from_cert, and SASL EXTERNAL. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import * as tls from 'node:tls'
import type { MailServer } from '@posthorn/server'
import { type MadeCertificate, makeCertificate } from '../../packages/smtp/src/client/certificate-fixture.ts'
import { alice, bob, startForClients } from './mail-server.ts'
import { mustRun, runClient } from './run-client.ts'
import { Wire } from './wire.ts'

const authority = makeCertificate({ name: 'Test authority', kind: 'authority' })
const stranger = makeCertificate({ name: 'Another authority', kind: 'authority' })
const made = (name: string, issuer: MadeCertificate, endsInMs?: number): MadeCertificate =>
  makeCertificate({ name, kind: 'server', issuer, ...(endsInMs === undefined ? {} : { endsInMs }) })
const certificates = {
  alice: made('alice', authority),
  bob: made(bob.address, authority),
  nobody: made('nobody', authority),
  odd: made('alice@example.org, root', authority),
  forged: made('alice', stranger),
  late: made('alice', authority, -1000),
  none: undefined,
}
type Who = keyof typeof certificates
type Protocol = 'imap' | 'pop3' | 'smtp'
const protocols = ['imap', 'pop3', 'smtp'] as const

const folder = mkdtempSync(join(tmpdir(), 'posthorn-external-'))
after(() => rmSync(folder, { recursive: true }))
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text, { mode: 0o600 })
  return join(folder, name)
}
const ca = file('ca.pem', authority.cert)

let server: MailServer
const usual = {
  auth_mechanisms: 'plain login external',
  auth_ssl_username_from_cert: 'yes',
  ssl_ca: `<${ca}`,
  smtpd_tls_ask_ccert: 'yes',
  smtpd_tls_CAfile: ca,
  auth_failure_delay: '0',
  disable_plaintext_auth: 'yes',
}
before(async () => {
  server = await startForClients(usual)
})
after(async () => await server.stop())

async function open(protocol: Protocol, who: Who, session?: Buffer) {
  const { ports } = server
  const port = { imap: ports.imaps, pop3: ports.pop3s, smtp: ports.submissions }[protocol]
  const shown = certificates[who]
  const socket = tls.connect({
    port,
    host: '127.0.0.1',
    rejectUnauthorized: false,
    ...(shown === undefined ? {} : { cert: shown.cert, key: shown.key }),
    ...(session === undefined ? {} : { session }),
  })
  const ticket = new Promise<Buffer>((resolve) => socket.once('session', resolve))
  const wire = new Wire(socket)
  await wire.hears(/\r\n$/)
  const say = wire.say.bind(wire)
  return { wire, socket, ticket, say, close: () => wire.socket.destroy() }
}

const b64 = (text: string): string => Buffer.from(text).toString('base64')
const verbs = { imap: 'a AUTHENTICATE', pop3: 'AUTH', smtp: 'AUTH' } as const

/** The last line of the answer. */
async function logIn(protocol: Protocol, who: Who, words: string, next?: string): Promise<string> {
  const client = await open(protocol, who)
  try {
    if (protocol === 'smtp') await client.say('EHLO client.example.net', /\r\n250 .*\r\n/)
    const answer = await client.say(`${verbs[protocol]} ${words}`)
    const last = next === undefined ? answer : await client.say(next)
    return last.split('\r\n').at(-1) ?? ''
  } finally {
    client.close()
  }
}

const granted = { imap: /^a OK /, pop3: /^\+OK Logged in/, smtp: /^235 2\.7\.0/ }
const refused = { imap: /^a NO \[AUTHENTICATIONFAILED\]/, pop3: /^-ERR \[AUTH\]/, smtp: /^535 5\.7\.8/ }

describe('EXTERNAL', () => {
  for (const protocol of protocols) {
    test(`RFC 4422 Appendix A: ${protocol}: the certificate names the user`, async () => {
      for (const [who, words, next] of [
        ['alice', 'EXTERNAL ='],
        ['alice', 'external', ''],
        ['bob', 'EXTERNAL', ''],
        ['alice', `EXTERNAL ${b64('alice@example.org')}`],
        ['alice', 'EXTERNAL', b64('alice')],
      ] as const)
        assert.match(await logIn(protocol, who, words, next), granted[protocol], `${who} ${words} ${next}`)
      for (const [who, words] of [
        ['alice', `EXTERNAL ${b64('bob@example.org')}`],
        ['nobody', 'EXTERNAL ='],
        ['odd', 'EXTERNAL ='],
        ['forged', 'EXTERNAL ='],
        ['late', 'EXTERNAL ='],
        ['none', 'EXTERNAL ='],
        ['none', `EXTERNAL ${b64('alice')}`],
      ] as const)
        assert.match(await logIn(protocol, who, words), refused[protocol], `${who} ${words}`)
    })
  }

  test('it is offered to those alone whose certificate names somebody', async () => {
    for (const [who, offered] of [
      ['alice', true],
      ['none', false],
      ['forged', false],
    ] as const) {
      const imap = await open('imap', who)
      assert.equal(imap.wire.heard.includes('AUTH=EXTERNAL'), offered)
      const pop3 = await open('pop3', who)
      assert.equal(/SASL PLAIN LOGIN EXTERNAL/.test(await pop3.say('CAPA', /\r\n\.\r\n/)), offered)
      const smtp = await open('smtp', who)
      assert.equal(
        /AUTH .*EXTERNAL/.test(await smtp.say('EHLO client.example.net', /\r\n250 .*\r\n/)),
        offered,
      )
      for (const client of [imap, pop3, smtp]) client.close()
    }
  })

  test('curl logs in by STARTTLS with a certificate, and no password', async () => {
    const cert = file('alice.pem', certificates.alice.cert)
    const key = file('alice.key', certificates.alice.key)
    const common = [
      '-sS',
      '-k',
      '--ssl-reqd',
      '--cert',
      cert,
      '--key',
      key,
      '--login-options',
      'AUTH=EXTERNAL',
      '-u',
      'alice:',
    ]
    const { imap, pop3 } = server.ports
    assert.match((await mustRun('curl', [...common, `imap://127.0.0.1:${imap}/`])).stdout, /INBOX/)
    assert.doesNotMatch((await mustRun('curl', [...common, `pop3://127.0.0.1:${pop3}/`])).stdout, /-ERR/)
  })
})

test('Dovecot: auth_ssl_username_from_cert: a password is that of the user whom the certificate names', async () => {
  const plain = (user: string, password: string): string => `PLAIN ${b64(`\0${user}\0${password}`)}`
  for (const protocol of protocols) {
    assert.match(await logIn(protocol, 'alice', plain('whoever', alice.password)), granted[protocol])
    assert.match(await logIn(protocol, 'alice', plain(bob.address, bob.password)), refused[protocol])
    assert.match(await logIn(protocol, 'none', plain(bob.address, bob.password)), granted[protocol])
    assert.match(await logIn(protocol, 'forged', plain(bob.address, bob.password)), granted[protocol])
  }
})

test('Dovecot: auth_ssl_require_client_cert: without a certificate no password is looked at', async () => {
  await server.reload({
    auth_ssl_require_client_cert: 'yes',
    auth_ssl_username_from_cert: 'no',
    auth_mechanisms: 'plain',
  })
  try {
    const plain = `PLAIN ${b64(`\0${bob.address}\0${bob.password}`)}`
    for (const protocol of protocols) {
      for (const who of ['none', 'forged', 'late'] as const)
        assert.match(await logIn(protocol, who, plain), refused[protocol], `${protocol} ${who}`)
      assert.match(await logIn(protocol, 'alice', plain), granted[protocol])
    }
    assert.match(await logIn('imap', 'none', plain), /A valid client certificate is required/)
  } finally {
    await server.reload({ ...usual, auth_ssl_require_client_cert: 'no' })
  }
})

test('a TLS session that is resumed is as trusted as its certificate was, while the authorities stay', async () => {
  const first = await open('imap', 'alice')
  const session = await first.ticket
  first.close()
  const again = await open('imap', 'alice', session)
  assert.ok(again.socket.isSessionReused())
  assert.match(await again.say('a AUTHENTICATE EXTERNAL ='), granted.imap)
  again.close()
  await server.reload({ ssl_ca: `<${file('other.pem', stranger.cert)}` })
  try {
    const later = await open('imap', 'alice', session)
    assert.match(await later.say('a AUTHENTICATE EXTERNAL ='), refused.imap)
    later.close()
  } finally {
    await server.reload(usual)
  }
})

test('ssl_ca with a revocation list: what is on it is not trusted', async () => {
  file('ca.key', authority.key)
  for (const name of ['alice', 'bob'] as const) file(`${name}.pem`, certificates[name].cert)
  file('index.txt', '')
  file('number', '01\n')
  const config = file(
    'ca.cnf',
    `[ca]\ndefault_ca = test\n[test]\ndatabase = ${folder}/index.txt\ncrlnumber = ${folder}/number\ndefault_md = sha256\n` +
      `certificate = ${folder}/ca.pem\nprivate_key = ${folder}/ca.key\ndefault_crl_days = 2\n`,
  )
  const revoked = await runClient('openssl', ['ca', '-config', config, '-revoke', join(folder, 'alice.pem')])
  assert.equal(revoked.code, 0, revoked.stderr)
  const list = join(folder, 'crl.pem')
  await mustRun('openssl', ['ca', '-config', config, '-gencrl', '-out', list])
  await server.reload({ ssl_ca: file('both.pem', authority.cert + readFileSync(list, 'utf8')) })
  try {
    assert.match(await logIn('imap', 'alice', 'EXTERNAL ='), refused.imap)
    assert.match(await logIn('imap', 'bob', 'EXTERNAL ='), granted.imap)
  } finally {
    await server.reload(usual)
  }
})

test('what does not go together is said when the configuration is read', async () => {
  for (const [parameters, text] of [
    [{ auth_mechanisms: 'plain external' }, /external needs auth_ssl_username_from_cert = yes/],
    [{ auth_ssl_username_from_cert: 'yes' }, /ssl_ca is empty/],
    [{ ssl_cert_username_field: 'shoeSize' }, /ssl_cert_username_field: "shoeSize" is not known/],
    [{ auth_ssl_require_client_cert: 'yes', ssl_ca: '/nosuch/ca.pem' }, /ssl_ca/],
  ] as const)
    await assert.rejects(startForClients(parameters), text)
})

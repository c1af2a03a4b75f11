/** OAUTHBEARER and XOAUTH2: Dovecot's passdb oauth2, with an authorization server of the test's own. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, afterEach, before, describe, test } from 'node:test'
import { client as ours } from './identity-server.ts'
import { alice, bob, eventually, startForClients } from './mail-server.ts'
import { b64, bearer, google, granted, later, loginsAt, protocols, refused } from './oauth-dialogue.ts'
import { type OauthSite, parameters, startOauthSite } from './oauth-site.ts'
import { Wire } from './wire.ts'

let site: OauthSite
let server: OauthSite['server']
let identity: OauthSite['identity']
let good: OauthSite['good']
let file: OauthSite['file']
let configure: OauthSite['configure']
before(async () => {
  site = await startOauthSite()
  ;({ server, identity, good, file, configure } = site)
})
after(async () => await site.stop())
afterEach(() => {
  identity.behaviour = 'right'
})

const { open, logIn, last } = loginsAt(() => server)

describe('RFC 7628: a token lets in', () => {
  for (const protocol of protocols)
    test(`${protocol}: by OAUTHBEARER and XOAUTH2, with and without an initial response`, async () => {
      const token = good()
      for (const words of [
        bearer(alice.address, token),
        bearer('alice', token),
        bearer('', token),
        google('ALICE@example.org', token),
      ])
        assert.match(await last(protocol, words), granted[protocol])
      const [name = '', initial = ''] = bearer(alice.address, token).split(' ')
      assert.match(await last(protocol, name, initial), granted[protocol])
    })

  test('a long one, with all that a company puts into it', async () => {
    const token = good({ groups: Array.from({ length: 300 }, (_, i) => `group-${i}`) })
    assert.ok(token.length > 5000)
    for (const protocol of protocols) assert.match(await last(protocol, bearer('', token)), granted[protocol])
  })
})

describe('RFC 7628 §3.2.2: who is refused hears why, answers, and has failed', () => {
  const told = {
    OAUTHBEARER: {
      status: 'invalid_token',
      scope: 'mail',
      'openid-configuration': 'https://id.example.org/.well-known/openid-configuration',
    },
    XOAUTH2: { status: '401', schemes: 'bearer', scope: 'mail' },
  }
  for (const protocol of protocols)
    test(protocol, async () => {
      const expired = good({ exp: Math.floor(Date.now() / 1000) - 5 })
      const revoked = good()
      identity.revoked.add(revoked)
      for (const words of [
        bearer(alice.address, expired),
        bearer('', revoked),
        google(alice.address, 'never.issued'),
        bearer(bob.address, good()),
        bearer('', identity.issue({ scope: 'mail' })),
        google('nobody@example.net', good({ email: 'nobody@example.net' })),
        bearer('', good({ email: 'no body@example.org' })),
      ]) {
        for (const answer of ['AQ==', '', '*']) {
          const [challenge = '', end] = await logIn(protocol, words, answer)
          const [mark = '', json = ''] = challenge.split(' ')
          assert.equal(mark, protocol === 'smtp' ? '334' : '+')
          const mechanism = words.startsWith('X') ? 'XOAUTH2' : 'OAUTHBEARER'
          assert.deepEqual(JSON.parse(Buffer.from(json, 'base64').toString()), told[mechanism])
          assert.match(end ?? '', refused[protocol])
        }
      }
      const [challenge = ''] = await logIn(protocol, bearer('', good({ scope: 'profile' })))
      assert.match(Buffer.from(challenge.split(' ')[1] ?? '', 'base64').toString(), /"insufficient_scope"/)
    })

  test('the session goes on: with a better token, or a password', async () => {
    const imap = await open('imap')
    await imap.say(`a AUTHENTICATE ${bearer('', 'bad')}`)
    assert.match(await imap.say(''), refused.imap)
    assert.match(await imap.say(`a AUTHENTICATE ${bearer('', good())}`), granted.imap)
    imap.close()
    const smtp = await open('smtp')
    await smtp.say(`AUTH ${google('alice', 'bad')}`)
    assert.match(await smtp.say(''), refused.smtp)
    assert.match(await smtp.say(`AUTH PLAIN ${b64(`\0alice\0${alice.password}`)}`), granted.smtp)
    smtp.close()
  })

  test('nonsense is refused at once', async () => {
    for (const [message, mechanism] of [
      ['n,,\x01\x01', 'OAUTHBEARER'],
      ['\x01', 'OAUTHBEARER'],
      ['user=alice\x01auth=Basic x\x01\x01', 'XOAUTH2'],
    ] as const) {
      assert.match(await last('imap', `${mechanism} ${b64(message)}`), /^a BAD Invalid SASL response/)
      assert.match(await last('smtp', `${mechanism} ${b64(message)}`), refused.smtp)
      assert.match(await last('pop3', `${mechanism} ${b64(message)}`), refused.pop3)
    }
  })
})

test('accounts: a disabled one stays out, one at our domain is made, one elsewhere is not', async () => {
  const token = identity.issue({ email: bob.address, scope: 'mail' })
  assert.match(await last('imap', bearer('', token)), granted.imap)
  const { accounts } = server.store
  const enable = async (enabled: boolean) => {
    const account = await accounts.find(bob.address)
    assert.ok(account)
    await accounts.update(account.id, { enabled })
  }
  await enable(false)
  for (const protocol of protocols)
    assert.match(await last(protocol, bearer('', token), ''), refused[protocol])
  await enable(true)
  assert.match(await last('imap', bearer('', token)), granted.imap)
  const carol = identity.issue({ email: 'Carol@example.org', scope: ['mail'] })
  assert.match(await last('smtp', bearer('', carol)), granted.smtp)
  assert.ok(await accounts.find('carol@example.org'))
  assert.match(await last('imap', bearer('', good({ email: 'eve@example.net' })), ''), refused.imap)
  assert.equal(await accounts.find('eve@example.net'), undefined)
})

test('what is offered: under TLS alone', async () => {
  const imap = await open('imap')
  assert.match(imap.wire.heard, /AUTH=PLAIN AUTH=OAUTHBEARER AUTH=XOAUTH2/)
  imap.close()
  const pop3 = await open('pop3')
  assert.match(await pop3.say('CAPA', /\r\n\.\r\n/), /SASL PLAIN OAUTHBEARER XOAUTH2/)
  pop3.close()
  // Not even on this machine.
  await server.reload({ ssl: 'required' })
  try {
    const words = bearer('', good())
    for (const [port, line, offered, expected] of [
      [server.ports.imap, `a AUTHENTICATE ${words}`, 'a CAPABILITY', /\r\na NO \[PRIVACYREQUIRED\]/],
      [server.ports.pop3, `AUTH ${words}`, 'CAPA', /\r\n-ERR /],
      [server.ports.submission, `AUTH ${words}`, 'EHLO client.example.net', /\r\n5\d\d .*(?:TLS|ncryption)/],
    ] as const) {
      const wire = await Wire.open(port)
      await wire.hears(/\r\n/)
      wire.send(`${offered}\r\n`)
      await wire.hears(/\r\na OK|\r\n\.\r\n|\r\n250 .*\r\n/)
      assert.doesNotMatch(wire.heard, /AUTH=|AUTH PLAIN|SASL [A-Z]/)
      wire.send(`${line}\r\n`)
      await wire.hears(expected)
      wire.socket.destroy()
    }
  } finally {
    await server.reload({ ssl: 'yes' })
  }
})

test('an authorization server that is down: try later, and passwords as ever', async () => {
  for (const behaviour of ['silent', 'broken', 'no-json'] as const) {
    identity.behaviour = behaviour
    const begun = Date.now()
    for (const protocol of protocols) {
      assert.match(await last(protocol, bearer('', good())), later[protocol], behaviour)
      const password = `PLAIN ${b64(`\0alice\0${alice.password}`)}`
      assert.match(await last(protocol, password), granted[protocol], behaviour)
    }
    assert.ok(Date.now() - begun < 2000, 'it is asked once, and then left alone for a while')
    identity.behaviour = 'right'
    const token = good()
    await eventually('answers again', async () =>
      granted.imap.test(await last('imap', bearer('', token))) ? true : undefined,
    )
  }
  const told = site.events.filter(({ level, text }) => level === 'error' && text.startsWith('oauth2 '))
  assert.deepEqual(
    [...new Set(told.map(({ text }) => text.replace(/^oauth2 \S+: /, '')))],
    ['no answer in 500 ms', 'answered 503', 'the answer is no JSON object'],
  )
})

test('a good token is asked about once, for as long as it lasts', async () => {
  const token = good({ exp: Math.floor(Date.now() / 1000) + 2 })
  identity.asked.length = 0
  await Promise.all(protocols.map((protocol) => last(protocol, bearer('', token))))
  for (const protocol of protocols)
    assert.match(await last(protocol, google('alice', token)), granted[protocol])
  assert.deepEqual(identity.asked, ['POST /introspect'])
  await new Promise((resolve) => setTimeout(resolve, 2500))
  assert.match(await last('imap', bearer('', token), ''), refused.imap)
  assert.equal(identity.asked.length, 2)
})

test('failures are counted: a guesser is sent away, unheard', async () => {
  const strict = await startForClients({
    auth_mechanisms: 'plain oauthbearer',
    passdb: `store oauth2:${join(site.folder, 'oauth2.conf')}`,
    haproxy_trusted_networks: '127.0.0.1',
    disable_plaintext_auth: 'no',
    auth_failure_limit: '4',
    auth_failure_delay: '0',
  })
  try {
    const guess = async (from: string, token: string): Promise<string> => {
      const wire = await Wire.open(strict.ports.imap)
      wire.send(`PROXY TCP4 ${from} 203.0.113.1 40000 143\r\na AUTHENTICATE ${bearer('', token)}\r\n\r\n`)
      const heard = await wire.hears(/\r\na (?:OK|NO) .*\r\n/)
      wire.socket.destroy()
      return heard
    }
    for (let i = 0; i < 4; i++) assert.match(await guess('203.0.113.9', `guess${i}`), /AUTHENTICATIONFAILED/)
    identity.asked.length = 0
    assert.match(await guess('203.0.113.9', good()), /\r\na NO \[LIMIT\]/)
    assert.deepEqual(identity.asked, [])
    assert.match(await guess('203.0.113.88', good()), /\r\na OK/)
  } finally {
    await strict.stop()
  }
})

describe("Dovecot's other ways of asking", () => {
  const common = 'username_attribute = email\nscope = mail\ntimeout_msecs = 2000\n'
  const rows: readonly (readonly [why: string, settings: () => string, asked: readonly string[]])[] = [
    [
      'introspection_mode = auth: the address of userinfo',
      () => `introspection_url = https://localhost:${identity.port}/userinfo\nintrospection_mode = auth\n`,
      ['GET /userinfo'],
    ],
    [
      'introspection_mode = get: the token is appended',
      () =>
        `introspection_url = https://localhost:${identity.port}/get?access_token=\nintrospection_mode = get\n`,
      ['GET /get'],
    ],
    [
      'tokeninfo_url, then introspection_url for what it does not say',
      () =>
        `tokeninfo_url = https://localhost:${identity.port}/tokeninfo?access_token=\nintrospection_url = https://localhost:${identity.port}/userinfo\n`,
      ['GET /tokeninfo', 'GET /userinfo'],
    ],
    [
      'name and secret in the address',
      () =>
        `introspection_url = https://${encodeURIComponent(ours.id)}:${encodeURIComponent(ours.secret)}@localhost:${identity.port}/introspect\nintrospection_mode = post\nactive_attribute = active\nactive_value = true\n`,
      ['POST /introspect'],
    ],
  ]
  for (const [why, settings, asked] of rows)
    test(why, async () => {
      await configure(`${common}tls_ca_cert_file = ${site.ca}\n${settings()}`)
      identity.asked.length = 0
      assert.match(await last('imap', bearer('', good())), granted.imap)
      assert.deepEqual(identity.asked, asked)
      assert.match(await last('imap', bearer('', 'bad'), ''), refused.imap)
    })

  test('a certificate of a stranger, a wrong secret: try later', async () => {
    await configure(`${common}introspection_url = https://localhost:${identity.port}/userinfo\n`)
    assert.match(await last('imap', bearer('', good())), later.imap)
    await configure(site.usual.replace(ours.secret, 'wrong'))
    assert.match(await last('imap', bearer('', good())), later.imap)
  })

  after(async () => await configure(site.usual))
})

test('what does not go together is said when the configuration is read', async () => {
  const rows: readonly (readonly [string, RegExp])[] = [
    ['introspection_url = id.example.org', /bad\.conf:1: introspection_url is no address/],
    ['introspection_mode = head', /bad\.conf:1: introspection_mode = head/],
    ['introspection_mode = local', /bad\.conf:1: .*without jwks_url or local_validation_key_dict/],
    ['jwks_url = https://id.example.org/jwks', /bad\.conf:1: jwks_url is for introspection_mode = local/],
    [
      'introspection_mode = local\njwks_url = http://id.example.org/jwks',
      /bad\.conf:2: .*must come by https: or from a file/,
    ],
    [
      'introspection_mode = local\njwks_url = file:///a\nlocal_validation_key_dict = fs:posix:prefix=/b/',
      /bad\.conf:2: jwks_url beside local_validation_key_dict/,
    ],
    ['# nothing', /bad\.conf: there is nobody to ask/],
    ['active_value = true', /bad\.conf:1: active_value without active_attribute/],
    ['introspection_uri = https://id.example.org', /bad\.conf:1: unknown name "introspection_uri"/],
    ['grant_url = https://id.example.org', /bad\.conf:1: grant_url is not done here/],
    ['tls_allow_invalid_cert = yes', /bad\.conf:1: .*not done here/],
    ['local_validation_key_dict = redis:host=127.0.0.1', /bad\.conf:1: .*keys are files/],
    ['timeout_msecs = 0', /bad\.conf:1: timeout_msecs = 0/],
    ['nonsense', /bad\.conf:1: not of the form/],
    [
      'introspection_url = https://id.example.org/\ntls_ca_cert_file = /nosuch/ca.pem',
      /Cannot read \/nosuch\/ca\.pem/,
    ],
  ]
  for (const [text, expected] of rows) {
    const bad = file('bad.conf', text)
    await assert.rejects(startForClients({ ...parameters, passdb: `store oauth2:${bad}` }), expected)
    await assert.rejects(server.reload({ passdb: `store oauth2:${bad}` }), expected)
  }
  const typo = file('typo.conf', 'introspection_ulr = https://id.example.org')
  await assert.rejects(server.reload({ passdb: `store oauth2:${typo}` }), {
    remedy: 'did you mean "introspection_url"?',
  })
  await server.reload({ passdb: `store oauth2:${join(site.folder, 'oauth2.conf')}` })
  await assert.rejects(startForClients({ auth_mechanisms: 'plain xoauth2' }), /xoauth2 needs somebody/)
  await assert.rejects(startForClients({ passdb: 'oauth2:/nosuch/oauth2.conf' }), /oauth2\.conf: ENOENT/)
})

test('no token stands in the log', async () => {
  const token = good({ sub: 'unmistakable' })
  await last('imap', bearer(alice.address, token))
  await last('smtp', bearer(bob.address, token), '')
  await last('pop3', google(alice.address, `${token}x`), '')
  const all = JSON.stringify(site.events)
  const [, payload = '', signature = ''] = token.split('.')
  for (const secret of [payload, signature, b64(token).slice(0, -4), ours.secret])
    assert.ok(!all.includes(secret))
  assert.match(all, /refused user=<bob@example.org> rip=127.0.0.1: token: is of alice@example.org/)
  assert.match(all, /token: not active/)
})

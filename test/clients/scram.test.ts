import assert from 'node:assert/strict'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { MailServer } from '@posthorn/server'
import { alice, eventually, startForClients } from './mail-server.ts'
import { readMailbox, withImap } from './mailbox-reader.ts'
import { inFolder, mustRun, runClient } from './run-client.ts'

const scram = 'plain login scram-sha-256 scram-sha-256-plus'
let server: MailServer

before(async () => {
  server = await startForClients({
    auth_mechanisms: scram,
    auth_failure_delay: '0',
    mynetworks: '127.0.0.0/8',
    disable_plaintext_auth: 'yes',
    smtpd_tls_auth_only: 'no',
  })
})
after(async () => await server.stop())

/** A client of nobody's making but the standard's: RFC 5802 with the libraries of Python. */
const python = `
import base64, hashlib, hmac, os, socket, ssl, sys
kind, port, user, password, tls = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4], sys.argv[5]
raw = socket.create_connection(('127.0.0.1', port))
if tls != 'no':
    context = ssl.create_default_context(); context.check_hostname = False; context.verify_mode = ssl.CERT_NONE
    raw = context.wrap_socket(raw)
f = raw.makefile('rwb', buffering=0)
def line(): return f.readline().decode().rstrip()
def say(text): f.write(text.encode() + b'\\r\\n')
b64 = lambda b: base64.b64encode(b).decode()
greeting = line()
if kind == 'smtp':
    say('EHLO client.example')
    while line()[3:4] == '-': pass
mechanism = 'SCRAM-SHA-256-PLUS' if tls == 'bound' else 'SCRAM-SHA-256'
if tls == 'bound':
    der = raw.getpeercert(True)
    header, binding = 'p=tls-server-end-point,,', hashlib.sha256(der).digest()
else:
    header, binding = 'n,,', b''
bare = 'n=%s,r=%s' % (user.replace('=', '=3D').replace(',', '=2C'), b64(os.urandom(18)))
verb = {'smtp': 'AUTH ', 'pop3': 'AUTH ', 'imap': 'a AUTHENTICATE '}[kind]
say(verb + mechanism + ' ' + b64((header + bare).encode()))
def challenge():
    text = line()
    word, _, rest = text.partition(' ')
    if word not in ('334', '+'): print(text); sys.exit(0)
    return base64.b64decode(rest).decode()
server_first = challenge()
fields = dict(part.split('=', 1) for part in server_first.split(','))
salted = hashlib.pbkdf2_hmac('sha256', password.encode(), base64.b64decode(fields['s']), int(fields['i']))
mac = lambda key, text: hmac.new(key, text, hashlib.sha256).digest()
client_key = mac(salted, b'Client Key')
without = 'c=%s,r=%s' % (b64(header.encode() + binding), fields['r'])
auth = (bare + ',' + server_first + ',' + without).encode()
proof = bytes(a ^ b for a, b in zip(client_key, mac(hashlib.sha256(client_key).digest(), auth)))
say(b64((without + ',p=' + b64(proof)).encode()))
final = challenge()
assert final == 'v=' + b64(mac(mac(salted, b'Server Key'), auth)), final
say('')
print(line())
`

const scramLogin = async (
  kind: 'smtp' | 'pop3' | 'imap',
  how: 'no' | 'yes' | 'bound',
  password: string,
  user = 'alice',
) => {
  const { ports } = server
  const port =
    kind === 'smtp'
      ? how === 'no'
        ? ports.submission
        : ports.submissions
      : kind === 'pop3'
        ? how === 'no'
          ? ports.pop3
          : ports.pop3s
        : how === 'no'
          ? ports.imap
          : ports.imaps
  const { stdout } = await mustRun('python3', ['-c', python, kind, String(port), user, password, how])
  return stdout.trim()
}

describe('M4, RFC 7677: SCRAM-SHA-256', () => {
  const granted = { smtp: /^235 2\.7\.0/, pop3: /^\+OK Logged in\./, imap: /^a OK .*Logged in/ }
  const refused = { smtp: /^535 5\.7\.8/, pop3: /^-ERR \[AUTH\]/, imap: /^a NO \[AUTHENTICATIONFAILED\]/ }

  for (const kind of ['smtp', 'pop3', 'imap'] as const)
    test(`${kind}: in the clear, under TLS, bound to TLS; a wrong password and nobody are refused alike`, async () => {
      for (const how of ['no', 'yes', 'bound'] as const) {
        assert.match(await scramLogin(kind, how, alice.password), granted[kind], how)
        const wrong = await scramLogin(kind, how, 'wrong')
        assert.match(wrong, refused[kind], how)
        assert.equal(await scramLogin(kind, how, alice.password, 'nobody'), wrong)
      }
    })

  test('what is offered: no password in the clear, -PLUS under TLS alone', async () => {
    const offered = async (port: number, tls: boolean) =>
      (
        await mustRun(
          'curl',
          ['-sv', '--insecure', `${tls ? 'imaps' : 'imap'}://127.0.0.1:${port}/`, '-X', 'CAPABILITY'],
          {},
          [0, 67],
        )
      ).stderr.match(/AUTH=[A-Z0-9-]+/g)
    assert.deepEqual(
      [...new Set(await offered(server.ports.imaps, true))],
      ['AUTH=PLAIN', 'AUTH=LOGIN', 'AUTH=SCRAM-SHA-256', 'AUTH=SCRAM-SHA-256-PLUS'],
    )
  })

  test('msmtp: scram-sha-256 in the clear, and over TLS', async () => {
    await inFolder(async (folder) => {
      for (const [tls, port] of [
        ['off', server.ports.submission],
        ['on', server.ports.submissions],
      ] as const) {
        const file = join(folder, `msmtprc-${tls}`)
        const fingerprint = tls === 'on' ? 'tls on\ntls_starttls off\ntls_certcheck off\n' : 'tls off\n'
        writeFileSync(
          file,
          `account default\nhost 127.0.0.1\nport ${port}\nfrom ${alice.address}\nauth scram-sha-256\nuser alice\npassword ${alice.password}\n${fingerprint}`,
          { mode: 0o600 },
        )
        await mustRun('msmtp', ['-C', file, 'bob@example.org'], {
          input: `Subject: msmtp ${tls}\r\nFrom: ${alice.address}\r\n\r\nHello\r\n`,
        })
      }
    })
    await eventually('two messages', async () => {
      const messages = await readMailbox(server.ports.imap, {
        address: 'bob@example.org',
        password: 'bob"s\\secret',
      })
      return messages.length === 2 ? true : undefined
    })
  })

  test('gsasl: SMTP and IMAP, in the clear and by STARTTLS', {
    skip: !existsSync('/usr/bin/gsasl') && 'no gsasl',
  }, async () => {
    for (const [kind, port] of [
      ['--smtp', server.ports.submission],
      ['--imap', server.ports.imap],
    ] as const) {
      for (const tls of [['--no-starttls'], ['--starttls', '--x509-ca-file=']]) {
        for (const [password, code] of [
          [alice.password, 0],
          ['wrong', 1],
        ] as const) {
          const {
            stdout,
            stderr,
            code: ended,
          } = await runClient(
            'gsasl',
            [
              kind,
              `--connect=127.0.0.1:${port}`,
              '--mechanism=SCRAM-SHA-256',
              '--authentication-id=alice',
              '--authorization-id=',
              `--password=${password}`,
              '--hostname=mail.example.org',
              '--no-cb',
              '--quiet',
              '--application-data',
              ...tls,
            ],
            { timeoutMs: 20_000 },
          )
          assert.equal(ended === 0 ? 0 : 1, code, `${kind} ${tls.join(' ')}: ${stdout}${stderr}`)
        }
      }
    }
  })
})

test('the verifier is made with the password; an older account gets it at its next login with one', async () => {
  const { store, ports } = server
  const account = (await store.accounts.find(alice.address))!
  assert.match(account.scramVerifier ?? '', /^SCRAM-SHA-256\$20000:[A-Za-z0-9+/=]+\$/)
  await store.accounts.update(account.id, { scramVerifier: '' })
  assert.match(await scramLogin('imap', 'yes', alice.password), /^a NO/)
  await withImap(ports.imap, { ...alice, password: `${alice.password}` }, async () => undefined)
  await eventually('a verifier', async () =>
    (await store.accounts.get(account.id))?.scramVerifier ? true : undefined,
  )
  assert.match(await scramLogin('imap', 'yes', alice.password), /^a OK/)
})

test('where TLS is required, no mechanism logs in without it', async () => {
  await server.reload({ ssl: 'required', smtpd_tls_auth_only: 'yes' })
  try {
    assert.match(await scramLogin('smtp', 'no', alice.password), /^538 5\.7\.11/)
    assert.match(await scramLogin('pop3', 'no', alice.password), /^-ERR .*SSL\/TLS/)
    assert.match(await scramLogin('imap', 'no', alice.password), /^a NO \[PRIVACYREQUIRED\]/)
    for (const kind of ['smtp', 'pop3', 'imap'] as const)
      assert.match(await scramLogin(kind, 'bound', alice.password), /^(?:235|\+OK|a OK)/)
  } finally {
    await server.reload({ ssl: 'yes', smtpd_tls_auth_only: 'no' })
  }
})

test('M4: mechanisms that need the passwords themselves are refused with their reason', async () => {
  await assert.rejects(
    startForClients({ auth_mechanisms: 'plain cram-md5' }),
    /auth_mechanisms: cram-md5: needs the passwords themselves in the store; use scram-sha-256/,
  )
})

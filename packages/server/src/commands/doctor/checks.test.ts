import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { zoneFileResolver } from '@posthorn/dns'
import { runCli } from '../../cli.ts'
import { buildConfig } from '../../config/load-config.ts'
import { testMachine } from '../../config/machine-fixture.ts'
import { checkSite } from '../check-site.ts'
import { createShellFixture } from '../shell-fixture.ts'
import { examineBlockLists } from './block-lists.ts'
import { examineClock } from './clock.ts'
import { examineDomainRecords } from './domain-records.ts'
import { examine } from './examine.ts'
import type { Finding } from './finding.ts'
import { examineLogins } from './logins.ts'
import { examinePorts } from './ports.ts'
import { examineReachable } from './reachable.ts'
import { examineRelaying } from './relay-test.ts'

const root = mkdtempSync(join(tmpdir(), 'posthorn-doctor-test-'))
after(() => rmSync(root, { recursive: true }))
let count = 0

/** A folder with a main.cf of these lines. */
function site(lines: string): string {
  const path = join(root, String(count++))
  mkdirSync(path, { mode: 0o711 })
  writeFileSync(
    join(path, 'main.cf'),
    `myhostname = mail.example.org\nmyorigin = example.org\nmydestination = example.org\nalias_maps =\n${lines}\n`,
    { mode: 0o644 },
  )
  return path
}

const said = ({ verdict, subject, text, remedy }: Finding): string =>
  `${verdict} ${subject}: ${text}${remedy === undefined ? '' : ` → ${remedy}`}`

const relaying = async (lines: string): Promise<string> =>
  said(await examineRelaying(createShellFixture(), { config: site(lines) }))

describe('P23: the open relay test is a dialogue with this configuration', () => {
  test('a closed one is found closed', async () => {
    assert.match(await relaying(''), /^ok open relay: a stranger at 203\.0\.113\.25 was refused \d\d ways/)
  })
  test('one that trusts everybody, or a sender, is found open', async () => {
    assert.match(
      await relaying('mynetworks = 0.0.0.0/0'),
      /^fail open relay: a stranger may send from <> to <relay-test@elsewhere\.example>: 250 .* → end smtpd_relay_restrictions/,
    )
    const access = join(root, 'senders')
    writeFileSync(access, 'example.org OK\n', { mode: 0o644 })
    assert.match(
      await relaying(
        `smtpd_relay_restrictions = check_sender_access hash:${access}, reject_unauth_destination`,
      ),
      /^fail open relay: a stranger may send from <postmaster@example\.org> to <relay-test@/,
    )
  })
  test('a catch-all at home is no relay; a port that is off has none', async () => {
    const virtual = join(root, 'virtual')
    writeFileSync(virtual, '@example.org alice@example.org\n', { mode: 0o644 })
    assert.match(await relaying(`virtual_alias_maps = hash:${virtual}`), /^ok open relay: a stranger/)
    assert.match(await relaying('smtp_port = 0'), /^ok open relay: no port/)
  })
  test('what cannot be tried is said', async () => {
    assert.match(
      await relaying('transport_maps = hash:/nosuch/table'),
      /^none open relay: not reachable: could not/,
    )
  })
})

const { config } = buildConfig(
  { file: '/srv/mail/main.cf', folder: '/srv/mail', named: false },
  'myhostname = mail.example.org\nmydestination = example.org\nsmtpd_client_restrictions = reject_rbl_client dead.example, reject_rbl_client own.example=127.0.0.2',
  { environment: {}, machine: testMachine },
)

test('P7, P23: our address on block lists; lists that are dead, refuse or list everybody', async () => {
  const zone = `
2.0.0.127.zen.spamhaus.org.     A 127.0.0.2
7.100.51.198.zen.spamhaus.org.  A 127.0.0.4
7.100.51.198.zen.spamhaus.org.  TXT "See https://check.spamhaus.org/"
2.0.0.127.bl.spamcop.net.       A 127.255.255.254
2.0.0.127.psbl.surriel.com.     A 127.0.0.2
1.0.0.127.psbl.surriel.com.     A 127.0.0.2
2.0.0.127.own.example.          A 127.0.0.2
x.                              A 192.0.2.1
`
  const found = (
    await examineBlockLists(config, zoneFileResolver(zone), ['198.51.100.7', '10.0.0.1', '127.0.0.1'])
  ).map(said)
  const about = (list: string): string => found.find((line) => line.includes(list)) ?? ''
  assert.match(
    about('zen.spamhaus'),
    /^warn block list zen\.spamhaus\.org: 198\.51\.100\.7 is listed: See https.* → find out who .* https:\/\/check\.spamhaus\.org\//,
  )
  assert.match(about('spamcop'), /^none .* refuses questions from this resolver/)
  assert.match(about('surriel'), /^none .* lists everybody: it is dead/)
  assert.match(about('dead.example'), /^fail .* does not answer as a block list does → remove it/)
  assert.match(about('own.example'), /^ok .*198\.51\.100\.7 is not listed/)
  assert.equal(found.filter((line) => /10\.0\.0\.1|127\.0\.0\.1 is/.test(line)).length, 0)
})

test('SPF and DMARC of a domain, as they are to be written', async () => {
  const records = async (zone: string) =>
    (
      await examineDomainRecords(zoneFileResolver(zone), 'example.org', {
        myhostname: 'mail.example.org',
        addresses: ['198.51.100.7'],
      })
    ).map(said)
  assert.deepEqual(await records('mail.example.org. A 198.51.100.7\n'), [
    'warn spf: example.org has no SPF record → add: example.org. IN TXT "v=spf1 mx a:mail.example.org -all"',
    'warn dmarc: example.org has no DMARC record → add: _dmarc.example.org. IN TXT "v=DMARC1; p=none; rua=mailto:postmaster@example.org"',
  ])
  assert.deepEqual(
    await records(
      'example.org. TXT "v=spf1 ip4:198.51.100.0/24 -all"\n_dmarc.example.org. TXT "v=DMARC1; p=reject"\n',
    ),
    ['ok spf: example.org lets 198.51.100.7 send', 'ok dmarc: example.org: v=DMARC1; p=reject'],
  )
  assert.match(
    (await records('example.org. TXT "v=spf1 ip4:192.0.2.1 -all"\n'))[0] ?? '',
    /^warn spf: example\.org does not let 198\.51\.100\.7 send: .* → name it in the record: ip4:198/,
  )
})

test('L5: the clock, against a time server', async () => {
  const server = createSocket('udp4')
  let aheadMs = 0
  server.on('message', (question, from) => {
    const answer = Buffer.alloc(48)
    answer.set([0x24, 2])
    question.copy(answer, 24, 40, 48)
    for (const at of [32, 40])
      answer.writeUInt32BE(Math.floor((Date.now() + aheadMs) / 1000) + 2_208_988_800, at)
    server.send(answer, from.port, from.address)
  })
  server.bind(0, '127.0.0.1')
  await once(server, 'listening')
  const at = { host: '127.0.0.1', port: server.address().port }
  for (const [ahead, expected] of [
    [0, /^ok clock/],
    [30_000, /^warn clock: [23]\d\.\d s behind 127\.0\.0\.1 → let the system keep the time/],
    [-3_600_000, /^fail clock: 3\d\d\d\.\d s ahead of/],
  ] as const) {
    aheadMs = ahead
    assert.match(said(await examineClock(at, Date.now)), expected)
  }
  server.close()
})

test('L5, P23: all of it, without a name server or a time server, in seconds', async () => {
  const path = site(
    'dns_servers = 127.0.0.1:9\ndisable_plaintext_auth = no\nsmtp_port = 0\nsubmission_port = 0\nsubmissions_port = 0\npop3_port = 0\npop3s_port = 0\nimap_port = 0\nimaps_port = 0',
  )
  const startedMs = performance.now()
  const lines: string[] = []
  for await (const finding of examine(createShellFixture(), { config: path }, '127.0.0.1:9'))
    lines.push(said(finding))
  assert.ok(performance.now() - startedMs < 30_000)
  const text = lines.join('\n')
  assert.match(text, /^ok configuration: /m)
  assert.match(text, /^warn disable_plaintext_auth: .* → remove the line/m)
  assert.match(text, /^none dns: not reachable: /m)
  assert.match(text, /^none clock: not reachable: 127\.0\.0\.1: /m)
  assert.match(text, /^ok open relay: /m)
})

test('L5: what is wrong is said once, with what to do about it', async () => {
  const path = site('')
  const data = join(path, 'data')
  mkdirSync(data)
  chmodSync(data, 0o755)
  const key = join(path, 'key.pem')
  writeFileSync(key, '', { mode: 0o644 })
  writeFileSync(
    join(path, 'main.cf'),
    `myhostname = mail.example.org\nalias_maps =\ndata_directory = ${data}\ndns_servers = 127.0.0.1:1\nsmtpd_tls_key_file = ${key}\nsmtpd_tls_cert_file = ${key}\n`,
  )
  const found: Finding[] = []
  for await (const finding of examine(createShellFixture(), { config: path }, '127.0.0.1:1'))
    found.push(finding)
  const about = (word: string): string[] => found.map(said).filter((line) => line.includes(word))
  assert.deepEqual(about(`${data} has mode`), [
    `warn data folder: ${data} has mode 755: it holds everybody's mail → chmod go-rw ${data}`,
  ])
  assert.deepEqual(about('look into'), [])
  assert.deepEqual(about('read the key'), [
    `warn configuration: others may read the key in ${key} (mode 644) → chmod o-rwx ${key}`,
  ])
})

test('C2, L5: the ports are those of master.cf; one that is taken is named', async () => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const { port } = taken.address() as AddressInfo
  const path = site('inet_interfaces = 127.0.0.1\nprotocols =\n')
  writeFileSync(join(path, 'master.cf'), `${port} inet n - y - - smtpd\n`, { mode: 0o644 })
  const { config } = checkSite(createShellFixture(), { config: path })
  const found = async (server: 'running' | 'stopped') =>
    (await Array.fromAsync(examinePorts(config, server))).map(said)
  assert.deepEqual(await found('running'), [`ok ports: smtp ${port}`])
  assert.match((await found('stopped')).join('\n'), new RegExp(`^fail port ${port}: smtp: .* → .*`))
  taken.close()
  await once(taken, 'close')
  assert.deepEqual(await found('stopped'), [`ok port ${port}: free for smtp`])
})

test('C19, L5: the ports at our own name, as others would ask', async () => {
  const server = createServer((socket) => socket.end('220 mail.example.org ESMTP\r\n'))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const { config: here } = buildConfig(
    { file: '/srv/mail/main.cf', folder: '/srv/mail', named: false },
    `myhostname = mail.example.org\nsmtp_port = ${port}\nsubmission_port = 1\npop3_port = 0\nimap_port = ${port}\n`,
    { environment: {}, machine: testMachine },
  )
  const found = (await examineReachable(here, zoneFileResolver('mail.example.org. A 127.0.0.1\n'))).map(said)
  assert.deepEqual(found, [
    `ok port ${port} at 127.0.0.1: smtp answers: 220 mail.example.org ESMTP`,
    'warn port 1 at 127.0.0.1: submission does not answer: connect ECONNREFUSED 127.0.0.1:1 → open the port in the firewall and the router (docs/firewall.md); some routers do not lead back from inside: try from elsewhere',
    `warn port ${port} at 127.0.0.1: something else answers for imap: 220 mail.example.org ESMTP → see what listens there (\`ss -ltnp\`)`,
  ])
  server.close()
})

test('S8, D7: who checks passwords, and knows users, is there and open to us', () => {
  const path = site('')
  const users = join(path, 'users')
  writeFileSync(users, 'carol:{PLAIN}x\n', { mode: 0o600 })
  const found = (lines: string): readonly string[] => {
    const place = { file: join(path, 'main.cf'), folder: path, named: false }
    const { config: here } = buildConfig(place, `myhostname = mail.example.org\n${lines}`, {
      environment: {},
      machine: testMachine,
    })
    return [...examineLogins(here)].map(said)
  }
  assert.deepEqual(found(''), [])
  assert.deepEqual(found('passdb = store passwd-file:users\nuserdb = passwd'), [
    `ok passdb: ${users}`,
    'ok userdb: /etc/passwd',
  ])
  chmodSync(users, 0o644)
  assert.match(
    found('passdb = passwd-file:users')[0] ?? '',
    /^warn passdb: .*others may read the hashes .* → chmod o-r/,
  )
  chmodSync(users, 0o662)
  assert.match(found('passdb = passwd-file:users')[0] ?? '', /^fail passdb: .*may write it \(mode 662\)/)
  assert.match(
    found('passdb = saslauthd:/nosuch/mux')[0] ?? '',
    /^fail passdb: saslauthd at \/nosuch\/mux: ENOENT → start saslauthd/,
  )
  const tokens = join(path, 'oauth2.conf')
  writeFileSync(tokens, 'introspection_url = http://id.example.org/introspect\n', { mode: 0o644 })
  assert.deepEqual(
    found(`passdb = oauth2:${tokens}`).map((line) => line.replace(/ →.*/, '')),
    [
      `warn passdb: ${tokens}: others may read the secret in it (mode 644)`,
      `warn passdb: ${tokens}: tokens go to id.example.org in the clear`,
    ],
  )
  writeFileSync(tokens, 'introspection_url = here\n')
  assert.match(
    found(`passdb = oauth2:${tokens}`)[1] ?? '',
    /^fail passdb: .*:1: introspection_url is no address/,
  )
})

test('posthorn doctor --json: one finding a line; the exit code says whether something fails', async () => {
  const offline = 'dns_servers = 127.0.0.1:9\n'
  const ports = ['smtp', 'submission', 'submissions', 'pop3', 'pop3s', 'imap', 'imaps']
  const path = site(offline + ports.map((name) => `${name}_port = 0\n`).join(''))
  const doctor = async (...more: string[]) => {
    const shell = createShellFixture()
    const args = ['-c', path, 'doctor', '--time-server', '127.0.0.1:9', ...more]
    return { code: await runCli('posthorn', args, shell, async () => 42), out: shell.output() }
  }
  const { code, out } = await doctor('--json')
  const findings = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Finding)
  assert.equal(code, 0)
  assert.ok(findings.some(({ verdict, subject }) => verdict === 'ok' && subject === 'open relay'))
  assert.ok(findings.every(({ verdict, remedy }) => ['ok', 'none'].includes(verdict) || remedy !== undefined))
  writeFileSync(join(path, 'main.cf'), `${offline}passdb = saslauthd:/nosuch/mux\n`, { mode: 0o644 })
  const failing = await doctor()
  assert.equal(failing.code, 1)
  assert.match(failing.out, /^fail {2}passdb: saslauthd at \/nosuch\/mux: ENOENT\n {6}→ start saslauthd/m)
})

/** RFC 7672: DANE in a zone that is really signed (ldns, nsd), through a validating resolver (unbound), with Postfix as the TLS peer. */
import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { createHash, X509Certificate } from 'node:crypto'
import { Resolver } from 'node:dns/promises'
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type MailServer, startMailServer } from '@posthorn/server'
import { createTransport } from 'nodemailer'
import { alice, eventually } from '../clients/mail-server.ts'
import { readMailbox } from '../clients/mailbox-reader.ts'
import { freeUdpPort } from './free-udp-port.ts'
import { type Peers, startPeers } from './postfix-dovecot.ts'

const programs = ['/usr/sbin/nsd', '/usr/sbin/unbound', '/usr/bin/ldns-signzone', '/usr/sbin/postfix']
const missing = programs.filter((path) => !existsSync(path))
const skip = process.getuid?.() !== 0 ? 'only root can start Postfix' : missing.length > 0 && `no ${missing}`

/** Signs `name`; gives the DS record of its key. */
function signZone(folder: string, name: string, records: string): string {
  writeFileSync(
    join(folder, name),
    `$ORIGIN ${name}.\n$TTL 60\n@ SOA ns.${name}. root.${name}. 1 3600 600 86400 60\n@ NS ns.${name}.\nns A 127.0.0.1\n${records}`,
  )
  const key = execFileSync('ldns-keygen', ['-a', 'ECDSAP256SHA256', '-k', name], { cwd: folder })
    .toString()
    .trim()
  execFileSync('ldns-signzone', ['-n', name, key], { cwd: folder })
  return readFileSync(join(folder, `${key}.ds`), 'utf8')
}

async function startServer(
  program: string,
  args: readonly string[],
  folder: string,
  port: number,
  question: string,
): Promise<ChildProcess> {
  const log = join(folder, 'log')
  const output = openSync(log, 'a')
  const child = spawn(program, args, { stdio: ['ignore', output, output] })
  const probe = new Resolver({ timeout: 300, tries: 1 })
  probe.setServers([`127.0.0.1:${port}`])
  await eventually(program, async () => {
    if (child.exitCode !== null) throw new Error(`${program} ended: ${readFileSync(log, 'utf8')}`)
    return await probe.resolve4(question).catch(() => undefined)
  })
  return child
}

describe('DANE with Postfix, nsd and unbound', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-dane-'))
  const children: ChildProcess[] = []
  const log: string[] = []
  let peers: Peers
  let server: MailServer

  before(async () => {
    peers = await startPeers(28_700)
    const pem = readFileSync(join(dirname(peers.postfixFolder), 'tls', 'cert.pem'))
    const key = new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'der' })
    const digest = createHash('sha256').update(key).digest('hex')
    const port = peers.smtpPort
    const hosts = (tlsa: string): string =>
      `@ MX 10 mx\nmx A 127.0.0.1\n_${port}._tcp.mx TLSA 3 1 1 ${tlsa}\n`
    const signed = signZone(folder, 'good.test', hosts(digest))
    const wrong = signZone(folder, 'wrong.test', hosts('00'.repeat(32)))
    const plain = signZone(folder, 'plain.test', '@ MX 10 mx\nmx A 127.0.0.1\n')
    // A zone whose parent promises another key.
    const bogus = signZone(folder, 'bogus.test', hosts(digest))
    const [nsdPort, unboundPort] = [await freeUdpPort(), await freeUdpPort()]
    const zones = ['good.test', 'wrong.test', 'plain.test', 'bogus.test']
    let nsd = `server:\n  ip-address: 127.0.0.1@${nsdPort}\n  server-count: 1\n  username: ""\n  chroot: ""\n  zonesdir: "${folder}"
  pidfile: "${folder}/nsd.pid"\n  xfrdfile: "${folder}/xfrd"\n  zonelistfile: "${folder}/zone.list"\n  xfrdir: "${folder}"\nremote-control:\n  control-enable: no\n`
    let unbound = `server:\n  interface: 127.0.0.1@${unboundPort}\n  access-control: 127.0.0.0/8 allow\n  username: ""\n  chroot: ""\n  directory: "${folder}"
  pidfile: "${folder}/unbound.pid"\n  use-syslog: no\n  logfile: ""\n  do-not-query-localhost: no\n  do-ip6: no\n  trust-anchor-file: "${folder}/anchors"\n  module-config: "validator iterator"
  local-zone: "test." nodefault\nremote-control:\n  control-enable: no\n`
    for (const zone of zones) {
      nsd += `zone:\n  name: ${zone}\n  zonefile: ${zone}.signed\n`
      unbound += `stub-zone:\n  name: ${zone}\n  stub-addr: 127.0.0.1@${nsdPort}\n`
    }
    writeFileSync(join(folder, 'nsd.conf'), nsd)
    writeFileSync(join(folder, 'unbound.conf'), unbound)
    writeFileSync(join(folder, 'anchors'), [signed, wrong, plain].join(''))
    appendFileSync(join(folder, 'anchors'), bogus.replace(/[0-9a-f]{8}(?=\s*$)/, '00000000'))
    children.push(
      await startServer(
        '/usr/sbin/nsd',
        ['-d', '-c', join(folder, 'nsd.conf')],
        folder,
        nsdPort,
        'mx.good.test',
      ),
      await startServer(
        '/usr/sbin/unbound',
        ['-d', '-c', join(folder, 'unbound.conf')],
        folder,
        unboundPort,
        'mx.good.test',
      ),
    )
    const way = (user: string, zone: string): string => `${user}@bench.test=smtp:${zone}:${port}`
    server = await startMailServer({
      parameters: {
        myhostname: 'mail.example.org',
        mydestination: 'example.org',
        alias_maps: '',
        mynetworks: '127.0.0.0/8',
        dns_servers: `127.0.0.1:${unboundPort}`,
        dnssec_resolvers: `127.0.0.1:${unboundPort}`,
        smtp_dns_support_level: 'dnssec',
        smtp_tls_security_level: 'dane',
        smtp_tls_loglevel: '1',
        transport_maps: `inline:{${[way('u1', 'good.test'), way('u2', 'wrong.test'), way('u3', 'bogus.test'), way('u4', 'plain.test')].join(',')}}`,
      },
      accounts: [alice],
      log: ({ text, service }) => log.push(`${service}: ${text}`),
    })
  })
  after(async () => {
    await server?.stop()
    for (const child of children) child.kill('SIGTERM')
    await peers?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  const send = async (name: string): Promise<void> => {
    await createTransport({ host: '127.0.0.1', port: server.ports.smtp, ignoreTLS: true }).sendMail({
      from: alice.address,
      to: `${name}@bench.test`,
      subject: `dane to ${name}`,
      text: 'x',
    })
  }
  const said = async (pattern: RegExp): Promise<string> =>
    await eventually(`${pattern}`, async () => log.find((line) => pattern.test(line))).catch((error) => {
      throw new Error(`${error.message}\n${log.join('\n')}`)
    })

  test('TLSA records that fit: a verified session, and the mail arrives', async () => {
    await send('u1')
    await said(/smtp: .*to=<u1@bench\.test>.*status=sent/)
    await said(/Verified TLS connection established to mx\.good\.test\[127\.0\.0\.1\]/)
    const found = await eventually('the mail', async () =>
      (await readMailbox(peers.imapPort, { address: 'u1@bench.test', password: 'secret' })).find(
        ({ source }) => source.includes('dane to u1'),
      ),
    )
    assert.ok(found)
  })

  test('TLSA records that do not fit: no mail, in the clear or otherwise', async () => {
    await send('u2')
    const line = await said(/to=<u2@bench\.test>.*status=deferred/)
    assert.match(line, /dsn=4\.7\.5, .*Server certificate not verified: no TLSA record matches/)
  })

  test('an answer that cannot be validated defers the mail', async () => {
    await send('u3')
    const line = await said(/to=<u3@bench\.test>.*status=/)
    assert.match(line, /status=deferred/)
  })

  test('a signed zone without TLSA records: TLS as it comes', async () => {
    await send('u4')
    await said(/to=<u4@bench\.test>.*status=sent/)
    await said(/(?:Untrusted|Anonymous|Trusted) TLS connection established to mx\.plain\.test/)
  })
})

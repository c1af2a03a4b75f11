/** Postfix as the mail server of a domain with an MTA-STS policy, and as one that asks for our certificate. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:https'
import { createServer as createSocketServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { zoneFileResolver } from '@posthorn/dns'
import { type MailServer, startMailServer } from '@posthorn/server'
import { createTransport } from 'nodemailer'
import { makeCertificate } from '../../packages/smtp/src/client/certificate-fixture.ts'
import { eventually } from '../clients/mail-server.ts'
import { freePort } from '../free-port.ts'
import { masterCf, ownPlaces, postfixMissing, runPostfix, writeMainCf } from './private-postfix.ts'

const root = makeCertificate({ name: 'Outward Root', kind: 'authority' })
/** Policies are fetched from port 443 of the address that DNS gives: one of loopback that nobody else takes. */
const policyHost = `127.93.${process.pid % 250}.${1 + (Date.now() % 250)}`

const portIsFree = await new Promise<boolean>((resolve) => {
  const probe = createSocketServer()
  probe.once('error', () => resolve(false))
  probe.listen(443, policyHost, () => probe.close(() => resolve(true)))
})
const skip = postfixMissing !== false ? postfixMissing : !portIsFree && 'port 443 is not to be had'

describe('TLS outward with Postfix', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-outward-tls-'))
  const log: string[] = []
  const policies = new Map<string, string>()
  let web: Server
  let port = 0
  let server: MailServer

  const write = (name: string, text: string): string => {
    const file = join(folder, name)
    writeFileSync(file, text, { mode: 0o600 })
    return file
  }
  before(async () => {
    chmodSync(folder, 0o755)
    for (const name of ['postfix', 'queue', 'lib']) mkdirSync(join(folder, name))
    execFileSync('chown', ['postfix', join(folder, 'lib')])
    const mx = makeCertificate({ name: 'mx.good.test', kind: 'server', issuer: root })
    const ours = makeCertificate({ name: 'mail.example.org', kind: 'server', issuer: root })
    const web443 = makeCertificate({ name: 'mta-sts.good.test', kind: 'server', issuer: root })
    const webOther = makeCertificate({ name: 'mta-sts.other.test', kind: 'server', issuer: root })
    port = await freePort()
    writeFileSync(join(folder, 'postfix', 'master.cf'), masterCf(port))
    const fingerprint = ours.x509.fingerprint256
    writeFileSync(join(folder, 'certs'), `${fingerprint} ok\n`)
    const mainCf = [
      'myhostname = mx.good.test',
      'mydestination =',
      'relay_domains = good.test, other.test, bad.test, known.test, chain.test, secret.test',
      'default_transport = discard:',
      'relay_transport = discard:',
      ...ownPlaces(folder),
      'alias_maps =',
      'alias_database =',
      'mynetworks = 192.0.2.0/24',
      'smtpd_peername_lookup = no',
      'smtpd_tls_security_level = may',
      `smtpd_tls_cert_file = ${write('mx.pem', mx.cert)}`,
      `smtpd_tls_key_file = ${write('mx.key', mx.key)}`,
      `smtpd_tls_CAfile = ${write('root.pem', root.cert)}`,
      'smtpd_tls_ask_ccert = yes',
      'smtpd_tls_fingerprint_digest = sha256',
      `relay_clientcerts = texthash:${folder}/certs`,
      'smtpd_tls_loglevel = 1',
      'smtpd_recipient_restrictions = check_recipient_access inline:{known.test=only_known,chain.test=only_known,secret.test=only_known}, permit_auth_destination, reject',
      'smtpd_restriction_classes = only_known',
      'only_known = permit_tls_clientcerts, reject',
      'compatibility_level = 3.6',
    ]
    writeMainCf(folder, mainCf)
    runPostfix(folder, 'start')
    const contexts = { 'mta-sts.good.test': web443, 'mta-sts.other.test': webOther }
    web = createServer({ cert: web443.cert, key: web443.key }, (request, response) => {
      const text = policies.get(request.headers.host ?? '')
      response.writeHead(text === undefined ? 404 : 200, { 'content-type': 'text/plain' })
      response.end(text)
    })
    for (const [name, { cert, key }] of Object.entries(contexts)) web.addContext(name, { cert, key })
    await new Promise<void>((resolve, reject) => {
      web.once('error', reject)
      web.listen(443, policyHost, resolve)
    })
    const zone = ['good', 'other', 'bad', 'known', 'chain', 'secret'].map(
      (name) =>
        `${name}.test. MX 10 mx.good.test.\nmta-sts.${name}.test. A ${policyHost}\n` +
        (name === 'known' || name === 'chain' || name === 'secret'
          ? ''
          : `_mta-sts.${name}.test. TXT "v=STSv1; id=1"\n`),
    )
    const policy = (mode: string, host: string): string =>
      `version: STSv1\r\nmode: ${mode}\r\nmx: ${host}\r\nmax_age: 86400\r\n`
    policies.set('mta-sts.good.test', policy('enforce', 'mx.good.test'))
    policies.set('mta-sts.other.test', policy('enforce', '*.elsewhere.test'))
    const way = (name: string): string => `${name}.test=smtp:${name}.test:${port}`
    const transport = (name: string): string => `${name} unix - - n - - smtp -o smtp_tls_cert_file=`
    const dataFolder = join(folder, 'data')
    // Counted two days ago, and not reported yet.
    const day = join(dataFolder, 'tlsrpt', new Date(Date.now() - 2 * 86_400_000).toISOString().slice(0, 10))
    mkdirSync(day, { recursive: true })
    const counted = {
      policy: { type: 'sts', strings: [], mxHosts: [] },
      successes: 3,
      failures: 0,
      details: [],
    }
    writeFileSync(join(day, '1-1.json'), JSON.stringify({ 'good.test': [counted] }))
    server = await startMailServer({
      dataFolder,
      parameters: {
        myhostname: 'mail.example.org',
        mydomain: 'example.org',
        mydestination: 'example.org',
        alias_maps: '',
        mynetworks: '127.0.0.0/8',
        smtp_tls_CAfile: join(folder, 'root.pem'),
        smtp_tls_cert_file: write('ours.pem', ours.cert),
        smtp_tls_key_file: write('ours.key', ours.key),
        smtp_tls_loglevel: '1',
        smtp_tlsrpt_enable: 'yes',
        transport_maps: `inline:{${['good', 'other', 'bad', 'known'].map(way).join(',')},chain.test=chain:chain.test:${port},secret.test=anonymous:secret.test:${port}}`,
      },
      masterCf: `smtp inet n - n - - smtpd
${transport('anonymous')}
${transport('chain')} -o smtp_tls_chain_files=${write('chain.pem', ours.key + ours.cert)}
`,
      resolver: zoneFileResolver(
        `${zone.join('')}mx.good.test. A 127.0.0.1\n_smtp._tls.good.test. TXT "v=TLSRPTv1; rua=mailto:reports@good.test"\n`,
      ),
      log: ({ text, service }) => log.push(`${service}: ${text}`),
    })
  })
  after(async () => {
    await server?.stop()
    runPostfix(folder, 'stop')
    await new Promise((resolve) => web?.close(resolve))
    rmSync(folder, { recursive: true, force: true })
  })

  const sent = async (domain: string): Promise<string> => {
    await createTransport({ host: '127.0.0.1', port: server.ports.smtp, ignoreTLS: true }).sendMail({
      from: 'alice@example.org',
      to: `box@${domain}`,
      subject: 'x',
      text: 'x',
    })
    const whom = new RegExp(`to=<box@${domain.replaceAll('.', '[.]')}>.*status=`)
    return await eventually(
      `the outcome for ${domain}`,
      async () => log.findLast((line) => whom.test(line)),
      60_000,
    )
  }

  test('RFC 8461 §5: a policy over HTTPS by our own authority, and a server that fits it', async () => {
    assert.match(await sent('good.test'), /status=sent/)
    assert.ok(
      log.some((line) => line.includes('Verified TLS connection established to mx.good.test[127.0.0.1]')),
      log.join('\n'),
    )
  })

  test('RFC 8461 §4.1: a server that the policy does not name gets nothing', async () => {
    assert.match(
      await sent('other.test'),
      /status=deferred \(host mx\.good\.test is not in the MTA-STS policy of its domain\)/,
    )
  })

  test('RFC 8461 §3.3: a policy that another host vouches for is none', async () => {
    policies.set('mta-sts.bad.test', policies.get('mta-sts.other.test') ?? '')
    assert.match(await sent('bad.test'), /status=sent/)
  })

  test('smtp_tls_cert_file: our certificate opens a door, and a transport of its own shows none', async () => {
    assert.match(await sent('known.test'), /status=sent/)
    assert.match(await sent('chain.test'), /status=sent/)
    assert.match(await sent('secret.test'), /status=bounced .*554 5\.7\.1 .*Access denied/)
  })

  test('RFC 8460 §3: the report of a day before this start reaches the domain', async () => {
    await eventually(
      'the report',
      async () => log.find((line) => /to=<reports@good\.test>.*status=sent/.test(line)),
      60_000,
    )
    assert.ok(
      log.some((line) => /^tlsrpt: report .*_good\.test@example\.org to .*: in the queue$/.test(line)),
    )
  })
})

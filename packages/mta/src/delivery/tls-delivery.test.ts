import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { createSecureResolver } from '@posthorn/dns'
import { TlsCredentials } from '@posthorn/net'
import { createSmtpService } from '@posthorn/smtp'
import { type Standing, testDnsServer } from '../../../dns/src/dns-server-fixture.ts'
import { type MadeCertificate, makeCertificate } from '../../../smtp/src/client/certificate-fixture.ts'
import { RecordingHandler } from '../../../smtp/src/handler-fixture.ts'
import { QueueBench } from '../queue/queue-fixture.ts'
import type { SessionResult } from '../tlsrpt/session-result.ts'
import type { StsPolicy } from './mta-sts.ts'
import { defaultRemoteSettings, type RemoteTlsSettings } from './remote-settings.ts'
import type { TlsLevel } from './tls-policy.ts'

const root = makeCertificate({ name: 'Test Root', kind: 'authority' })
const good = makeCertificate({ name: 'mx.local.test', kind: 'server', issuer: root })
const other = makeCertificate({ name: 'mx.local.test', kind: 'server' })

const digestOf = (made: MadeCertificate): Buffer =>
  createHash('sha256')
    .update(made.x509.publicKey.export({ type: 'spki', format: 'der' }) as Buffer)
    .digest()

interface Setting {
  readonly level: TlsLevel
  readonly shown?: MadeCertificate | 'no TLS'
  /** Standing of MX, address and TLSA records; no TLSA without the third. */
  readonly dns?: readonly [mx: Standing, a: Standing, tlsa?: Standing]
  readonly tlsa?: MadeCertificate
  readonly usage?: number
  readonly sts?: Pick<StsPolicy, 'mode' | 'mx'> | 'sts-webpki-invalid'
  readonly requireTls?: true
  readonly header?: string
  /** `sent`, or what is said to whom. */
  readonly expect: RegExp
}

const rows: Readonly<Record<string, Setting>> = {
  'dane: a record that fits': { level: 'dane', dns: ['secure', 'secure', 'secure'], expect: /^sent secure/ },
  'dane: a record that does not fit is no reason to go on': {
    level: 'dane',
    shown: other,
    dns: ['secure', 'secure', 'secure'],
    expect: /^4\.7\.5 Server certificate not verified: no TLSA record matches/,
  },
  'RFC 7672 §2.2: with records, STARTTLS that is missing is an attack': {
    level: 'dane',
    shown: 'no TLS',
    dns: ['secure', 'secure', 'secure'],
    expect: /^4\.7\.4 TLS is required, but was not offered/,
  },
  'RFC 7672 §2.1.1: a bogus TLSA answer is never taken for none': {
    level: 'dane',
    dns: ['secure', 'secure', 'bogus'],
    expect: /^4\.7\.5 TLSA lookup error for mx\.local\.test:\d+: server failure/,
  },
  'a bogus MX answer': {
    level: 'dane',
    dns: ['bogus', 'secure', 'secure'],
    expect: /^4\.4\.3 MX look-up of local\.test:\d+ cannot be validated/,
  },
  'a silent resolver': { level: 'dane', dns: ['silent', 'secure'], expect: /^4\.4\.3 MX look-up/ },
  'dane: no records, opportunistic': {
    level: 'dane',
    shown: other,
    dns: ['secure', 'secure'],
    expect: /^sent secure/,
  },
  'dane: no records, no TLS': {
    level: 'dane',
    shown: 'no TLS',
    dns: ['secure', 'secure'],
    expect: /^sent clear/,
  },
  'RFC 7672 §2.1.2: unsigned TLSA records say nothing': {
    level: 'dane',
    shown: other,
    dns: ['secure', 'secure', 'insecure'],
    expect: /^sent secure/,
  },
  'dane: an unsigned address is not asked about': {
    level: 'dane',
    shown: 'no TLS',
    dns: ['secure', 'insecure', 'secure'],
    expect: /^sent clear/,
  },
  'RFC 7672 §3.1.3: usages of the web ask for TLS and no more': {
    level: 'dane',
    shown: other,
    usage: 1,
    dns: ['secure', 'secure', 'secure'],
    expect: /^sent secure/,
  },
  smtp_tls_dane_insecure_mx_policy: {
    level: 'dane',
    shown: other,
    dns: ['insecure', 'secure', 'secure'],
    expect: /^4\.7\.5 Server certificate not verified/,
  },
  'dane-only without records': {
    level: 'dane-only',
    dns: ['secure', 'secure'],
    expect: /^4\.7\.5 DANE is required for mx\.local\.test, but no TLSA records found/,
  },
  'RFC 8461 §5: enforce, a certificate that fits': {
    level: 'may',
    sts: { mode: 'enforce', mx: ['*.local.test'] },
    expect: /^sent secure/,
  },
  'RFC 8461 §5: enforce, a certificate that does not': {
    level: 'may',
    shown: other,
    sts: { mode: 'enforce', mx: ['mx.local.test'] },
    expect: /^4\.7\.5 Server certificate not trusted/,
  },
  'RFC 8461 §5: enforce, no TLS': {
    level: 'may',
    shown: 'no TLS',
    sts: { mode: 'enforce', mx: ['mx.local.test'] },
    expect: /^4\.7\.4 TLS is required/,
  },
  'RFC 8461 §4.1: enforce, a host that is not in the policy': {
    level: 'may',
    sts: { mode: 'enforce', mx: ['mx.b.test'] },
    expect: /^4\.7\.5 host mx\.local\.test is not in the MTA-STS policy/,
  },
  'RFC 8461 §5: testing changes nothing': {
    level: 'may',
    shown: other,
    sts: { mode: 'testing', mx: ['mx.b.test'] },
    expect: /^sent secure/,
  },
  'RFC 8461 §5: testing, a certificate that does not fit': {
    level: 'may',
    shown: other,
    sts: { mode: 'testing', mx: ['mx.local.test'] },
    expect: /^sent secure/,
  },
  'RFC 8461 §5: testing, a certificate that fits': {
    level: 'may',
    sts: { mode: 'testing', mx: ['mx.local.test'] },
    expect: /^sent secure/,
  },
  'RFC 8460 §4.3.2.2: a policy that cannot be fetched': {
    level: 'may',
    sts: 'sts-webpki-invalid',
    expect: /^sent secure/,
  },
  'RFC 8461 §2: DANE is believed before MTA-STS': {
    level: 'dane',
    shown: other,
    tlsa: other,
    dns: ['secure', 'secure', 'secure'],
    sts: { mode: 'enforce', mx: ['mx.local.test'] },
    expect: /^sent secure/,
  },
  'RFC 8689 §3: TLS-Required: No waives what the recipient demands': {
    level: 'may',
    shown: other,
    sts: { mode: 'enforce', mx: ['mx.local.test'] },
    header: 'TLS-Required: No\r\n',
    expect: /^sent secure/,
  },
  'RFC 8689 §4.2.1: REQUIRETLS with proof by DNSSEC': {
    level: 'may',
    requireTls: true,
    dns: ['secure', 'secure', 'secure'],
    expect: /^sent secure REQUIRETLS/,
  },
  'RFC 8689 §4.2.1: REQUIRETLS with proof by MTA-STS': {
    level: 'may',
    requireTls: true,
    sts: { mode: 'enforce', mx: ['mx.local.test'] },
    expect: /^sent secure REQUIRETLS/,
  },
  'RFC 8689 §4.2.1: REQUIRETLS without proof': {
    level: 'may',
    requireTls: true,
    dns: ['insecure', 'secure'],
    expect: /^bounced 5\.7\.30/,
  },
  'RFC 8689 §4.2.1: REQUIRETLS, a certificate that nobody vouches for': {
    level: 'may',
    shown: other,
    requireTls: true,
    dns: ['secure', 'secure'],
    expect: /^4\.7\.5 Server certificate not trusted/,
  },
}

/** RFC 8460 §4.3: what is counted of the session, and under which policy. */
const reported: Readonly<Record<string, string>> = {
  'dane: a record that fits': 'tlsa good',
  'dane: a record that does not fit is no reason to go on': 'tlsa validation-failure',
  'RFC 7672 §2.2: with records, STARTTLS that is missing is an attack': 'tlsa starttls-not-supported',
  'RFC 7672 §2.1.1: a bogus TLSA answer is never taken for none': 'tlsa dnssec-invalid',
  'a bogus MX answer': 'tlsa dnssec-invalid',
  'dane: no records, opportunistic': 'no-policy-found good',
  'dane: no records, no TLS': 'no-policy-found starttls-not-supported',
  'dane-only without records': 'tlsa dane-required',
  'RFC 8461 §5: enforce, a certificate that fits': 'sts good',
  'RFC 8461 §5: enforce, a certificate that does not': 'sts certificate-not-trusted',
  'RFC 8461 §5: enforce, no TLS': 'sts starttls-not-supported',
  'RFC 8461 §4.1: enforce, a host that is not in the policy': 'sts validation-failure',
  'RFC 8461 §5: testing changes nothing': 'sts validation-failure',
  'RFC 8461 §2: DANE is believed before MTA-STS': 'tlsa good',
  'RFC 8461 §5: testing, a certificate that does not fit': 'sts certificate-not-trusted',
  'RFC 8461 §5: testing, a certificate that fits': 'sts good',
  'RFC 8460 §4.3.2.2: a policy that cannot be fetched': 'sts sts-webpki-invalid',
}

const peer = async (t: TestContext, shown: MadeCertificate | 'no TLS') => {
  const handler = new RecordingHandler()
  const service = createSmtpService({
    handler,
    options: { hostname: 'mx.local.test' },
    log: () => undefined,
    ...(shown === 'no TLS' ? {} : { tls: new TlsCredentials({ cert: shown.cert, key: shown.key }) }),
  })
  t.after(() => service.close('now'))
  return { handler, port: (await service.listen({ service: 'mx', host: '127.0.0.1', port: 0 })).port }
}

const resolverOf = async (t: TestContext, setting: Setting, port: number) => {
  const [mx, a, tlsa] = setting.dns ?? ['insecure', 'insecure']
  const data = {
    usage: setting.usage ?? 3,
    selector: 1,
    matchingType: 1,
    certificate: digestOf(setting.tlsa ?? good),
  }
  const dns = await testDnsServer(
    [
      [mx, { type: 'MX', name: 'local.test', ttl: 60, data: { preference: 1, exchange: 'mx.local.test' } }],
      [a, { type: 'A', name: 'mx.local.test', ttl: 60, data: '127.0.0.1' }],
      ...(tlsa === undefined
        ? []
        : [[tlsa, { type: 'TLSA', name: `_${port}._tcp.mx.local.test`, ttl: 60, data }] as const]),
    ],
    ['local.test'],
  )
  t.after(() => dns.close())
  return createSecureResolver({ servers: [dns.server], timeoutMs: 300, tries: 1 })
}

const client = () => ({
  protocol: 'smtp' as const,
  heloName: 'us.test',
  tlsLevel: 'may' as const,
  tls: { ca: root.cert },
  timeouts: { heloMs: 2000 },
})

for (const [what, setting] of Object.entries(rows)) {
  test(what, async (t) => {
    const { handler, port } = await peer(t, setting.shown ?? good)
    const { sts } = setting
    const counted: SessionResult[] = []
    const tls: RemoteTlsSettings = {
      ...defaultRemoteSettings.tls,
      policyFor: () => ({ kind: 'policy', policy: { level: setting.level, match: [], tls: {} } }),
      secure: setting.dns === undefined ? undefined : await resolverOf(t, setting, port),
      sts:
        sts === undefined
          ? undefined
          : {
              failureOf: () => (typeof sts === 'string' ? sts : undefined),
              policyFor: async () =>
                typeof sts === 'string' ? undefined : { id: '1', expiresMs: Number.MAX_SAFE_INTEGER, ...sts },
            },
      reports: { record: (result) => counted.push(result), resumed: 'skipped' },
    }
    const bench = await QueueBench.open(t, {
      zone: 'local.test. MX 1 mx.local.test.\nmx.local.test. A 127.0.0.1\n',
      delivery: { smtpClient: client },
      remote: { tls },
    })
    const options = setting.requireTls === undefined ? {} : { requireTls: true as const }
    const content = `${setting.header ?? ''}Subject: x\r\n\r\nx\r\n`
    const to = bench.recipient('x@local.test', { nextHop: `local.test:${port}` })
    const queueId = await bench.accept([to], { options, content })
    bench.runner.start()
    await bench.quiet()
    const [mail] = handler.mails
    const entry = await bench.store.queue.get(queueId)
    const note = entry?.recipients[0]?.last
    const bounced = bench.lines.find((line) => line.includes('status=bounced'))
    const said =
      mail !== undefined
        ? `sent ${mail.protocol.endsWith('S') ? 'secure' : 'clear'}${mail.from.requireTls ? ' REQUIRETLS' : ''}`
        : note !== undefined
          ? `${note.status} ${note.diagnostic}`
          : `bounced ${/dsn=(\S+),/.exec(bounced ?? '')?.[1]}`
    assert.match(said, setting.expect)
    for (const { domain } of counted) assert.equal(domain, 'local.test')
    const results = counted.map(({ policy, failure }) => `${policy.type} ${failure?.type ?? 'good'}`)
    if (reported[what] !== undefined) assert.deepEqual([...new Set(results)], [reported[what]])
  })
}

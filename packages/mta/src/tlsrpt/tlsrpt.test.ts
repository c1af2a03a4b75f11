import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { zoneFileResolver } from '@posthorn/dns'
import type { HttpsPost } from '@posthorn/net'
import { simpleParser } from 'mailparser'
import { type ReportUri, reportUris } from './report-uris.ts'
import { sendReports } from './send-reports.ts'
import { failureAt, noPolicy, type SessionResult } from './session-result.ts'
import { TlsTally } from './tally.ts'

const sts = {
  type: 'sts' as const,
  strings: ['version: STSv1', 'mode: testing', 'mx: *.a.test', 'max_age: 86400'],
  mxHosts: ['*.a.test'],
}
const where = {
  sendingAddress: '192.0.2.1',
  receivingAddress: '192.0.2.7',
  host: 'mx.a.test',
  heloName: 'mx7.a.test',
}
const expired: SessionResult = {
  domain: 'a.test',
  policy: sts,
  failure: failureAt('certificate-expired', 'since yesterday', where),
}

test('RFC 8460 §3: where reports go', () => {
  const rows: readonly (readonly [texts: readonly string[], expect: readonly ReportUri[]])[] = [
    [['v=TLSRPTv1; rua=mailto:r@a.test'], [{ kind: 'mailto', address: 'r@a.test' }]],
    [
      ['v=TLSRPTv1;rua=mailto:r%2Bx@a.test , https://r.a.test:8443/v1?x=1;'],
      [
        { kind: 'mailto', address: 'r+x@a.test' },
        { kind: 'https', host: 'r.a.test', port: 8443, path: '/v1?x=1' },
      ],
    ],
    [
      ['v=spf1 -all', 'v=TLSRPTv1; rua=https://a.test'],
      [{ kind: 'https', host: 'a.test', port: 443, path: '/' }],
    ],
    [['v=TLSRPTv1; rua=mailto:r@a.test', 'v=TLSRPTv1; rua=mailto:s@a.test'], []],
    [['v=TLSRPTv1; rua=http://a.test, ftp://a.test, mailto:nobody, mailto:%zz, https://u:p@a.test'], []],
    [['v=TLSRPTv2; rua=mailto:r@a.test'], []],
    [['v=TLSRPTv1; other=x'], []],
    [[], []],
  ]
  for (const [texts, expect] of rows) assert.deepEqual(reportUris(texts), expect, texts.join(' | '))
  const many = `v=TLSRPTv1; rua=${Array.from({ length: 50 }, (_, at) => `mailto:r${at}@a.test`).join(',')}`
  assert.equal(reportUris([many]).length, 5)
})

test('a day is counted in bounded memory, whatever servers do', () => {
  const tally = new TlsTally()
  for (let at = 0; at < 300; at++) {
    const failure = failureAt('validation-failure', 'x'.repeat(5_000), { ...where, host: `mx${at}.a.test` })
    tally.add({ domain: 'a.test', policy: sts, failure })
    tally.add({ domain: 'b.test', policy: { ...sts, strings: [`${at}`] } })
  }
  for (let at = 0; at < 12_000; at++) tally.add({ domain: `d${at}.test`, policy: noPolicy })
  const { 'a.test': [a] = [], 'b.test': b = [], ...others } = tally.save()
  assert.equal(a?.failures, 300)
  assert.equal(a?.details.length, 50)
  assert.equal(a?.details[0]?.text.length, 200)
  assert.equal(b.length, 10)
  assert.equal(Object.keys(others).length, 9_998)
  const whole = new TlsTally()
  for (let at = 0; at < 1_000; at++)
    for (let host = 0; host < 40; host++)
      whole.add({
        domain: `d${at}.test`,
        policy: sts,
        failure: failureAt('certificate-expired', '', { ...where, host: `${host}` }),
      })
  const details = Object.values(whole.save()).flatMap(([one]) => one?.details ?? [])
  assert.equal(details.length, 20_000)
})

const bench = (zone: string) => {
  const mails: { readonly to: string; readonly message: Buffer }[] = []
  const posts: HttpsPost[] = []
  const log: string[] = []
  const send = async (tally: TlsTally) =>
    await sendReports('2026-11-21', tally.save(), {
      resolver: zoneFileResolver(zone),
      reporter: { organization: 'Us & Co', contact: 'tls@us.test', submitter: 'us.test' },
      submit: async (to, message) => {
        if (to.startsWith('full@')) throw new Error('452 queue full')
        mails.push({ to, message })
      },
      post: async (question) => {
        posts.push(question)
        return question.path === '/no' ? 500 : 201
      },
      log: ({ text }) => log.push(text),
      now: () => Date.UTC(2026, 10, 22, 1),
      signal: new AbortController().signal,
    })
  return { mails, posts, log, send }
}

test('RFC 8460 §4.4, §5.3: the report of a day as mail, compressed JSON in a multipart/report', async () => {
  const tally = new TlsTally()
  tally.add({ domain: 'a.test', policy: sts })
  tally.add(expired)
  const other = new TlsTally()
  other.add(expired)
  other.add({ domain: 'a.test', policy: noPolicy })
  other.add({ domain: 'asks-not.test', policy: noPolicy })
  tally.merge(other.save())
  const { mails, posts, log, send } = bench('_smtp._tls.a.test. TXT "v=TLSRPTv1; rua=mailto:r@a.test"\n')
  await send(tally)
  assert.deepEqual(posts, [])
  assert.deepEqual(log, ['report 2026-11-21_a.test@us.test to <r@a.test>: in the queue'])
  const [mail] = mails
  assert.equal(mail?.to, 'r@a.test')
  const parsed = await simpleParser(mail?.message ?? '')
  assert.equal(
    parsed.subject,
    'Report Domain: a.test Submitter: us.test Report-ID: <2026-11-21_a.test@us.test>',
  )
  assert.equal(parsed.from?.value[0]?.address, 'tls@us.test')
  const head = mail?.message.toString() ?? ''
  assert.match(head, /^TLS-Report-Domain: a\.test\r$/m)
  assert.match(head, /^TLS-Report-Submitter: us\.test\r$/m)
  assert.match(head, /^TLS-Required: No\r$/m)
  assert.match(head, /^Content-Type: multipart\/report; report-type="tlsrpt";\r$/m)
  const [attachment] = parsed.attachments
  assert.match(head, /^Content-Type: application\/tlsrpt\+gzip\r$/m)
  assert.match(head, /^\tfilename="us\.test!a\.test!1795219200!1795305599\.json\.gz"\r$/m)
  assert.deepEqual(JSON.parse(gunzipSync(attachment?.content ?? Buffer.alloc(0)).toString()), {
    'organization-name': 'Us & Co',
    'date-range': { 'start-datetime': '2026-11-21T00:00:00Z', 'end-datetime': '2026-11-21T23:59:59Z' },
    'contact-info': 'tls@us.test',
    'report-id': '2026-11-21_a.test@us.test',
    policies: [
      {
        policy: {
          'policy-type': 'sts',
          'policy-string': sts.strings,
          'policy-domain': 'a.test',
          'mx-host': ['*.a.test'],
        },
        summary: { 'total-successful-session-count': 1, 'total-failure-session-count': 2 },
        'failure-details': [
          {
            'result-type': 'certificate-expired',
            'sending-mta-ip': '192.0.2.1',
            'receiving-mx-hostname': 'mx.a.test',
            'receiving-mx-helo': 'mx7.a.test',
            'receiving-ip': '192.0.2.7',
            'failed-session-count': 2,
            'failure-reason-code': 'since yesterday',
          },
        ],
      },
      {
        policy: { 'policy-type': 'no-policy-found', 'policy-domain': 'a.test' },
        summary: { 'total-successful-session-count': 1, 'total-failure-session-count': 0 },
      },
    ],
  })
})

test('RFC 8460 §3: by HTTPS, to public addresses alone; what fails stops no other report', async () => {
  const rua = (uris: string) => `TXT "v=TLSRPTv1; rua=${uris}"\n`
  const { mails, posts, log, send } = bench(
    `_smtp._tls.a.test. ${rua('https://r.a.test/v1,https://r.a.test/no,https://inside.a.test/x,https://127.0.0.1/,mailto:full@a.test')}` +
      `_smtp._tls.b.test. ${rua('mailto:r@b.test')}` +
      'r.a.test. A 10.0.0.1\nr.a.test. A 198.41.0.4\ninside.a.test. A 127.0.0.1\ninside.a.test. A 169.254.169.254\n',
  )
  const tally = new TlsTally()
  tally.add(expired)
  tally.add({ domain: 'b.test', policy: noPolicy })
  tally.add({ domain: 'x"\r\nBcc: y', policy: noPolicy })
  await send(tally)
  assert.deepEqual(
    posts.map(({ host, address, port, path, contentType }) => [host, address, port, path, contentType]),
    [
      ['r.a.test', '198.41.0.4', 443, '/v1', 'application/tlsrpt+gzip'],
      ['r.a.test', '198.41.0.4', 443, '/no', 'application/tlsrpt+gzip'],
    ],
  )
  assert.equal(
    JSON.parse(gunzipSync(posts[0]?.body ?? Buffer.alloc(0)).toString())['organization-name'],
    'Us & Co',
  )
  assert.deepEqual(
    mails.map(({ to }) => to),
    ['r@b.test'],
  )
  assert.deepEqual(
    log.map((line) => line.replace(/^report \S+ to /, '')),
    [
      'https://r.a.test/v1: taken with status 201',
      'https://r.a.test/no: refused with status 500',
      'https://inside.a.test/x: no public address',
      'https://127.0.0.1/: no such host',
      '<full@a.test>: 452 queue full',
      '<r@b.test>: in the queue',
    ],
  )
})

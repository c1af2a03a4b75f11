import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import { connectSmtp, type SmtpClientOptions } from '../index.ts'
import { type PeerAction, scriptedPeer } from './scripted-peer-fixture.ts'

const base64 = (text: string): string => Buffer.from(text).toString('base64')
const login = { user: 'alice', password: 's3cret', plaintext: 'allowed' } as const
const proof = createHmac('md5', 's3cret').update('<1@peer>').digest('hex')

const rows: readonly {
  readonly what: string
  readonly offered: string
  readonly script: Readonly<Record<string, PeerAction>>
  readonly options?: Partial<NonNullable<SmtpClientOptions['login']>>
  readonly expect: readonly string[] | RegExp
}[] = [
  {
    what: 'RFC 4616: PLAIN in one step',
    offered: '250-AUTH PLAIN LOGIN',
    script: { AUTH: '235 2.7.0 ok' },
    expect: [`AUTH PLAIN ${base64('\0alice\0s3cret')}`],
  },
  {
    what: 'LOGIN, by the old form of the keyword',
    offered: '250-AUTH=LOGIN',
    script: {
      AUTH: `334 ${base64('Username:')}`,
      [base64('alice')]: `334 ${base64('Password:')}`,
      [base64('s3cret')]: '235 2.7.0 ok',
    },
    expect: ['AUTH LOGIN', base64('alice'), base64('s3cret')],
  },
  {
    what: 'RFC 2195 §2: CRAM-MD5 is preferred',
    offered: '250-AUTH PLAIN CRAM-MD5',
    script: { AUTH: `334 ${base64('<1@peer>')}`, [base64(`alice ${proof}`)]: '235 2.7.0 ok' },
    expect: ['AUTH CRAM-MD5', base64(`alice ${proof}`)],
  },
  {
    what: 'smtp_sasl_mechanism_filter',
    offered: '250-AUTH PLAIN CRAM-MD5',
    options: { mechanisms: ['!cram-md5'] },
    script: { AUTH: '235 2.7.0 ok' },
    expect: [`AUTH PLAIN ${base64('\0alice\0s3cret')}`],
  },
  {
    what: 'XOAUTH2, where it is asked for',
    offered: '250-AUTH PLAIN XOAUTH2',
    options: { mechanisms: ['xoauth2'] },
    script: { AUTH: '235 2.7.0 ok' },
    expect: [`AUTH XOAUTH2 ${base64('user=alice\x01auth=Bearer s3cret\x01\x01')}`],
  },
  {
    what: 'XOAUTH2, refused: the error is taken, then the refusal',
    offered: '250-AUTH XOAUTH2',
    script: { AUTH: `334 ${base64('{"status":"401"}')}`, '': '535 5.7.8 expired' },
    expect: /server mx\.test\[127\.0\.0\.1\] said: 535 5\.7\.8 expired$/,
  },
  {
    what: 'a server that asks without end',
    offered: '250-AUTH LOGIN',
    script: { AUTH: '334 ', [base64('alice')]: '334 ', [base64('s3cret')]: '334 ' },
    expect: /said: 334$/,
  },
  {
    what: 'noplaintext',
    offered: '250-AUTH PLAIN LOGIN',
    options: { plaintext: undefined as never },
    script: {},
    expect: /no mechanism available$/,
  },
]

for (const { what, offered, script, options, expect } of rows) {
  test(`RFC 4954 §4: ${what}`, async (t) => {
    const peer = await scriptedPeer({ EHLO: `250-peer.test\n${offered}\n250 SIZE`, ...script })
    t.after(() => peer.close())
    const client = await connectSmtp(
      { host: 'mx.test', address: '127.0.0.1', port: peer.port },
      { protocol: 'smtp', heloName: 'us.test', tlsLevel: 'none', login: { ...login, ...options } },
    )
    if (expect instanceof RegExp) {
      assert.ok('kind' in client)
      assert.equal(client.kind, 'auth')
      assert.match(client.status, /^4/)
      return assert.match(client.text, expect)
    }
    assert.ok(!('kind' in client), 'text' in client ? client.text : '')
    client.quit()
    const lines = (peer.received[0] ?? '').split('\r\n')
    assert.deepEqual(lines.slice(1, 1 + expect.length), expect)
  })
}

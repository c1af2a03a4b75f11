import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mailTo, peer, ready } from './client-fixture.ts'
import type { TroubledSession } from './transcribed-connection.ts'

const offer = '250-peer.test\n250-PIPELINING\n250 AUTH LOGIN'
const base64 = (text: string): string => Buffer.from(text).toString('base64')

async function told(
  t: Parameters<typeof peer>[0],
  script: Parameters<typeof peer>[1],
  options: { readonly login?: { user: string; password: string; plaintext: 'allowed' } } = {},
): Promise<readonly TroubledSession[]> {
  const sessions: TroubledSession[] = []
  const { connect } = await peer(t, script)
  const client = await connect({ ...options, onTrouble: (session) => void sessions.push(session) })
  if (!('kind' in client)) {
    await client.send(mailTo(['bad@far.test', 'good@far.test']))
    ready(client).quit()
  }
  await new Promise((resolve) => setTimeout(resolve, 50))
  return sessions
}

test('Postfix: notify_classes = protocol: a session in which a server did not understand us is told at its end', async (t) => {
  const login = { user: 'alice', password: 's3cret', plaintext: 'allowed' } as const
  const [session, ...more] = await told(
    t,
    {
      EHLO: offer,
      AUTH: `334 ${base64('Username:')}`,
      [base64('alice')]: `334 ${base64('Password:')}`,
      [base64('s3cret')]: '235 2.7.0 ok',
      'RCPT TO:<bad@far.test>': '501 5.5.4 syntax error',
    },
    { login },
  )
  assert.deepEqual(more, [])
  assert.match(session?.remote ?? '', /^mx\.test\[127\.0\.0\.1\]:\d+$/)
  const lines = session?.transcript ?? []
  assert.deepEqual(lines.slice(0, 12), [
    'In:  220 peer.test ESMTP',
    'Out: EHLO us.test',
    'In:  250-peer.test',
    'In:  250-PIPELINING',
    'In:  250 AUTH LOGIN',
    'Out: AUTH <masked>',
    `In:  334 ${base64('Username:')}`,
    'Out: <masked>',
    `In:  334 ${base64('Password:')}`,
    'Out: <masked>',
    'In:  235 2.7.0 ok',
    'Out: MAIL FROM:<a@us.test>',
  ])
  assert.ok(lines.includes('Out: RCPT TO:<bad@far.test>'))
  assert.ok(lines.includes('In:  501 5.5.4 syntax error'))
})

test('what is refused as such, or a command that we can do without, is no trouble', async (t) => {
  for (const script of [
    { 'RCPT TO:<bad@far.test>': '550 5.1.1 no such user' },
    { EHLO: '502 5.5.1 what?' },
    { MAIL: '451 4.3.0 later' },
    {},
  ])
    assert.deepEqual(await told(t, script), [])
  assert.equal((await told(t, { EHLO: '500 what?', HELO: '500 what?' })).length, 1)
  assert.equal((await told(t, { EHLO: offer, DATA: '503 5.5.1 RCPT first' })).length, 1)
})

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { events, policyOf, request, said } from './policy-fixture.ts'

type Attributes = ReadonlyMap<string, string>

/** A policy service of SMTPD_POLICY_README on a Unix socket and a port. */
async function policyService(t: TestContext, answer: (asked: Attributes, socket: Socket) => string) {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-policy-'))
  const questions: Attributes[] = []
  const open: Socket[] = []
  let connections = 0
  const handle = (socket: Socket): void => {
    connections++
    open.push(socket)
    let text = ''
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      text += chunk.toString()
      for (let end = text.indexOf('\n\n'); end !== -1; end = text.indexOf('\n\n')) {
        const lines = text.slice(0, end).split('\n')
        text = text.slice(end + 2)
        const asked = new Map(
          lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
        )
        questions.push(asked)
        const said = answer(asked, socket)
        if (!socket.destroyed && said !== '') socket.write(said)
      }
    })
  }
  const [unix, inet] = [createServer(handle), createServer(handle)]
  const path = join(folder, 'socket')
  await new Promise<void>((resolve) => unix.listen(path, resolve))
  await new Promise<void>((resolve) => inet.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    for (const socket of open) socket.destroy()
    unix.close()
    inet.close()
    rmSync(folder, { recursive: true, force: true })
  })
  const { port } = inet.address() as AddressInfo
  return { path, port, questions, connections: () => connections }
}

const connection = {
  id: 'a1',
  clientPort: 4711,
  localAddress: '198.51.100.1',
  localPort: 25,
  tls: { protocol: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384', bits: 256 },
  user: { address: 'bob@us.org', method: 'PLAIN' },
}

test('SMTPD_POLICY_README: every attribute, over one connection that is kept', async (t) => {
  const service = await policyService(t, () => 'action=DUNNO\n\n')
  const policy = policyOf({
    recipient: `check_policy_service unix:${service.path}`,
    services: { policyContext: 'outside' },
  })
  const asked = request({
    user: 'bob@us.org',
    sizeBytes: 1234,
    recipientCount: 2,
    queueId: '4B1',
    connection,
    transaction: 3,
  })
  assert.equal(await said(policy, asked), 'ok')
  assert.equal(await said(policy, { ...asked, helo: 'one\nsender=evil\n\n' }), 'ok')
  assert.equal(service.connections(), 1)
  assert.deepEqual(Object.fromEntries(service.questions[0] ?? []), {
    request: 'smtpd_access_policy',
    protocol_state: 'RCPT',
    protocol_name: 'ESMTP',
    client_address: '192.0.2.9',
    client_name: 'unknown',
    client_port: '4711',
    reverse_client_name: 'unknown',
    server_address: '198.51.100.1',
    server_port: '25',
    helo_name: 'client.net',
    sender: 'a@good.net',
    recipient: 'bob@us.org',
    recipient_count: '0',
    queue_id: '4B1',
    instance: 'a1.3',
    size: '1234',
    etrn_domain: '',
    stress: '',
    sasl_method: 'PLAIN',
    sasl_username: 'bob@us.org',
    sasl_sender: '',
    ccert_subject: '',
    ccert_issuer: '',
    ccert_fingerprint: '',
    ccert_pubkey_fingerprint: '',
    encryption_protocol: 'TLSv1.3',
    encryption_cipher: 'TLS_AES_256_GCM_SHA384',
    encryption_keysize: '256',
    policy_context: 'outside',
    compatibility_level: '3.6',
  })
  assert.equal(service.questions[1]?.get('helo_name'), 'one?sender=evil??')
  assert.equal(service.questions[1]?.get('sender'), 'a@good.net')
})

test('recipient_count is told once all recipients are known', async (t) => {
  const service = await policyService(t, () => 'action=DUNNO\n\n')
  const policy = policyOf({
    restrictions: { relay: 'reject_unauth_destination', data: `check_policy_service unix:${service.path}` },
  })
  await said(policy, request({ command: 'DATA', recipientCount: 2 }), 'data')
  assert.equal(service.questions[0]?.get('recipient_count'), '2')
  assert.equal(service.questions[0]?.get('protocol_state'), 'DATA')
})

test('what a service asks for is done as an access table would have it', async (t) => {
  const rows: readonly [string, string][] = [
    ['DUNNO', 'ok'],
    ['OK', 'ok'],
    ['REJECT', '554 5.7.1 <bob@us.org>: Recipient address rejected: Access denied'],
    ['550 5.7.1 not you', '550 5.7.1 <bob@us.org>: Recipient address rejected: not you'],
    [
      'DEFER_IF_PERMIT Greylisted, see http://x/y',
      '450 4.7.1 <bob@us.org>: Recipient address rejected: Greylisted, see http://x/y',
    ],
    ['nonsense', '451 4.3.5 Server configuration error'],
  ]
  let action = ''
  const service = await policyService(t, () => `action=${action}\n\n`)
  const policy = policyOf({ recipient: `check_policy_service inet:127.0.0.1:${service.port}` })
  for (const [asked, expected] of rows) {
    action = asked
    assert.equal(await said(policy, request()), expected, asked)
  }
  assert.equal(service.connections(), 1)
})

test('no answer in time, a broken answer, no service: the default action, and a warning', async (t) => {
  const silent = await policyService(t, () => '')
  const strange = await policyService(t, () => 'reaction=OK\n\n')
  const closing = await policyService(t, (_, socket) => {
    socket.destroy()
    return ''
  })
  const fast = { timeoutMs: 100, retryDelayMs: 1 }
  const temporary = '451 4.3.5 <bob@us.org>: Recipient address rejected: Server configuration problem'
  const rows: readonly [string, string, RegExp][] = [
    [`unix:${silent.path}`, temporary, /timed out$/],
    [`unix:${strange.path}`, temporary, /the answer has no action$/],
    [`unix:${closing.path}`, temporary, /connection closed$|ECONNRESET|EPIPE/],
    ['unix:/nowhere/socket', temporary, /ENOENT/],
    [`{ unix:/nowhere/socket, timeout=1s, default_action=DUNNO }`, 'ok', /ENOENT/],
    [
      `{ unix:/nowhere/socket { default_action = 550 5.7.0 closed } }`,
      '550 5.7.0 <bob@us.org>: Recipient address rejected: closed',
      /ENOENT/,
    ],
  ]
  for (const [spec, expected, warning] of rows) {
    events.length = 0
    const policy = policyOf({ recipient: `check_policy_service ${spec}`, services: fast })
    assert.equal(await said(policy, request()), expected, spec)
    assert.match(events[0]?.text ?? '', /^problem talking to server unix:/)
    assert.match(events[0]?.text ?? '', warning)
    assert.equal(events[0]?.level, 'warning')
  }
  assert.equal(closing.connections(), 2)
})

test('a policy service that cannot be one is refused when the configuration is read', () => {
  for (const spec of [
    'hash:/x',
    'inet:nowhere',
    'inet:host:0',
    '{ unix:/x tiemout=1s }',
    '{ unix:/x timeout=soon }',
  ]) {
    assert.throws(() => policyOf({ recipient: `check_policy_service ${spec}` }), { name: 'TableError' }, spec)
  }
})

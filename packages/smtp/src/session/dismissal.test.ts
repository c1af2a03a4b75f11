import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crlf, lines, open, settle } from './session-fixture.ts'

const gone = { code: 421, status: '4.7.0', text: 'mx.test Error: the password was changed' }
const last = '421 4.7.0 mx.test Error: the password was changed'
const login = `EHLO c\nAUTH PLAIN ${Buffer.from('\0alice\0secret').toString('base64')}\n`

async function loggedIn() {
  const opened = open({ service: 'submission', options: { authOnlyWithTls: 'no', tlsLevel: 'none' } })
  const { session, handler, wire } = opened
  session.greet(handler.banner)
  const say = async (text: string): Promise<readonly string[]> => {
    const from = wire.out.length
    session.push(Buffer.from(crlf(text)))
    await settle()
    return lines(`\r\n${wire.out.slice(from)}`)
  }
  await settle()
  assert.equal((await say(login)).at(-1), '235 2.7.0 Authentication successful')
  const dismiss = () => session.peer.dismiss?.(gone)
  return { ...opened, say, dismiss }
}

test('who has the turn is told at once; his transaction comes to nothing', async () => {
  const { say, dismiss, wire, handler } = await loggedIn()
  await say('MAIL FROM:<alice@local.test>\nRCPT TO:<x@local.test>\n')
  dismiss()
  assert.deepEqual([wire.out.split('\r\n').at(-2), wire.ended], [last, true])
  assert.deepEqual(handler.aborts, ['session closed'])
})

test('a message that is being stored is stored; commands behind it are not looked at', async () => {
  const { session, say, dismiss, wire, handler } = await loggedIn()
  await say('MAIL FROM:<alice@local.test>\nRCPT TO:<x@local.test>\nDATA\n')
  const gate = Promise.withResolvers<void>()
  handler.slow = () => gate.promise
  const from = wire.out.length
  session.push(Buffer.from(crlf('hi\n.\nMAIL FROM:<alice@local.test>\nRCPT TO:<y@local.test>\n')))
  await settle()
  dismiss()
  await settle()
  assert.equal(wire.out.length, from, 'nothing is said while it is being stored')
  gate.resolve()
  handler.slow = () => undefined
  await settle()
  assert.deepEqual(wire.out.slice(from).split('\r\n').slice(0, -1), ['250 2.0.0 Ok: queued as ABC123', last])
  assert.deepEqual([handler.mails.length, wire.ended], [1, true])
})

test('a message under way is read to its end and refused, by DATA and BDAT', async () => {
  for (const [begin, end] of [
    ['DATA\n', 'hi\n.\n'],
    ['BDAT 6\nhi', '\n..\n'],
    ['BDAT 2 LAST\nh', 'i'],
  ] as const) {
    const { say, dismiss, wire, handler } = await loggedIn()
    await say(`MAIL FROM:<alice@local.test>\nRCPT TO:<x@local.test>\n${begin}`)
    dismiss()
    assert.equal(wire.ended, false)
    assert.equal((await say(end)).at(-1), last, begin)
    assert.deepEqual([handler.mails.length, wire.ended], [0, true])
    assert.equal(handler.aborts.length, 1)
  }
})

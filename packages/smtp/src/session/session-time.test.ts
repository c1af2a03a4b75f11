import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeScramVerifier } from '@posthorn/sasl'
import { open, settle } from './session-fixture.ts'

test('timeouts: a command in drops, DATA below the minimum rate', async () => {
  const { session, clock, wire, handler } = open({ options: { commandTimeoutMs: 1000, minDataRate: 100 } })
  session.greet(handler.banner)
  session.push(Buffer.from('MAIL FROM:<a@b>\r\nRCPT TO:<x@local.test>\r\nDATA\r\n'))
  await settle()
  session.push(Buffer.from('x'.repeat(200)))
  clock.nowMs = 2500
  session.alarm.onDue(2500)
  assert.ok(!wire.ended)
  assert.equal(session.alarm.dueMs, 3000)
  session.alarm.onDue(3001)
  assert.match(wire.out, /421 4\.4\.2 mx\.test Error: timeout exceeded\r\n$/)
  assert.deepEqual(handler.aborts, ['session closed'])

  const slow = open({ options: { commandTimeoutMs: 1000 } })
  slow.session.greet(slow.handler.banner)
  slow.clock.nowMs = 900
  slow.session.push(Buffer.from('NO'))
  assert.equal(slow.session.alarm.dueMs, 1000)
  slow.session.alarm.onDue(1001)
  assert.ok(slow.wire.ended)
})

test('smtpd_per_request_deadline = no: each piece of a line or a message begins the time anew', async () => {
  const options = { commandTimeoutMs: 1000, minDataRate: 100_000, requestDeadline: 'no' as const }
  const { session, clock, wire, handler } = open({ options })
  session.greet(handler.banner)
  clock.nowMs = 900
  session.push(Buffer.from('MAIL FROM:<a@b>\r\nRCPT TO:<x@local.test>\r\nDA'))
  await settle()
  clock.nowMs = 1800
  session.push(Buffer.from('TA\r'))
  assert.equal(session.alarm.dueMs, 2800)
  clock.nowMs = 2700
  session.push(Buffer.from('\n'))
  await settle()
  clock.nowMs = 3600
  session.push(Buffer.from('x'))
  session.alarm.onDue(3701)
  assert.ok(!wire.ended)
  assert.equal(session.alarm.dueMs, 4600)
  session.alarm.onDue(4601)
  assert.match(wire.out, /421 4\.4\.2 mx\.test Error: timeout exceeded\r\n$/)
})

test('postscreen_command_time_limit: bounds commands, and not the message', async () => {
  const { session, clock, wire, handler } = open({ options: { commandTimeoutMs: 1000 } })
  session.peer.probation = { misconduct: () => 'go-on', commandTimeMs: 200 }
  session.greet(handler.banner)
  session.push(Buffer.from('MAIL FROM:<a@b>\r\nRCPT TO:<x@local.test>\r\nDATA\r\n'))
  await settle()
  clock.nowMs = 201
  session.alarm.onDue(201)
  assert.ok(!wire.ended, 'the message has the time of all others')
  session.push(Buffer.from('.\r\n'))
  await settle()
  assert.equal(session.alarm.dueMs, 401)
  session.alarm.onDue(402)
  assert.ok(wire.ended)
})

test('a client that goes while its user is looked up leaves nothing behind', async () => {
  let found = (_verifier: string): void => undefined
  const notes: string[] = []
  const { session, handler } = open({
    options: { mechanisms: ['SCRAM-SHA-256'], auth: 'enabled', authOnlyWithTls: 'no' },
    prepare: (recording) => {
      recording.note = (_peer, what) => void notes.push(what)
      recording.scramVerifier = () => new Promise((resolve) => (found = resolve))
    },
  })
  session.greet(handler.banner)
  const message = Buffer.from('n,,n=alice,r=0123456789').toString('base64')
  session.push(Buffer.from(`EHLO a\r\nAUTH SCRAM-SHA-256 ${message}\r\n`))
  await settle()
  session.lost()
  found(await makeScramVerifier(Buffer.from('secret'), 4096))
  await settle()
  assert.equal(session.mode.kind, 'closed')
  // It would be said five minutes later, of a client long gone.
  session.alarm.onDue(Number.MAX_SAFE_INTEGER)
  assert.deepEqual(
    notes.filter((what) => what.startsWith('timeout')),
    [],
  )
})

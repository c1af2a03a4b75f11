import assert from 'node:assert/strict'
import { test } from 'node:test'
import { converse, lines } from './session-fixture.ts'

test('smtpd_hard_error_limit: the client is sent away, slowed down before', async () => {
  const { wire, handler } = await converse('FOO\r\n'.repeat(6), {
    options: { softErrorLimit: 2, hardErrorLimit: 4, forbidPipelining: 'no' },
    prepare: (handler) => {
      handler.trusted = false
    },
  })
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.deepEqual(lines(wire.out).at(-1), '421 4.7.0 mx.test Error: too many errors')
  assert.equal(lines(wire.out).length, 5)
  assert.ok(wire.ended)
  assert.match(handler.notes[0] ?? '', /^too many errors after /)
})

test('smtpd_soft_error_limit: behind it good replies are slow, too, but for trusted clients', async () => {
  const input = 'EHLO c\r\nFOO\r\nFOO\r\nRSET\r\nMAIL FROM:<a@b.test>\r\n'
  const options = { softErrorLimit: 2, errorSleepMs: 60, forbidPipelining: 'no' } as const
  for (const trust of ['stranger', 'trusted']) {
    const startedMs = performance.now()
    const prepare = (handler: { trusted: boolean }) => {
      handler.trusted = trust === 'trusted'
    }
    const { wire } = await converse(input, { options, prepare })
    const isOver = () => lines(wire.out).at(-1)?.startsWith('250 2.1.0') === true
    if (trust === 'trusted') assert.ok(isOver(), wire.out)
    while (!isOver()) await new Promise((resolve) => setTimeout(resolve, 2))
    if (trust === 'stranger') assert.ok(performance.now() - startedMs >= 115, 'a pause before each')
  }
})

test('smtpd_error_sleep_time: who is far ahead of the answers hears those that are due', async () => {
  const options = { softErrorLimit: 2, errorSleepMs: 3_600_000, forbidPipelining: 'no' } as const
  const prepare = (handler: { trusted: boolean }) => {
    handler.trusted = false
  }
  const { wire } = await converse('EHLO c\r\nFOO\r\nFOO\r\nRSET\r\nRSET\r\n', { options, prepare })
  assert.equal(lines(wire.out).at(-1), '500 5.5.2 Error: command not recognized')
})

test('smtpd_junk_command_limit: NOOPs without end become errors', async () => {
  const { wire } = await converse(
    'NOOP\r\n'.repeat(12),
    { options: { junkCommandLimit: 5, hardErrorLimit: 3 } },
    6,
  )
  assert.equal(lines(wire.out).at(-1), '421 4.7.0 mx.test Error: too many errors')
})

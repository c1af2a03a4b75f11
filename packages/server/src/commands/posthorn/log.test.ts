import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseLogLine } from '../maillog-reader.ts'
import { filterOf, timeOf } from './log.ts'

const nowMs = new Date(2026, 0, 2, 12, 0).getTime()

const lines = [
  'Dec 31 23:00:00 mail posthorn/smtpd[1]: connect from mx.example.net[192.0.2.1]',
  'Jan  2 11:00:00 mail posthorn/smtpd[1]: A1B2C3: client=mx.example.net[192.0.2.1]',
  'Jan  2 11:00:01 mail posthorn/submission/smtpd[1]: NOQUEUE: reject: RCPT from x[192.0.2.10]: 554 5.7.1 no; from=<Carol@Example.org> to=<a@b>',
  'Jan  2 11:59:00 mail posthorn/smtp[1]: A1B2C3: to=<dave@example.net>, relay=none, delay=1, status=deferred (x)',
  'Jan  2 11:59:30 mail dovecot: imap-login: Login: user=<carol@example.org>, rip=192.0.2.1',
].map((whole) => parseLogLine(whole))

test('posthorn log: by queue ID, address, client, service, time and text', () => {
  const rows: readonly (readonly [string | undefined, Parameters<typeof filterOf>[1], readonly number[]])[] =
    [
      [undefined, {}, [0, 1, 2, 3, 4]],
      [undefined, { id: 'A1B2C3' }, [1, 3]],
      [undefined, { address: 'carol@example.org' }, [2, 4]],
      [undefined, { address: '<DAVE@example.net>' }, [3]],
      [undefined, { client: '192.0.2.1' }, [0, 1]],
      [undefined, { client: 'mx.example.net' }, [0, 1]],
      [undefined, { service: 'smtpd' }, [0, 1, 2]],
      [undefined, { service: 'imap-login' }, [4]],
      [undefined, { since: '1h' }, [1, 2, 3, 4]],
      [undefined, { since: '11:30' }, [3, 4]],
      [undefined, { since: '2025-12-31', until: '2026-01-01' }, [0]],
      ['reject', { service: 'smtpd' }, [2]],
    ]
  for (const [text, options, expected] of rows) {
    const wanted = filterOf(text, options, nowMs)
    const found = lines.flatMap((line, n) => (line !== undefined && wanted(line) ? [n] : []))
    assert.deepEqual(found, expected, JSON.stringify([text, options]))
  }
})

test('times: ago, of the clock, of the calendar', () => {
  assert.equal(timeOf('30m', nowMs), nowMs - 1_800_000)
  assert.equal(timeOf('11:00', nowMs), nowMs - 3_600_000)
  assert.equal(timeOf('13:00', nowMs), nowMs - 23 * 3_600_000)
  assert.equal(timeOf('2026-01-02 12:00', nowMs), nowMs)
  for (const bad of ['', 'yesterday', '25:61x', '2026-13-45'])
    assert.throws(() => timeOf(bad, nowMs), /not a time/)
})

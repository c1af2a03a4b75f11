import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { LogEvent } from '@posthorn/mail'
import { buildConfig } from '../config/load-config.ts'
import { testMachine } from '../config/machine-fixture.ts'
import { reportText, untilClock } from './daily-report.ts'
import { createProcessMetrics, metricsOptions } from './process-metrics.ts'
import { metricsPage, Totals } from './site-metrics.ts'
import { formatSummary, summaryOf, summarySince } from './summary.ts'

const event = (service: string, text: string, more: Partial<LogEvent> = {}): LogEvent => ({
  level: 'info',
  service,
  text,
  ...more,
})

const events: readonly LogEvent[] = [
  event('smtpd', 'connect from mail.example.net[192.0.2.1]'),
  event('smtpd', 'client=mail.example.net[192.0.2.1]', { queueId: 'A1' }),
  event('smtpd', 'client=x[192.0.2.2], sasl_method=PLAIN, sasl_username=a@b', { queueId: 'A2' }),
  event('pickup', 'uid=1000 from=<a>', { queueId: 'A3' }),
  event('qmgr', 'from=<a@b>, size=5, nrcpt=1 (queue active)', { queueId: 'A1' }),
  event('local', 'to=<a@b>, relay=local, delay=0.3, delays=0/0/0/0, dsn=2.0.0, status=sent (x)', {
    queueId: 'A1',
  }),
  event('smtp', 'to=<c@d>, relay=x[1.2.3.4]:25, delay=7, delays=1/2/3/1, dsn=4.0.0, status=deferred (y)', {
    queueId: 'A2',
  }),
  event('slow', 'to=<c@d>, relay=none, delay=9, dsn=5.0.0, status=bounced (status=sent)', { queueId: 'A2' }),
  event(
    'smtpd',
    'NOQUEUE: reject: RCPT from x[192.0.2.9]: 554 5.7.1 <a@b>: Relay access denied; from=<> to=<a@b>',
  ),
  event('smtpd', 'reject: RCPT from x[192.0.2.9]: 450 4.2.0 <a@b>: Greylisted', { queueId: 'NOQUEUE' }),
  event('imap-login', 'Login: user=<a@b>, method=PLAIN'),
  event('pop3-login', 'Disconnected: Auth failed (1 attempts in 2 secs): user=<a@b>'),
  event('smtpd', 'x[192.0.2.2]: SASL PLAIN authentication failed: authentication failure', {
    level: 'warning',
  }),
  event('qmgr', 'fault', { level: 'error' }),
]

async function counted(times: number) {
  const passed: LogEvent[] = []
  const metrics = createProcessMetrics((one) => passed.push(one), { of: 'mail and process' })
  metrics.observe(async () => ({
    pid: 1,
    uptimeSeconds: 1,
    memoryBytes: 1,
    connections: { smtp: 2, imap: 3, pop3: 0 },
    queued: 7,
  }))
  for (let n = 0; n < times; n++) for (const one of events) metrics.log(one)
  assert.equal(passed.length, events.length * times, 'events go on to the log')
  return await metrics.values()
}

describe('metrics', () => {
  it('the events of the log are counted, over several processes', async () => {
    // As they come from a worker: through JSON.
    const processes = JSON.parse(JSON.stringify([await counted(1), await counted(2)]))
    const totals = new Totals(processes)
    assert.deepEqual(summaryOf(totals), {
      received: 6,
      receivedLocally: 3,
      delivered: 3,
      deferred: 3,
      bounced: 3,
      expired: 0,
      rejected: 3,
      rejectedForNow: 3,
      connections: 3,
      logins: 6,
      failedLogins: 6,
      warnings: 3,
      errors: 3,
    })
    assert.equal(totals.max('posthorn_queue_messages'), 7, 'the queue is one for all')
    assert.equal(totals.sum('posthorn_connections', { protocol: 'imap' }), 6)
    const page = await metricsPage(processes)
    assert.match(page, /^posthorn_deliveries_total\{status="sent",agent="local"\} 3$/m)
    assert.match(page, /^posthorn_deliveries_total\{status="bounced",agent="other"\} 3$/m)
    assert.match(page, /^posthorn_queue_messages 7$/m)
    assert.match(page, /^posthorn_smtp_rejects_total\{stage="RCPT",class="4xx"\} 3$/m)
    assert.match(page, /^posthorn_delivery_delay_seconds_bucket\{le="0.5"\} 3$/m)
    assert.match(page, /^# TYPE posthorn_messages_received_total counter$/m)
    assert.match(page, /^posthorn_process_resident_memory_bytes \d+/m)
  })

  it('what concerns the process is kept for Prometheus alone: it wakes the process 100 times a second', async () => {
    const place = { file: '/srv/main.cf', folder: '/srv', named: false }
    const pageOf = async (mainCf: string) => {
      const { config } = buildConfig(place, mainCf, { environment: {}, machine: testMachine })
      return await metricsPage([await createProcessMetrics(() => {}, metricsOptions(config)).values()])
    }
    assert.doesNotMatch(await pageOf(''), /eventloop|resident_memory/)
    assert.match(await pageOf('metrics_listen = 9154'), /^posthorn_nodejs_eventloop_lag_p99_seconds \d/m)
  })

  it('a day is what was added; a server that was started anew counts from nothing', async () => {
    const first = summaryOf(new Totals([await counted(1)]))
    const second = summaryOf(new Totals([await counted(3)]))
    assert.equal(summarySince(second, first).received, 4)
    assert.equal(summarySince(first, second).received, 2)
    assert.match(formatSummary(second), /^6 {2}messages received by SMTP$/m)
  })

  it('the daily report', async () => {
    const place = { file: '/srv/main.cf', folder: '/srv', named: false }
    const read = (text: string) => buildConfig(place, text, { environment: {}, machine: testMachine })
    const { config } = read('daily_report_recipient = postmaster')
    const text = reportText(config, summaryOf(new Totals([await counted(1)])), 7, 0, 86_400_000).toString()
    assert.match(
      text,
      /^To: postmaster\nSubject: Mail of mail\.example\.org: 3 received, 1 delivered, 7 waiting$/m,
    )
    assert.match(text, /^7 messages in the queue now/m)
    const midnight = new Date(2026, 10, 21, 0, 0).getTime()
    assert.equal(untilClock('00:05', midnight), 300_000)
    assert.equal(untilClock('00:00', midnight), 86_400_000)
    assert.equal(untilClock('23:30', midnight + 1), 84_600_000 - 1)
    assert.match(
      read('daily_report_time = 25:00').problems.join(),
      /daily_report_time = 25:00: not a time of day/,
    )
    assert.match(read('metrics_listen = x').problems.join(), /metrics_listen = x: not a port/)
    assert.match(read('metrics_listen = 0.0.0.0:9154').config.warnings.join(), /others than this machine/)
  })
})

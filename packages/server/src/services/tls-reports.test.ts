import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { DayTally, SessionResult } from '@posthorn/mta'
import { TlsReports } from './tls-reports.ts'

const hourMs = 3_600_000
const good: SessionResult = {
  domain: 'a.test',
  policy: { type: 'no-policy-found', strings: [], mxHosts: [] },
}

const bench = (t: TestContext) => {
  const folder = join(mkdtempSync(join(tmpdir(), 'posthorn-tlsrpt-')), 'tlsrpt')
  const sent: (readonly [day: string, sessions: number | undefined])[] = []
  const log: string[] = []
  let nowMs = Date.UTC(2026, 10, 21, 23, 59)
  const open = (send?: (signal: AbortSignal) => Promise<void>): TlsReports => {
    const reports = new TlsReports({
      folder,
      log: ({ text }) => log.push(text),
      // Two of the same process in a test: they must not take the same file.
      now: () => nowMs++,
      random: () => 0,
      send: async (day: string, tally: DayTally, signal: AbortSignal) => {
        sent.push([day, tally['a.test']?.[0]?.successes])
        await send?.(signal)
      },
    })
    t.after(async () => {
      await reports.close()
      rmSync(join(folder, '..'), { recursive: true, force: true })
    })
    return reports
  }
  const names = (): readonly string[] =>
    readdirSync(folder).map((name) => name.replace(/(\.sending)-.*$/, '$1'))
  return { folder, sent, log, open, names, pass: (ms: number) => (nowMs += ms), now: () => nowMs }
}

test('RFC 8460 §5.4: a day is sent once, with the counts of every process, when it is over', async (t) => {
  const b = bench(t)
  const [one, two] = [b.open(), b.open()]
  one.record(good)
  one.record(good)
  two.record(good)
  b.pass(2 * 60_000)
  one.record(good)
  two.save()
  await one.sendDue()
  assert.deepEqual(b.sent, [])
  b.pass(hourMs)
  await Promise.all([one.sendDue(), two.sendDue()])
  assert.deepEqual(b.sent, [['2026-11-21', 3]])
  await one.close()
  assert.deepEqual(b.names(), ['2026-11-22'])
  b.pass(24 * hourMs)
  await two.sendDue()
  assert.deepEqual(b.sent[1], ['2026-11-22', 1])
  assert.deepEqual(b.names(), [])
})

test('who stops in the middle leaves the day to others; who vanished is waited for', async (t) => {
  const b = bench(t)
  const started = Promise.withResolvers<void>()
  const one = b.open(async (signal) => {
    started.resolve()
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
  })
  one.record(good)
  one.save()
  b.pass(2 * hourMs)
  void one.sendDue()
  await started.promise
  const two = b.open()
  await two.sendDue()
  assert.equal(b.sent.length, 1)
  await one.close()
  await two.sendDue()
  assert.equal(b.sent.length, 2)
  const place = join(b.folder, '2026-11-21.sending-1-1')
  mkdirSync(place)
  writeFileSync(join(place, '1.json'), '{"a.test":[')
  utimesSync(place, b.now() / 1000, b.now() / 1000)
  await two.sendDue()
  assert.equal(b.sent.length, 2)
  b.pass(7 * hourMs)
  await two.sendDue()
  assert.deepEqual(b.sent[2], ['2026-11-21', undefined])
  assert.match(b.log.join(), /cannot read .*1\.json/)
  assert.deepEqual(b.names(), [])
})

test('days that nobody sent in time are thrown away; what is no day stays', async (t) => {
  const b = bench(t)
  mkdirSync(join(b.folder, '2026-11-01'), { recursive: true })
  mkdirSync(join(b.folder, 'notes'))
  await b.open().sendDue()
  assert.deepEqual(b.sent, [])
  assert.deepEqual(b.names(), ['notes'])
})

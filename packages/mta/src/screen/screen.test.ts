import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { zoneFileResolver } from '@posthorn/dns'
import type { LogEvent } from '@posthorn/mail'
import { createTables } from '../tables/index.ts'
import { createScreen, type Screening, type ScreenOptions } from './index.ts'
import { readListSites } from './list-sites.ts'

const folder = mkdtempSync(join(tmpdir(), 'screen-'))
after(() => rmSync(folder, { recursive: true }))

const zone = `
1.2.0.192.bl.test. A 127.0.0.2
1.2.0.192.bl2.test. A 127.0.0.10
2.2.0.192.bl2.test. A 127.0.0.10
3.2.0.192.bl.test. A 127.0.0.2
3.2.0.192.wl.test. A 127.0.0.1
4.2.0.192.wl.test. A 127.0.0.1
dead.test. FAIL timeout
`

function site(over: Partial<ScreenOptions> = {}, cachePath = '') {
  const events: LogEvent[] = []
  const clock = { ms: 1_000_000 }
  const context = { log: (event: LogEvent) => void events.push(event), now: () => clock.ms }
  const screen = createScreen(
    {
      accessList: ['permit_mynetworks'],
      denyAction: 'ignore',
      greetWaitMs: 6_000,
      greetAction: 'enforce',
      greetTtlMs: 86_400_000,
      dnsblSites: [],
      dnsblThreshold: 1,
      dnsblAllowThreshold: 0,
      dnsblAction: 'ignore',
      dnsblTimeoutMs: 1_000,
      dnsblMinTtlMs: 60_000,
      dnsblMaxTtlMs: 3_600_000,
      dnsblReplyMap: [],
      cachePath,
      allowlistInterfaces: ['static:all'],
      ...over,
    },
    { ...context, dns: zoneFileResolver(zone), tables: createTables(context) },
  )
  const examine = (clientAddress: string, more: object = {}) =>
    screen.examine({
      clientAddress,
      clientPort: 4_000,
      localAddress: '203.0.113.1',
      localPort: 25,
      inMyNetworks: false,
      ...more,
    })
  return { examine, clock, lines: () => events.map(({ text }) => text) }
}

const shown = (screening: Screening): string => {
  if (screening.kind === 'pass') return 'pass'
  if (screening.kind === 'drop')
    return `${screening.reply.code} ${screening.reply.status} ${screening.reply.text}`
  const { refusal } = screening
  return refusal === undefined
    ? `wait ${screening.waitMs}`
    : `${refusal.code} ${refusal.status} ${refusal.text}`
}

test('postscreen_dnsbl_sites: filters and weights', () => {
  assert.deepEqual(
    readListSites(['bl.test', 'bl2.test=127.0.0.[2..11]*3', 'wl.test*-2']).map(
      ({ zone: { zone: name }, weight }) => [name, weight],
    ),
    [
      ['bl.test', 1],
      ['bl2.test', 3],
      ['wl.test', -2],
    ],
  )
  for (const bad of ['bl.test*x', 'nodots', 'bl.test=127.0.0*2'])
    assert.throws(() => readListSites([bad]), /PolicyError|expected|bad/)
})

test('scores: the sum decides; the heaviest list is named; a dead list counts nothing', async () => {
  const rules = {
    dnsblSites: ['bl.test*2', 'bl2.test=127.0.0.[2..11]*3', 'wl.test*-4', 'dead.test*9'],
    dnsblThreshold: 3,
    dnsblAllowThreshold: -2,
    dnsblAction: 'enforce',
  } as const
  const { examine, lines } = site(rules)
  assert.equal(
    shown(await examine('192.0.2.1')),
    '550 5.7.1 Service unavailable; client [192.0.2.1] blocked using bl2.test',
  )
  assert.equal(
    shown(await examine('192.0.2.2')),
    '550 5.7.1 Service unavailable; client [192.0.2.2] blocked using bl2.test',
  )
  assert.equal(shown(await examine('192.0.2.3')), 'pass', 'on a bad and on a good list')
  assert.equal(shown(await examine('192.0.2.4')), 'pass')
  assert.equal(shown(await examine('192.0.2.5')), 'wait 6000')
  assert.ok(lines().includes('DNSBL rank 5 for [192.0.2.1]:4000'))
  const dropping = site({ ...rules, dnsblAction: 'drop', dnsblReplyMap: ['inline:{bl2.test=our.list}'] })
  assert.equal(
    shown(await dropping.examine('192.0.2.1')),
    '521 5.7.1 Service unavailable; client [192.0.2.1] blocked using our.list',
  )
  assert.equal(shown(await site({ ...rules, dnsblAction: 'ignore' }).examine('192.0.2.1')), 'wait 6000')
})

test('postscreen_access_list, and what is done with whom it rejects', async () => {
  const accessList = [
    'permit_mynetworks',
    'inline:{ {192.0.2.7 = permit}, {192.0.2 = reject}, {198.51.100.9 = dunno} }',
  ]
  const { examine } = site({ accessList, denyAction: 'drop' })
  assert.equal(shown(await examine('192.0.2.8', { inMyNetworks: true })), 'pass')
  assert.equal(shown(await examine('192.0.2.7')), 'pass')
  assert.equal(shown(await examine('192.0.2.8')), '521 5.3.2 Service currently unavailable')
  assert.equal(shown(await examine('198.51.100.9')), 'wait 6000')
  assert.equal(
    shown(await site({ accessList, denyAction: 'enforce' }).examine('192.0.2.8')),
    '550 5.3.2 Service currently unavailable',
  )
  assert.equal(shown(await site({ accessList }).examine('192.0.2.8')), 'wait 6000')
  assert.throws(
    () => site({ accessList: ['permit_everybody'] }),
    /postscreen_access_list: unknown restriction/,
  )
})

test('who has passed is known, in the file too, until the time is over; not at other addresses of ours', async () => {
  const path = join(folder, 'cache')
  const first = site({}, path)
  const screening = await first.examine('192.0.2.5')
  assert.ok(screening.kind === 'wait')
  screening.passed()
  assert.equal(shown(await first.examine('192.0.2.5')), 'pass')
  assert.deepEqual(first.lines(), [
    'CONNECT from [192.0.2.5]:4000 to [203.0.113.1]:25',
    'PASS NEW [192.0.2.5]:4000',
    'CONNECT from [192.0.2.5]:4000 to [203.0.113.1]:25',
    'PASS OLD [192.0.2.5]:4000',
  ])
  const other = site({}, path)
  assert.equal(shown(await other.examine('192.0.2.5')), 'pass', 'another worker reads it')
  other.clock.ms += 86_400_001
  assert.equal(shown(await other.examine('192.0.2.5')), 'wait 6000')
  const backup = site({ allowlistInterfaces: ['203.0.113.2'] })
  const vetoed = await backup.examine('192.0.2.5')
  assert.ok(vetoed.kind === 'wait')
  vetoed.passed()
  assert.equal(shown(await backup.examine('192.0.2.5')), 'wait 6000')
  assert.ok(backup.lines().includes('ALLOWLIST VETO [192.0.2.5]:4000'))
})

test('postscreen_dnsbl_min_ttl, postscreen_dnsbl_max_ttl: a client is known for as long as the lists stand by their answers', async () => {
  const { examine, clock } = site({
    dnsblSites: ['bl.test'],
    dnsblMinTtlMs: 7_200_000,
    dnsblMaxTtlMs: 9_000_000,
  })
  const first = await examine('192.0.2.9')
  assert.equal(first.kind, 'wait')
  if (first.kind === 'wait') first.passed()
  clock.ms += 7_100_000
  assert.equal((await examine('192.0.2.9')).kind, 'pass')
  clock.ms += 2_000_000
  assert.equal((await examine('192.0.2.9')).kind, 'wait')
})

/**
 * node bench/tables.ts: what rules and tables cost without the rest of the server. 100 header and body checks over
 * messages of 6 KB; lookups in a hash: table of 100,000 lines and in 1,000 patterns; the longest time that anybody
 * else waits while such a file is read again.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ContentFilter, createContentChecks, createTables, type LookupTable } from '@posthorn/mta'
import { message } from './corpus.mjs'

const folder = mkdtempSync(join(tmpdir(), 'bench-tables-'))
const tables = createTables({ log: () => {}, now: Date.now })

const file = (name: string, lines: readonly string[]): string => {
  const path = join(folder, name)
  writeFileSync(path, `${lines.join('\n')}\n`, { mode: 0o644 })
  return path
}
const numbered = (count: number, line: (n: number) => string): string[] =>
  Array.from({ length: count }, (_, n) => line(n))
const say = (what: string, figure: string): void =>
  void process.stdout.write(`${what.padEnd(52)} ${figure}\n`)

/** CPU time of this process for one round, in µs. */
function cpuOf(rounds: number, run: (n: number) => void): number {
  for (let n = 0; n < rounds / 10; n++) run(n)
  const before = process.cpuUsage()
  for (let n = 0; n < rounds; n++) run(n)
  const { user, system } = process.cpuUsage(before)
  return (user + system) / rounds
}

function contentChecks(): void {
  const names = ['Subject', 'From', 'To', 'X-Mailer', 'Received', 'Reply-To', 'Message-ID', 'List-Id']
  const header = file(
    'header',
    numbered(50, (n) => `/^${names[n % names.length]}:.*(viagra|casino|lottery)${n}/ REJECT spam`),
  )
  const body = file(
    'body',
    numbered(50, (n) =>
      n % 2 === 0
        ? `/buy (cheap|now) pills ${n}/ REJECT pills`
        : `/^Content-Disposition:.*name=".*\\.(exe|scr|pif)${n}"/ REJECT file`,
    ),
  )
  const checks = createContentChecks(
    { headerChecks: [`regexp:${header}`], bodyChecks: [`regexp:${body}`] },
    tables,
  )
  if (checks === undefined) throw new Error('no checks')
  const messages = numbered(50, String).map((_, n) => Buffer.from(message(n, { size: 6_144 })))
  const mail = {
    log: () => {},
    queueId: 'x',
    client: 'c[192.0.2.1]',
    sender: 'a@b.test',
    recipient: 'c@d.test',
    protocol: 'ESMTP',
    helo: 'c.test',
  }
  const each = cpuOf(20_000, (n) => {
    const filter = new ContentFilter(checks, mail)
    filter.push(messages[n % messages.length] as Buffer)
    filter.finish()
  })
  say('100 header and body checks, a message of 6 KB', `${each.toFixed(1)} µs of CPU`)
}

const rate = (table: LookupTable, key: (n: number) => string): string =>
  `${Math.round(1_000_000 / cpuOf(20_000, (n) => void table.lookup(key(n)))).toLocaleString('en')}/s`

/** ms that the event loop stood still, at the longest. */
async function reloadPause(table: LookupTable, change: () => void): Promise<number> {
  let longest = 0
  let last = performance.now()
  const timer = setInterval(() => {
    longest = Math.max(longest, performance.now() - last)
    last = performance.now()
  }, 1)
  change()
  await new Promise((resolve) => setTimeout(resolve, 50))
  longest = 0
  last = performance.now()
  await table.refresh()
  clearInterval(timer)
  return Math.max(longest, performance.now() - last)
}

async function lookups(): Promise<void> {
  const rows = numbered(100_000, (n) => `user${n}@example.org account${n}@example.net`)
  const hash = tables.open(`hash:${file('hash', rows)}`)
  say(
    'lookups, hash: of 100,000 lines',
    rate(hash, (n) => `user${(n * 7919) % 100_000}@example.org`),
  )
  const patterns = numbered(1_000, (n) => `/^Subject:.*(viagra|casino)[0-9]*word${n}/ REJECT spam`)
  const regexp = tables.open(`regexp:${file('regexp', patterns)}`)
  say(
    'lookups, regexp: of 1,000 patterns',
    rate(regexp, (n) => `Subject: meeting about project ${n}`),
  )
  const hashPause = await reloadPause(hash, () => file('hash', [...rows, 'more x']))
  say('longest pause while the hash: is read again', `${hashPause.toFixed(1)} ms`)
  const regexpPause = await reloadPause(regexp, () => file('regexp', [...patterns, '/more/ x']))
  say('longest pause while the regexp: is read again', `${regexpPause.toFixed(1)} ms`)
}

try {
  contentChecks()
  await lookups()
} finally {
  rmSync(folder, { recursive: true })
}

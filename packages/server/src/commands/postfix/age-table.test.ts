import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type AgeOptions, AgeTable } from './age-table.ts'

const minute = 60_000
const usual: AgeOptions = {
  bucketMinutes: 5,
  buckets: 10,
  ages: 'doubling',
  parents: 'left out',
  minSubdomains: 5,
  width: 80,
  top: 0,
}

/** Address, age in minutes, how many. No two domains with the same sum and length: their order would be chance. */
const mail: readonly (readonly [string, number, number])[] = [
  ['a@example.com', 0, 7],
  ['b@Example.COM', 6, 3],
  ['c@far.test', 12, 4],
  ['c@far.test', 25, 2],
  ['', 100, 5],
  ['x@a.very.long.domain.name.that.does.not.fit.into.its.column.at.all.example.net', 50, 2],
  ['x@one.sub.example.org', 3_000, 3],
  ['x@two.sub.example.org', 90, 2],
  ['x@tri..sub.example.org.', 50_000, 1],
]

/** A queue file of Postfix: a letter, a length in groups of seven bits, the text. */
function queueFile(arrivedSeconds: number, sender: string, recipient: string): Buffer {
  const record = (letter: string, text: string): Buffer => {
    const octets = Buffer.from(text)
    const length: number[] = []
    let rest = octets.length
    do {
      length.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0))
      rest >>= 7
    } while (rest > 0)
    return Buffer.concat([Buffer.from(letter), Buffer.from(length), octets])
  }
  const sizes = [0, 100, 1, 0, 0, 0].map((one) => String(one).padStart(15)).join(' ')
  return Buffer.concat([
    record('C', sizes),
    record('T', `${arrivedSeconds} 0`),
    record('S', sender),
    record('R', recipient),
    record('M', ''),
    record('X', ''),
    record('E', ''),
  ])
}

const missing = !existsSync('/usr/sbin/qshape') && 'no qshape on this machine'

test('Postfix: qshape(1), beside the real one', { skip: missing }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-qshape-'))
  try {
    mkdirSync(join(folder, 'deferred'))
    // Far from the edges of the buckets, so that the time between the two does not matter.
    const nowMs = Date.now() - 30_000
    const arrivals: (readonly [string, number])[] = []
    let count = 0
    for (const [address, age, times] of mail)
      for (let i = 0; i < times; i++) {
        const arrived = Math.floor((nowMs - age * minute) / 1000)
        arrivals.push([address, arrived * 1000])
        const file = join(folder, 'deferred', `A${String(count++).padStart(9, '0')}`)
        writeFileSync(file, queueFile(arrived, address, address), { mode: 0o700 })
      }
    const real = (...args: readonly string[]): string =>
      execFileSync('/usr/sbin/qshape', [...args, join(folder, 'deferred')], { encoding: 'utf8' })
    const ours = (options: Partial<AgeOptions>): string => {
      const table = new AgeTable({ ...usual, ...options }, Date.now())
      for (const [address, ms] of arrivals) table.add(address, ms)
      return table.text()
    }
    for (const [args, options] of [
      [[], {}],
      [['-s'], {}],
      [['-l'], { ages: 'linear' }],
      [['-b', '5', '-t', '20'], { buckets: 5, bucketMinutes: 20 }],
      [['-w', '140', '-b', '20'], { width: 140, buckets: 20 }],
      [['-w', '140', '-p', '-m', '2'], { width: 140, parents: 'counted', minSubdomains: 2 }],
      [['-p', '-m', '3'], { parents: 'counted', minSubdomains: 3 }],
    ] as const)
      assert.equal(ours(options), real(...args), args.join(' '))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test('Postfix: qshape(1): a row for each domain, the widest first', () => {
  const table = new AgeTable({ ...usual, buckets: 3, top: 2 }, 10 * minute)
  table.add('a@one.test', 9 * minute)
  table.add('b@one.test', 0)
  table.add('c@two.test', 4 * minute)
  const cell = (name: string, ...counts: readonly (number | string)[]): string =>
    `${name.padStart(67)}${counts.map((one, i) => String(one).padStart(i === 3 ? 4 : 3)).join('')}\n`
  assert.equal(
    table.text(),
    cell('', 'T', 5, 10, '10+') + cell('TOTAL', 3, 1, 1, 1) + cell('one.test', 2, 1, 0, 1),
  )
})

import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { closeEnvironment, openEnvironment, transact } from './environment.ts'

const run = (program: string, ...args: string[]): void => {
  execFileSync(program, args, { stdio: 'ignore' })
}

/** Looks at what is around each piece of memory when it is given back. */
const strictHeap = '/lib/x86_64-linux-gnu/libc_malloc_debug.so.0'

/** Fills a disk with rows until 3,000 transactions were refused, of any size; then removes some. */
const workerSource = `
import { closeEnvironment, openEnvironment, transact } from ${JSON.stringify(new URL('environment.ts', import.meta.url).href)}

const environment = openEnvironment(process.argv[1] + '/index', 'logged')
const row = (number) => {
  const key = Buffer.alloc(9, 5)
  key.writeUInt32BE(Math.imul(number, 2654435761) >>> 0, 1)
  return key
}
const codes = new Set()
let refused = 0
let number = 0
const committed = []
for (let round = 0; refused < 3_000; round++) {
  const first = number
  try {
    transact(environment, () => {
      for (let count = 0; count <= round % 60; count++)
        environment.putSync(row(number++), Buffer.alloc(300 + (round % 7) * 200, 1))
    })
    for (let each = first; each < number; each++) committed.push(each)
  } catch (error) {
    codes.add(error.code)
    refused++
    number = first
  }
}
environment.resetReadTxn()
const present = committed.filter((each) => environment.getBinary(row(each)) !== undefined).length
console.log(JSON.stringify({ codes: [...codes], committed: committed.length, present, rows: environment.getStats().entryCount }))
await closeEnvironment(environment)
`

/** Data and metadata in the same place (mixed): where a lock file in memory is the first to find no room. */
const disks = [
  {
    kind: 'ext4',
    sizeMb: 16,
    make: ['mkfs.ext4', '-q', '-F', '-m', '0', '-O', '^has_journal'],
    ballastMb: 0,
  },
  { kind: 'btrfs', sizeMb: 120, make: ['mkfs.btrfs', '-q', '-M'], ballastMb: 85 },
] as const

for (const { kind, sizeMb, make, ballastMb } of disks)
  test(`a full disk, ${kind}: LMDB never meets a write that fails, whatever a transaction writes`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'posthorn-room-'))
    const disk = join(folder, 'disk')
    mkdirSync(disk)
    const [program, ...options] = make
    try {
      run('truncate', '-s', `${sizeMb}M`, join(folder, 'image'))
      run(program, ...options, join(folder, 'image'))
      run('mount', '-o', 'loop', join(folder, 'image'), disk)
    } catch {
      rmSync(folder, { recursive: true })
      return t.skip('no such file system, or loop mounts are not permitted here')
    }
    writeFileSync(join(disk, 'ballast'), randomBytes(ballastMb * 1024 * 1024))
    t.after(() => {
      run('umount', '-l', disk)
      rmSync(folder, { recursive: true, force: true })
    })
    const strict = existsSync(strictHeap) ? { LD_PRELOAD: strictHeap, MALLOC_CHECK_: '3' } : {}
    const worker = spawn(process.execPath, ['--input-type=module', '-e', workerSource, disk], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...strict },
    })
    const said = { out: '', err: '' }
    worker.stdout.on('data', (chunk) => {
      said.out += chunk
    })
    worker.stderr.on('data', (chunk) => {
      said.err += chunk
    })
    const ended = await new Promise((resolve) =>
      worker.on('close', (code, signal) => resolve(signal ?? code)),
    )
    assert.deepEqual([ended, said.err], [0, ''])
    const { codes, committed, present, rows } = JSON.parse(said.out)
    assert.deepEqual(codes, ['ENOSPC'])
    assert.ok(committed > 1_000, `${committed} rows`)
    assert.deepEqual([present, rows], [committed, committed])
  })

test('the file has room for what a transaction writes before it ends, and grows in steps', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-room-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'index')
  const environment = openEnvironment(path, 'logged')
  const sizes = new Set<number>()
  for (let round = 0; round < 400; round++) {
    transact(environment, () => {
      for (let count = 0; count < 20; count++) {
        const key = Buffer.alloc(9, 7)
        key.writeUInt32BE(Math.imul(round * 20 + count, 2_654_435_761) >>> 0, 1)
        environment.putSync(key, Buffer.alloc(1_000))
      }
    })
    const { lastPageNumber } = environment.getStats() as { lastPageNumber: number }
    const { size, blocks } = statSync(path)
    assert.ok(size > lastPageNumber * 4096, `round ${round}`)
    assert.ok(blocks * 512 >= size, 'no holes')
    sizes.add(size)
  }
  assert.ok(sizes.size < 40, `${sizes.size} sizes`)
  await closeEnvironment(environment)
})

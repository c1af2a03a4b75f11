import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { closeEnvironment, openEnvironment, readRange, transact } from './environment.ts'
import { keepFewMapped, mappedBytes, sharedMappings } from './mapped-pages.ts'

const megabyte = 1024 * 1024
const rows = 10_000
const valueBytes = 1_500

const keyOf = (at: number): Buffer => {
  const key = Buffer.alloc(4)
  key.writeUInt32BE(at)
  return key
}

/** Reads every row; the sum of the first octets. */
const sumOf = (environment: ReturnType<typeof openEnvironment>): number => {
  let sum = 0
  for (const { value } of readRange(environment, { start: keyOf(0), end: keyOf(rows) })) sum += value[0] ?? 0
  return sum
}

test('pages of the index that were read are given back to the system, and are read again when they are wanted', {
  skip: process.platform !== 'linux' && 'madvise(2) of Linux',
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-mapped-'))
  const path = join(folder, 'index.mdb')
  const environment = openEnvironment(path, 'logged')
  const faults: unknown[] = []
  // Whatever else is loaded first (koffi) is there before the measure begins.
  await import('koffi')
  const mapped = keepFewMapped(path, (fault) => faults.push(fault), 4 * megabyte)
  try {
    assert.equal(await mapped.look(), false, 'nothing has been read yet')
    transact(environment, () => {
      for (let at = 0; at < rows; at++) environment.putSync(keyOf(at), Buffer.alloc(valueBytes, at % 251))
    })
    const sum = sumOf(environment)
    const fullBytes = mappedBytes() ?? 0
    assert.equal(await mapped.look(), true)
    const leftBytes = mappedBytes() ?? 0
    assert.ok(fullBytes - leftBytes > 10 * megabyte, `${fullBytes} and ${leftBytes} octets`)
    assert.equal(await mapped.look(), false, 'there is nothing to give back')
    assert.equal(sumOf(environment), sum)
    assert.equal(await mapped.look(), true, 'and again')
    assert.deepEqual(faults, [])
  } finally {
    mapped.stop()
    await closeEnvironment(environment)
    rmSync(folder, { recursive: true })
  }
})

test('no octet beyond the mapping of the file, nor one of a private mapping, is given back', () => {
  const maps = `7f0000000000-7f0000100000 r--s 00000000 fe:00 131 /srv/posthorn/index.mdb
7f0000100000-7f0000180000 r--s 00100000 fe:00 131                        /srv/posthorn/index.mdb
7f0000180000-7f0000200000 rw-p 00000000 00:00 0
7f0000200000-7f0000300000 r--p 00000000 fe:00 131                        /srv/posthorn/index.mdb
7f0000300000-7f0000400000 r--s 00000000 fe:00 132                        /srv/other/index.mdb
`
  assert.deepEqual(sharedMappings('/srv/posthorn/index.mdb', maps), [
    { address: 0x7f0000000000n, sizeBytes: 0x100000 },
    { address: 0x7f0000100000n, sizeBytes: 0x80000 },
  ])
})

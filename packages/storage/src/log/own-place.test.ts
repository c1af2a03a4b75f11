import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { closeEnvironment, openEnvironment } from '../kv/environment.ts'
import { GroupCommit } from '../kv/group-commit.ts'
import { realFileLayer } from '../segments/file-layer.ts'
import { SegmentWriter } from '../segments/segment-writer.ts'
import type { IndexFlusher } from './index-flusher.ts'
import { emptyLogState } from './log-state.ts'
import { WriteLog } from './write-log.ts'

const key = Buffer.from('k')

test('a number that a failed group did not take up is not taken for its own when another process has used it', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-place-'))
  const environment = openEnvironment(join(directory, 'index.mdb'), 'synced')
  const flushed = { ...emptyLogState, next: 1_000 }
  const flusher = { flushed, isFlushing: false, flush: async () => {}, committed: () => {} }
  const makeLog = () => {
    const identity = { pid: process.pid, startTicks: 0, boot: '', token: 1 }
    const events = { settled: () => {}, removeUnsynced: () => {} }
    return new WriteLog({
      environment,
      files: realFileLayer,
      directory,
      writer: new SegmentWriter(directory, realFileLayer, identity, events),
      flusher: flusher as unknown as IndexFlusher,
    })
  }
  let fails = false
  const saboteur = {
    insideGroup() {
      if (fails) throw new Error('no')
    },
  }
  const one = new GroupCommit(environment, [makeLog(), saboteur])
  const other = new GroupCommit(environment, [makeLog()])
  const read = () => one.run((unit) => unit.get(key)?.toString())
  await one.run((unit) => unit.put(key, Buffer.from('first')))
  fails = true
  await assert.rejects(one.run((unit) => unit.put(key, Buffer.from('refused'))))
  fails = false
  assert.equal(await read(), 'first')
  await other.run((unit) => unit.put(key, Buffer.from('second')))
  assert.equal(await read(), 'second')
  await one.close()
  await other.close()
  await closeEnvironment(environment)
  rmSync(directory, { recursive: true })
})

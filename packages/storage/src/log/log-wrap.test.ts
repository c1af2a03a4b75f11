import assert from 'node:assert/strict'
import { closeSync, cpSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { test } from 'node:test'
import { closeEnvironment, openEnvironment } from '../kv/environment.ts'
import { Snapshot } from '../kv/unit.ts'
import { openStore, openStoreWith } from '../open-store.ts'
import { append, mailboxOf, makeAccount, readAll, sampleMessage } from '../testkit/samples.ts'
import { logDirectory, logPath } from './log-files.ts'
import { encodeRecord } from './log-record.ts'
import { type LogState, readLogState } from './log-state.ts'

const capacityBytes = 40_000

/** As after kill -9. */
const leave = (directory: string, target: string): void =>
  cpSync(directory, target, {
    recursive: true,
    filter: (path) => !/^volatile-|-lock$/.test(basename(path)) && !dirname(path).endsWith('/processes'),
  })

const presentState = async (directory: string): Promise<LogState> => {
  const environment = openEnvironment(join(directory, 'index.mdb'), 'logged')
  const state = readLogState(new Snapshot(environment))
  await closeEnvironment(environment)
  return state
}

/** What a process leaves that is killed between its record and its commit. False when there is no room for it. */
const leaveRecord = (directory: string, state: LogState): boolean => {
  const changes = new Map([['\x7fleft by a killed process', Buffer.from('x')]])
  const { chunks } = encodeRecord(state.next, changes, [], state.crc, (octets) => Buffer.alloc(octets))
  const bytes = Buffer.concat(chunks)
  const place = state.end % state.capacityBytes
  if (place + bytes.length > state.capacityBytes) return false
  const file = openSync(logPath(logDirectory(directory), state.logId), 'r+')
  writeSync(file, bytes, 0, bytes.length, place)
  closeSync(file)
  return true
}

test('a record that was never committed is not taken for the one that went round the end of the log', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-wrap-'))
  const store = await openStoreWith({ logCapacityBytes: capacityBytes }, { directory })
  const account = await makeAccount(store)
  const { id } = await mailboxOf(store, account)
  const expected = new Map<number, Buffer>()
  let wentRound = 0
  for (let round = 0; round < 30; round++) {
    // The flush of the index must not cover what is looked at.
    await store.flushJournal()
    const before = await presentState(directory)
    const isLeft = leaveRecord(directory, before)
    const bytes = sampleMessage(round, 5_000)
    expected.set((await append(store, id, bytes)).uid, bytes)
    const after = await presentState(directory)
    const wraps = Math.floor(after.end / capacityBytes) > Math.floor(before.end / capacityBytes)
    if (!isLeft || !wraps) continue
    wentRound++
    const left = `${directory}-left`
    leave(directory, left)
    const again = await openStore({ directory: left })
    const found = await readAll(again, id)
    assert.deepEqual([...found.keys()], [...expected.keys()], `round ${round}`)
    for (const [uid, octets] of expected)
      assert.ok(found.get(uid)?.equals(octets), `round ${round}, UID ${uid}`)
    assert.deepEqual((await again.check()).problems, [])
    await again.close()
    rmSync(left, { recursive: true })
  }
  assert.ok(wentRound >= 2, `${wentRound} times round`)
  await store.close()
  rmSync(directory, { recursive: true })
})

import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { openStoreWith } from '../open-store.ts'
import { acceptance, sampleMessage, stage, toRemote } from '../testkit/samples.ts'

/** What the housekeeping waits between two rounds. */
const aRoundMs = 60_000

test('an acceptance that another process has taken over, and is removing, is refused and leaves nothing', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-large-taken-over-'))
  const marks = () => readdirSync(join(directory, 'processes')).filter((name) => name.endsWith('.json'))
  const store = await openStoreWith({}, { directory })
  const [own] = marks()
  t.mock.timers.enable({ apis: ['setInterval'] })
  const other = await openStoreWith({}, { directory })
  t.after(async () => {
    await other.close()
    await store.close()
    rmSync(directory, { recursive: true })
  })
  const to = Array.from({ length: 20_000 }, (_, n) => toRemote(`u${n}@far.example`, 900, 'far.example'))
  const given = acceptance(store, await stage(store, sampleMessage(1)), to)
  let outcome: unknown
  const accepted = store.queue.accept(given).then(
    () => {
      outcome = 'accepted'
    },
    (error: unknown) => {
      outcome = error
    },
  )
  // To the others its process is gone; one of them looks after what such a one has left.
  rmSync(join(directory, 'processes', own as string))
  while (outcome === undefined) {
    t.mock.timers.tick(aRoundMs)
    await nextTurn()
  }
  await accepted
  assert.match(String(outcome), /what was written of \w+ is gone/)
  await other.compact()
  assert.deepEqual((await other.check()).problems, [])
  assert.equal(await store.queue.count(), 0)
  assert.equal(await store.queue.nextDueMs(), undefined)
  assert.equal(await store.queue.get(given.entry.queueId), undefined)
})

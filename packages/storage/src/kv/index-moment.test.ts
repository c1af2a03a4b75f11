import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openStore } from '../index.ts'
import { indexName } from '../maintenance/backup.ts'
import { append, mailboxOf, makeAccount, sampleMessage } from '../testkit/samples.ts'
import { closeEnvironment, type Environment, openEnvironment, transact } from './environment.ts'
import { IndexMoment } from './index-moment.ts'
import { keyOf32, tables } from './keys.ts'

const opened = (t: TestContext): { directory: string; environment: Environment } => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-moment-'))
  const environment = openEnvironment(join(directory, indexName), 'logged')
  t.after(async () => {
    await closeEnvironment(environment)
    rmSync(directory, { recursive: true })
  })
  return { directory, environment }
}

test('a moment of the index: what is written between its turns is not seen, by ranges, single reads and counts', async (t) => {
  const { environment } = opened(t)
  const key = (number: number): Buffer => keyOf32(tables.usage, number)
  const put = (number: number, text: string): void =>
    transact(environment, () => environment.putSync(key(number), Buffer.from(text)))
  for (let number = 0; number < 5_000; number += 2) put(number, 'before')
  const moment = new IndexMoment(environment)
  const found: number[] = []
  let turns = 0
  const writer = setInterval(() => {
    turns++
    // Before and behind the place that is being looked at.
    for (const number of [turns * 2 - 1, 4_999 - turns * 2]) put(number, 'after')
    put(turns * 2, 'changed')
  }, 0)
  await moment.eachRow(tables.usage, (rowKey, value) => {
    const number = rowKey.readUInt32BE(1)
    found.push(number)
    assert.equal(value.toString(), 'before')
    assert.equal(moment.get(key(number))?.toString(), 'before')
    // So that there are many turns.
    for (const endMs = performance.now() + 0.05; performance.now() < endMs; );
  })
  clearInterval(writer)
  assert.equal(moment.count(Buffer.from([tables.usage])), 2_500)
  moment.release()
  assert.ok(turns > 2, `${turns} turns of others`)
  assert.deepEqual(
    found,
    Array.from({ length: 2_500 }, (_, index) => index * 2),
  )
})

test('what may not go on ends at its next turn', async (t) => {
  const { environment } = opened(t)
  const moment = new IndexMoment(environment, () => {
    throw new Error('ended')
  })
  const slowly = (): void => {
    for (const endMs = performance.now() + 5; performance.now() < endMs; );
  }
  await assert.rejects(moment.each([1, 2, 3, 4, 5, 6, 7, 8], slowly), /ended/)
  moment.release()
})

test('check beside appends: as of one moment, and it ends when the store is closed', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-moment-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const store = await openStore({ directory })
  const { id } = await mailboxOf(store, await makeAccount(store))
  for (let number = 1; number <= 200; number++) await append(store, id, sampleMessage(number, 500))
  let goesOn = true
  const appending = (async () => {
    for (let number = 201; goesOn; number++) await append(store, id, sampleMessage(number, 500))
  })()
  for (let round = 0; round < 5; round++) assert.deepEqual((await store.check()).problems, [])
  goesOn = false
  await appending
  const last = store.check().catch((error) => error.kind)
  await store.close()
  const outcome = await last
  assert.ok(outcome === 'closed' || outcome.problems.length === 0, String(outcome))
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FileLayer } from '../segments/file-layer.ts'
import { QuickSync } from './quick-sync.ts'

const madeOf = (isBusy: () => boolean) => {
  const ways: string[] = []
  const files = {
    dataSync: async () => void ways.push('thread'),
    dataSyncNow: () => void ways.push('at once'),
  } as unknown as FileLayer
  return { ways, quick: new QuickSync(files, isBusy) }
}

test('units that come one by one are synced at once, together or beside a flush by a thread', async () => {
  let busy = true
  const { ways, quick } = madeOf(() => busy)
  await quick.sync(1, 1)
  busy = false
  await quick.sync(1, 2)
  // For a while the crowd is expected to come back.
  for (let group = 0; group < 7; group++) await quick.sync(1, 1)
  assert.deepEqual(new Set(ways), new Set(['thread']))
  await quick.sync(1, 1)
  assert.equal(ways.at(-1), 'at once')
})

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { serveLocalSocket } from '@posthorn/net/local-socket'
import type { QueueId } from '@posthorn/storage'
import type { ListedEntry } from '../control/public-server.ts'
import { publicQueue, type RestOfQueue } from './public-client.ts'
import { createShellFixture } from './shell-fixture.ts'

const entry = (n: number): ListedEntry => ({
  queueId: `Q${n}` as QueueId,
  arrivedMs: n,
  sizeBytes: 1,
  sender: 'a@b.test',
  hold: false,
  recipients: [],
})
const queue = Array.from({ length: 60 }, (_, n) => entry(n))

/** The queue as it is read; two entries to a page of the server. */
async function read(
  rest: RestOfQueue | undefined,
): Promise<{ readonly ids: string[]; readonly asked: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-public-client-'))
  const path = join(folder, 'socket')
  let asked = 0
  const server = await serveLocalSocket(path, async (question) => {
    asked++
    const { after } = question as { readonly after?: string }
    const from = after === undefined ? 0 : queue.findIndex(({ queueId }) => queueId === after) + 1
    return { ok: true, entries: queue.slice(from, from + 2) }
  })
  try {
    const ids: string[] = []
    for await (const { queueId } of (await publicQueue(path, createShellFixture(), rest)) ?? [])
      ids.push(queueId)
    return { ids, asked }
  } finally {
    await server.close()
    rmSync(folder, { recursive: true })
  }
}

const all = queue.map(({ queueId }) => queueId)

test('the queue is asked for page by page', async () => {
  assert.deepEqual(await read(undefined), { ids: all, asked: 31 })
  assert.deepEqual(await read(async () => undefined), { ids: all, asked: 31 })
})

test('a long queue is read without the server by whoever may', async () => {
  const { ids, asked } = await read(async function rest(last) {
    async function* others() {
      yield* queue.slice(queue.findIndex(({ queueId }) => queueId === last.queueId) + 1)
    }
    return others()
  })
  assert.deepEqual(ids, all)
  assert.equal(asked, 10)
})

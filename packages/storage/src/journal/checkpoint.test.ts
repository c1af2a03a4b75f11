import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openStore, rebuildStore } from '../index.ts'
import { append, mailboxOf, makeAccount, sampleMessage } from '../testkit/samples.ts'

test('many openings leave few journals, and a rebuild still knows everything', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-journals-'))
  let store = await openStore({ directory })
  const account = await makeAccount(store)
  const { id } = await mailboxOf(store, account)
  await append(store, id, sampleMessage(1))
  await store.close()
  for (let round = 0; round < 55; round++) {
    store = await openStore({ directory })
    await store.messages.changeFlags(id, Uint32Array.of(1), {
      op: 'replace',
      flags: { system: round % 32, keywords: [] },
    })
    await store.close()
  }
  const files = readdirSync(join(directory, 'journal'))
  assert.ok(files.length < 15, `${files.length} files`)
  assert.equal(files.filter((name) => name.endsWith('.ckp')).length, 1)
  assert.deepEqual(readdirSync(join(directory, 'processes')), [])
  await rebuildStore(directory, 1)
  store = await openStore({ directory })
  for await (const { flags0 } of store.messages.fetch(id, Uint32Array.of(1), {}))
    assert.equal(flags0[0], 54 % 32)
  assert.deepEqual((await store.check()).problems, [])
  await store.close()
  rmSync(directory, { recursive: true })
})

test('a process that did not close the store: its changes are in the checkpoint of the next opening', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-behind-'))
  const abandoned = await openStore({ directory })
  const account = await makeAccount(abandoned)
  const { id } = await mailboxOf(abandoned, account)
  await append(abandoned, id, sampleMessage(1), 5, ['kept'])
  rmSync(join(directory, 'journal'), { recursive: true })
  rmSync(join(directory, 'processes'), { recursive: true })
  const store = await openStore({ directory })
  await store.close()
  await abandoned.close().catch(() => {})
  await rebuildStore(directory, 1)
  const again = await openStore({ directory })
  const { keywords, messages } = await mailboxOf(again, account)
  assert.deepEqual([keywords, messages], [['kept'], 1])
  await again.close()
  rmSync(directory, { recursive: true })
})

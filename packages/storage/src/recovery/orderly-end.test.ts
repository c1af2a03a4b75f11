import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openStoreWith } from '../open-store.ts'
import { append, mailboxOf, makeAccount, readAll, sampleMessage } from '../testkit/samples.ts'

const parts = { logCapacityBytes: 64 * 1024 }

/** Opens the store, appends a message, says so, and closes the store when its input ends. */
const guestSource = `
import { openStore } from ${JSON.stringify(new URL('../index.ts', import.meta.url).href)}
import { append, mailboxOf, sampleMessage } from ${JSON.stringify(new URL('../testkit/samples.ts', import.meta.url).href)}
const store = await openStore({ directory: process.argv[1] })
const [account] = await store.accounts.list()
const { id } = await mailboxOf(store, account)
await append(store, id, sampleMessage(1))
process.stdout.write('done')
process.stdin.resume().on('end', () => store.close())
`

const runGuest = async (directory: string, end: 'is killed' | 'closes the store'): Promise<void> => {
  const child = spawn(process.execPath, ['--input-type=module', '-e', guestSource, directory], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const closed = once(child, 'close')
  await Promise.race([once(child.stdout, 'data'), closed])
  if (end === 'is killed') child.kill('SIGKILL')
  else child.stdin.end()
  assert.deepEqual(await closed, end === 'is killed' ? [null, 'SIGKILL'] : [0, null])
}

for (const end of ['is killed', 'closes the store'] as const) {
  test(`a process ${end} while another goes on: what it said of the index counts for nothing after the orderly end`, async () => {
    const directory = mkdtempSync(join(tmpdir(), 'posthorn-end-'))
    const store = await openStoreWith(parts, { directory })
    const { id } = await mailboxOf(store, await makeAccount(store))
    await runGuest(directory, end)
    // The log goes round more than once: it holds no more what followed the guest's state.
    const numbers = Array.from({ length: 99 }, (_, index) => index + 2)
    for (const number of numbers) await append(store, id, sampleMessage(number))
    await store.close()
    const states = readdirSync(join(directory, 'log')).filter((name) => name.endsWith('.flushed'))
    const after = await openStoreWith(parts, { directory })
    const found = await readAll(after, id)
    assert.deepEqual([...found.keys()], [1, ...numbers])
    for (const number of numbers) assert.ok(found.get(number)?.equals(sampleMessage(number)), `UID ${number}`)
    assert.deepEqual((await after.check()).problems, [])
    await after.close()
    assert.deepEqual(states, [], 'after an orderly end nothing is to be said')
    rmSync(directory, { recursive: true })
  })
}

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { flushPath } from '../log/flush-record.ts'
import { openStoreWith } from '../open-store.ts'
import { ownIdentity } from '../process-identity.ts'
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

/** As programs before version 4 of the store wrote them: another first word. */
const asFormer = (record: Buffer): Buffer => {
  const bytes = Buffer.from(record)
  for (const slot of [0, 4096]) if (bytes.length > slot) bytes.writeUInt32BE(0x50485831, slot)
  return bytes
}

for (const end of ['closed it', 'was killed'] as const) {
  test(`a flush record that a former program left behind, of a process that ${end}, is not believed`, async () => {
    const directory = mkdtempSync(join(tmpdir(), 'posthorn-stale-'))
    const logs = join(directory, 'log')
    const store = await openStoreWith(parts, { directory })
    const { id } = await mailboxOf(store, await makeAccount(store))
    await append(store, id, sampleMessage(1))
    await store.flushJournal()
    const [name = ''] = readdirSync(logs).filter((each) => each.endsWith('.flushed'))
    const stale = asFormer(readFileSync(join(logs, name)))
    const numbers = Array.from({ length: 99 }, (_, index) => index + 2)
    for (const number of numbers) await append(store, id, sampleMessage(number))
    await store.close()
    writeFileSync(flushPath(logs, 12_345), stale)
    if (end === 'was killed') {
      const dead = { ...ownIdentity(), startTicks: 1, token: 12_345 }
      writeFileSync(join(directory, 'processes', '12345.json'), `${JSON.stringify(dead)} `)
    }
    const after = await openStoreWith(parts, { directory })
    const found = await readAll(after, id)
    assert.deepEqual([...found.keys()], [1, ...numbers])
    assert.deepEqual((await after.check()).problems, [])
    const left = readdirSync(logs).filter((each) => each === '12345.flushed')
    await after.close()
    assert.deepEqual(left, [], 'it is removed')
    rmSync(directory, { recursive: true })
  })
}

test('markers that never got their name go at an opening, one that is being written stays', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-markers-'))
  await (await openStoreWith(parts, { directory })).close()
  const processes = join(directory, 'processes')
  const dead = { ...ownIdentity(), startTicks: 1 }
  writeFileSync(join(processes, '1.json.new'), `${JSON.stringify(dead)} `)
  writeFileSync(join(processes, '2.json.new'), '')
  utimesSync(join(processes, '2.json.new'), 1_000, 1_000)
  writeFileSync(join(processes, '3.json.new'), '{"pid":')
  writeFileSync(join(processes, '4.json.new'), `${JSON.stringify(ownIdentity())} `)
  await (await openStoreWith(parts, { directory })).close()
  assert.deepEqual(readdirSync(processes).sort(), ['3.json.new', '4.json.new'])
  rmSync(directory, { recursive: true })
})

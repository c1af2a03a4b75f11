import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openStore, rebuildStore } from '../index.ts'
import { mailboxOf, makeAccount, readAll, sampleMessage } from '../testkit/samples.ts'

/** Appends, says the last UID that was acknowledged and written to the journal, and is killed. */
const killedSource = `
import { openStore } from ${JSON.stringify(new URL('../index.ts', import.meta.url).href)}
import { append, mailboxOf, sampleMessage } from ${JSON.stringify(new URL('../testkit/samples.ts', import.meta.url).href)}
const store = await openStore({ directory: process.argv[1] })
const [account] = await store.accounts.list()
const { id } = await mailboxOf(store, account)
for (let number = 1; number <= 20; number++) await append(store, id, sampleMessage(number))
await new Promise((resolve) => setTimeout(resolve, 1_000))
for (let number = 21; number <= 25; number++) await append(store, id, sampleMessage(number))
process.kill(process.pid, 'SIGKILL')
`

for (const what of ['missing', 'cut short'] as const)
  test(`after kill -9 the log is ${what}: the opening is refused with what to do, and a rebuild loses nothing`, async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'posthorn-lost-log-'))
    t.after(() => rmSync(directory, { recursive: true }))
    const store = await openStore({ directory })
    const { id } = await mailboxOf(store, await makeAccount(store))
    await store.close()
    const child = spawn(process.execPath, ['--input-type=module', '-e', killedSource, directory], {
      stdio: 'inherit',
    })
    assert.deepEqual(await once(child, 'close'), [null, 'SIGKILL'])
    for (const name of readdirSync(join(directory, 'log')).filter((each) => each.endsWith('.log')))
      if (what === 'missing') rmSync(join(directory, 'log', name))
      else truncateSync(join(directory, 'log', name), 100)
    for (let times = 0; times < 2; times++)
      await assert.rejects(openStore({ directory }), {
        kind: 'corrupt',
        message: new RegExp(`its log \\(log/\\d+\\.log\\) is ${what}: posthorn store rebuild`),
      })
    const { lost } = await rebuildStore(directory, 5)
    assert.deepEqual(lost, [])
    const rebuilt = await openStore({ directory })
    const found = [...(await readAll(rebuilt, id)).values()].map((bytes) =>
      Buffer.from(bytes).toString('latin1'),
    )
    const expected = Array.from({ length: 25 }, (_, n) => sampleMessage(n + 1).toString('latin1'))
    assert.deepEqual(found.sort(), expected.sort())
    assert.deepEqual((await rebuilt.check()).problems, [])
    await rebuilt.close()
  })

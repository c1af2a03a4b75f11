import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openStoreWith } from '../open-store.ts'
import { FaultyFileLayer } from '../testkit/faulty-file-layer.ts'
import { killedAtWrite } from '../testkit/killed-at-write.ts'
import { changeLarge, type Told, verifyLarge } from '../testkit/large-entries.ts'
import { makeAccount } from '../testkit/samples.ts'

/** What may be there after the last that was acknowledged. */
const allowed: Record<Told | 'nothing', readonly string[]> = {
  nothing: ['', 'due'],
  accepted: ['due', 'held'],
  held: ['held', 'due'],
  released: ['due'],
  requeued: ['due', 'expired'],
  expired: ['expired'],
}

const verify = async (directory: string, told: Told | 'nothing'): Promise<string> => {
  const found = [...(await verifyLarge(directory)).values()].join()
  assert.ok(allowed[told].includes(found), `${told}, found: ${found}`)
  rmSync(directory, { recursive: true })
  return found
}

const prepare = async (): Promise<string> => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-faulty-large-'))
  const store = await openStoreWith({}, { directory })
  await makeAccount(store)
  await store.close()
  return directory
}

const workOn = async (directory: string, parts: Parameters<typeof openStoreWith>[0]): Promise<string[]> => {
  const told: string[] = []
  const store = await openStoreWith(parts, { directory })
  try {
    await changeLarge(store, (each) => told.push(each))
  } catch {
    told.push('refused')
  }
  await store.close().catch(() => {})
  return told
}

const count = async (): Promise<{ opening: number; all: number }> => {
  const files = new FaultyFileLayer({ kind: 'none' })
  const directory = await prepare()
  const store = await openStoreWith({ files }, { directory })
  const opening = files.calls
  await changeLarge(store, () => {})
  await store.close()
  assert.equal(await verify(directory, 'expired'), 'expired')
  return { opening, all: files.calls }
}

test('a message with very many recipients: power fails at the nth call; it is there as a whole, or not at all', async () => {
  const { opening, all } = await count()
  const seen = new Set<string>()
  const source = await prepare()
  for (let atCall = opening; atCall <= all; atCall += 5) {
    const directory = `${source}-${atCall}`
    cpSync(source, directory, { recursive: true })
    const files = new FaultyFileLayer({ kind: 'power', atCall }, atCall)
    let last: Told | 'nothing' = 'nothing'
    const working = openStoreWith({ files }, { directory }).then(async (store) => {
      await changeLarge(store, (told) => {
        last = told
      })
      await store.close()
    })
    await Promise.race([files.down, working.catch(() => {})])
    const told = last
    files.loseUnsynced(directory, `${directory}-left`)
    rmSync(directory, { recursive: true })
    seen.add(`${told} ${await verify(`${directory}-left`, told)}`)
  }
  rmSync(source, { recursive: true })
  assert.ok(seen.has('nothing ') && seen.size > 4, [...seen].join())
})

for (const code of ['ENOSPC', 'EIO'] as const) {
  test(`a message with very many recipients: ${code} at the nth call`, async () => {
    const { opening, all } = await count()
    const source = await prepare()
    for (let atCall = opening + 1; atCall <= all; atCall += 5) {
      const directory = `${source}-${atCall}`
      cpSync(source, directory, { recursive: true })
      const told = await workOn(directory, { files: new FaultyFileLayer({ kind: 'error', atCall, code }) })
      const states = [...(await verifyLarge(directory)).values()]
      rmSync(directory, { recursive: true })
      if (told[0] !== 'accepted') assert.deepEqual(states, [], 'what was refused is gone')
      else assert.equal(states.length, 1)
      if (told.at(-1) === 'expired') assert.deepEqual(states, ['expired'])
    }
    rmSync(source, { recursive: true })
  })
}

const killedSource = (directory: string, nth: number): string => `
import { writeSync } from 'node:fs'
import { openStoreWith } from ${JSON.stringify(new URL('../open-store.ts', import.meta.url).href)}
import { killedAtWrite } from ${JSON.stringify(new URL('../testkit/killed-at-write.ts', import.meta.url).href)}
import { changeLarge } from ${JSON.stringify(new URL('../testkit/large-entries.ts', import.meta.url).href)}
const { files } = killedAtWrite(${nth})
const store = await openStoreWith({ files }, { directory: ${JSON.stringify(directory)} })
await changeLarge(store, (told) => writeSync(1, told + '\\n'))
await store.close()
`

test('a message with very many recipients: killed between any two steps', async () => {
  const counter = killedAtWrite(-1)
  const whole = await prepare()
  const store = await openStoreWith({ files: counter.files }, { directory: whole })
  const opening = counter.writes()
  await changeLarge(store, () => {})
  const all = counter.writes()
  await store.close()
  await verify(whole, 'expired')
  const seen = new Set<string>()
  for (let nth = opening + 1; nth <= all; nth += 5) {
    const directory = await prepare()
    const { stdout, signal } = spawnSync(
      process.execPath,
      ['--input-type=module', '-e', killedSource(directory, nth)],
      { encoding: 'utf8' },
    )
    assert.equal(signal, 'SIGKILL')
    const told = (stdout.trim().split('\n').at(-1) || 'nothing') as Told | 'nothing'
    seen.add(`${told} ${await verify(directory, told)}`)
  }
  assert.ok(seen.has('nothing ') && seen.size > 4, [...seen].join())
})

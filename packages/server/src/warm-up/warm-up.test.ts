import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { LogEvent } from '@posthorn/mail'
import { buildConfig } from '../config/load-config.ts'
import { type ComposedServer, composeServer } from '../start/compose.ts'
import { prepareDataFolder } from '../start/data-folder.ts'
import { removeScratch, scratchFolder } from './scratch-folder.ts'
import { type Amounts, startWarmUp, type WarmUpParts } from './warm-up.ts'

const little: Amounts = { appends: 30, imapRounds: 1, pop3Rounds: 1, fetched: 1 }
const endless: Amounts = { ...little, appends: 1_000_000_000 }

interface Real {
  readonly server: ComposedServer
  readonly folder: string
  readonly events: LogEvent[]
  readonly parts: Omit<WarmUpParts, 'amounts'>
}

/** A server that nobody warms. */
async function withServer(run: (real: Real) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-warm-'))
  const place = { file: join(folder, 'main.cf'), folder, named: true }
  const text = `data_directory = ${folder}\nmyhostname = mail.example.org\ninet_interfaces = 127.0.0.1\nlisten = 127.0.0.1\nalias_maps =\n`
  const { config } = buildConfig(place, text, { environment: {} })
  const events: LogEvent[] = []
  const log = (event: LogEvent): void => void events.push(event)
  const server = await composeServer({ config, folder: prepareDataFolder(folder), log, portOf: () => 0 })
  try {
    const { credentials, clients } = server
    const parts = { dataFolder: folder, credentials, log, clients, minFreeBytes: 0 }
    await run({ server, folder, events, parts })
  } finally {
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

const left = (folder: string): readonly string[] =>
  existsSync(scratchFolder(folder)) ? readdirSync(scratchFolder(folder)) : []

test('all of it is gone through, and nothing of it is left or told', async () => {
  await withServer(async ({ server, folder, events, parts }) => {
    await server.accounts.create({ address: 'alice@example.org', password: 'not seen here' })
    const before = await server.store.accounts.list()
    events.length = 0
    await startWarmUp({ ...parts, amounts: [little, little] }).ended
    assert.deepEqual(
      events.map(({ level, text }) => `${level} ${text.replace(/[\d.]+/, 'N')}`),
      ['debug warmed up in N s'],
      String(events[0]?.error),
    )
    assert.deepEqual(left(folder), [])
    assert.deepEqual(await server.store.accounts.list(), before)
    assert.equal(await server.store.queue.count(), 0)
    assert.equal(server.clients(), 0)
  })
})

test('it ends when it is told to, in the middle, and leaves nothing', async () => {
  await withServer(async ({ folder, events, parts }) => {
    const warmUp = startWarmUp({ ...parts, amounts: [endless] })
    const limit = AbortSignal.timeout(60_000)
    while (left(folder).length === 0) await sleep(5, undefined, { signal: limit })
    await warmUp.stop()
    assert.deepEqual(left(folder), [])
    assert.deepEqual(
      events.filter(({ level }) => level !== 'info'),
      [],
    )
  })
})

test('where it cannot be done, the server goes on', async () => {
  await withServer(async ({ folder, events, parts }) => {
    writeFileSync(scratchFolder(folder), 'a file where the folder should be')
    await startWarmUp({ ...parts, amounts: [little] }).ended
    assert.deepEqual(
      events.map(({ level, text }) => `${level} ${text}`),
      ['debug not warmed up'],
    )
  })
})

test('on a disk that is nearly full there is none', async () => {
  await withServer(async ({ folder, events, parts }) => {
    await startWarmUp({ ...parts, amounts: [little], minFreeBytes: Number.MAX_SAFE_INTEGER }).ended
    assert.match(String(events[0]?.error), /nearly full/)
    assert.ok(!existsSync(scratchFolder(folder)))
  })
})

test('what a killed server left is removed', () => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-warm-'))
  try {
    mkdirSync(join(scratchFolder(folder), '4711', 'store'), { recursive: true })
    removeScratch(folder)
    assert.deepEqual(readdirSync(folder), [])
    removeScratch(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

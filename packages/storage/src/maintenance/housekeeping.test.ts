import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { LogEvent } from '@posthorn/mail'
import { openStore } from '../open-store.ts'
import { append, mailboxOf, makeAccount, readAll, sampleMessage } from '../testkit/samples.ts'

test('what the background finds in its way is told to the log, and nobody is left with its promise', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-housekeeping-'))
  t.after(() => rmSync(directory, { recursive: true }))
  t.mock.timers.enable({ apis: ['setInterval'] })
  const said: LogEvent[] = []
  const store = await openStore({ directory, log: (event) => said.push(event) })
  const { id } = await mailboxOf(store, await makeAccount(store))
  await append(store, id, sampleMessage(1))
  const logs = join(directory, 'log')
  renameSync(logs, `${logs}-away`)
  // The round of every minute.
  t.mock.timers.tick(60_000)
  while (said.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  renameSync(`${logs}-away`, logs)
  assert.match(said[0]?.text ?? '', /^Store: ENOENT.*scandir/)
  assert.equal(said[0]?.level, 'warning')
  t.mock.timers.tick(60_000)
  await append(store, id, sampleMessage(2))
  assert.equal((await readAll(store, id)).size, 2)
  await store.close()
  assert.equal(said.length, 1)
})

test('a journal that cannot be written is told of once, and written later', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-housekeeping-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const said: LogEvent[] = []
  const store = await openStore({ directory, log: (event) => said.push(event) })
  const journals = join(directory, 'journal')
  renameSync(journals, `${journals}-away`)
  const { id } = await mailboxOf(store, await makeAccount(store))
  await append(store, id, sampleMessage(1))
  const endMs = performance.now() + 60_000
  while (said.length === 0 && performance.now() < endMs)
    await new Promise((resolve) => setTimeout(resolve, 5))
  renameSync(`${journals}-away`, journals)
  assert.match(said[0]?.text ?? '', /^Store: ENOENT/)
  await store.flushJournal()
  await store.close()
  assert.equal(said.length, 1)
  assert.ok(readdirSync(journals).length > 0)
})

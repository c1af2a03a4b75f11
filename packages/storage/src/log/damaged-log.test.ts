import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { MailboxId } from '../contract.ts'
import { openStore, rebuildStore } from '../index.ts'
import { journalPath } from '../journal/journal-files.ts'
import { encodeFrames } from '../journal/journal-frame.ts'
import { realFileLayer } from '../segments/file-layer.ts'
import { mailboxOf, makeAccount, readAll, sampleMessage } from '../testkit/samples.ts'
import { youngestFlushOfAny } from './flush-record.ts'
import { logPath, type Redone, recordsAfter } from './log-files.ts'
import { recordHeadBytes } from './log-record.ts'

/** Appends one message after the other, says how many were acknowledged, and is killed. */
const killedSource = `
import { openStore } from ${JSON.stringify(new URL('../index.ts', import.meta.url).href)}
import { append, mailboxOf, sampleMessage } from ${JSON.stringify(new URL('../testkit/samples.ts', import.meta.url).href)}
const store = await openStore({ directory: process.argv[1] })
const [account] = await store.accounts.list()
const { id } = await mailboxOf(store, account)
await store.flushJournal()
for (let number = 1; number <= 15; number++) await append(store, id, sampleMessage(number))
// A transaction of the index is held open for further groups; what was acknowledged in it the log alone has.
await new Promise((resolve) => setTimeout(resolve, 50))
process.kill(process.pid, 'SIGKILL')
`

interface Killed {
  readonly directory: string
  readonly logs: string
  readonly mailbox: MailboxId
  /** What the log has after the last flush of the index. */
  readonly records: readonly Redone[]
  readonly expected: number
}

const killed = async (t: TestContext): Promise<Killed> => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-damaged-log-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const store = await openStore({ directory })
  const { id: mailbox } = await mailboxOf(store, await makeAccount(store))
  await store.close()
  const logs = join(directory, 'log')
  // The index is flushed four times a second: on a slow machine that may come in between.
  for (let expected = 15; ; expected += 15) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', killedSource, directory], {
      stdio: 'inherit',
    })
    assert.deepEqual(await once(child, 'close'), [null, 'SIGKILL'])
    const flushed = youngestFlushOfAny(realFileLayer, logs)
    assert.ok(flushed)
    const records = [...recordsAfter(realFileLayer, logs, flushed.state)]
    if (records.length >= 5) return { directory, logs, mailbox, records, expected }
  }
}

/** Changes one octet of a record, counted from its beginning. */
const damage = ({ logs, records }: Killed, index: number, at: number): void => {
  const before = records[index - 1] as Redone
  const path = logPath(logs, before.state.logId)
  const bytes = readFileSync(path)
  const place = (before.state.end % before.state.capacityBytes) + at
  bytes[place] = (bytes[place] as number) ^ 0xff
  writeFileSync(path, bytes)
}

const filesOf = (directory: string): string[] =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(?:log|mdb|seg|jnl)$/.test(name) && !name.startsWith('volatile'))
    .map((name) => readFileSync(join(directory, name), 'latin1'))

const messagesIn = async (directory: string, mailbox: MailboxId): Promise<string[]> => {
  const store = await openStore({ directory })
  try {
    assert.deepEqual((await store.check()).problems, [])
    const all = [...(await readAll(store, mailbox)).values()]
    return all.map((bytes) => Buffer.from(bytes).toString('latin1')).sort()
  } finally {
    await store.close()
  }
}

const expectedMessages = (count: number): string[] =>
  Array.from({ length: count }, (_, n) => sampleMessage((n % 15) + 1).toString('latin1')).sort()

test('after kill -9 a record in the middle of the log is damaged: nothing is changed, what is lost is said, a rebuild loses nothing', async (t) => {
  const scene = await killed(t)
  const { directory, records, mailbox, expected } = scene
  damage(scene, 2, recordHeadBytes + 3)
  const from = (records[2] as Redone).record.sequence
  const to = (records.at(-1) as Redone).record.sequence
  for (let times = 0; times < 2; times++) {
    const before = filesOf(directory)
    await assert.rejects(openStore({ directory }), {
      kind: 'corrupt',
      message: new RegExp(`damaged at octet \\d+: .* changes ${from} to ${to} .*posthorn store rebuild`),
    })
    assert.deepEqual(filesOf(directory), before)
  }
  assert.deepEqual((await rebuildStore(directory, 5)).lost, [])
  assert.deepEqual(await messagesIn(directory, mailbox), expectedMessages(expected))
})

/** Octets of a record's head: what it is, checksum, length, rows, sequence, frames. */
const inHead = [1, 5, 9, 13, 21, 25]

test('after kill -9 any octet of a head is damaged, of any record, the last one too: the index knows how far the log went', async (t) => {
  const scene = await killed(t)
  const { directory, records, mailbox, expected } = scene
  const to = (records.at(-1) as Redone).record.sequence
  for (const at of [...inHead, recordHeadBytes + 3])
    for (const index of [2, records.length - 1]) {
      damage(scene, index, at)
      const from = (records[index] as Redone).record.sequence
      await assert.rejects(
        openStore({ directory }),
        { kind: 'corrupt', message: new RegExp(`changes ${from} to ${to} .*posthorn store rebuild`) },
        `octet ${at} of record ${index}`,
      )
      damage(scene, index, at)
    }
  for (const at of inHead) damage(scene, 2, at)
  assert.deepEqual((await rebuildStore(directory, 5)).lost, [])
  assert.deepEqual(await messagesIn(directory, mailbox), expectedMessages(expected))
})

test('killed in the middle of a write: the log ended before the record that is not whole', async (t) => {
  const scene = await killed(t)
  const { directory, logs, records, mailbox, expected } = scene
  const { state } = records.at(-1) as Redone
  const path = logPath(logs, state.logId)
  const bytes = readFileSync(path)
  const former = (records.at(-2) as Redone).state.end % state.capacityBytes
  // The head of the last one, with the next number, and nothing behind it.
  const head = Buffer.from(bytes.subarray(former, former + recordHeadBytes))
  head.writeUIntBE(state.next, 18, 6)
  head.copy(bytes, state.end % state.capacityBytes)
  writeFileSync(path, bytes)
  assert.deepEqual(await messagesIn(directory, mailbox), expectedMessages(expected))
})

test('the journal has more than the log: what was acknowledged is missing there', async (t) => {
  const { directory, records, mailbox, expected } = await killed(t)
  const last = (records.at(-1) as Redone).record
  const [row] = last.rows
  assert.ok(row)
  const journals = join(directory, 'journal')
  const owners = readdirSync(join(directory, 'processes')).map((name) => Number.parseInt(name, 10))
  assert.equal(owners.length, 1)
  const journal = journalPath(journals, 'journal', owners[0] as number, 900_000)
  const octets = encodeFrames([{ sequence: last.sequence + 3, key: row.key, value: row.value }])
  writeFileSync(journal, Buffer.concat(octets))
  await assert.rejects(openStore({ directory }), {
    kind: 'corrupt',
    message: new RegExp(`changes ${last.sequence + 1} to ${last.sequence + 3} `),
  })
  rmSync(journal)
  assert.deepEqual(await messagesIn(directory, mailbox), expectedMessages(expected))
})

import assert from 'node:assert/strict'
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Maintenance, RebuildReport, Store } from '../contract.ts'
import { openStore, rebuildStore } from '../index.ts'
import { randomFrom } from '../testkit/faulty-file-layer.ts'
import {
  acceptance,
  append,
  mailboxOf,
  makeAccount,
  readAll,
  sampleMessage,
  stage,
  toMailbox,
  toRemote,
} from '../testkit/samples.ts'

const nowMs = 1_800_000_000_000
const temporary = (t: TestContext): string => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-lost-journal-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** Numbers of the messages that somebody has, by account address and mailbox; and of those in the queue. */
const contents = async (store: Store): Promise<{ mailboxes: Map<string, number[]>; queued: number[] }> => {
  const numberOf = (bytes: Uint8Array): number =>
    Number(/Subject: message (\d+)/.exec(Buffer.from(bytes).toString('latin1', 0, 400))?.[1])
  const mailboxes = new Map<string, number[]>()
  for (const account of await store.accounts.list()) {
    for (const { id, name } of await store.mailboxes.list(account.id)) {
      const numbers = [...(await readAll(store, id)).values()].map(numberOf)
      if (numbers.length > 0) mailboxes.set(`${account.address} ${name}`, numbers)
    }
  }
  const queued: number[] = []
  for (const { queueId } of await store.queue.list())
    queued.push(numberOf((await store.queue.read(queueId)) ?? Buffer.alloc(0)))
  return { mailboxes, queued }
}

/** Two accounts, mail of every kind; 7 was removed, 8 moved, 20 waits for another server. */
const fill = async (store: Store & Maintenance): Promise<void> => {
  const alice = await makeAccount(store)
  const bob = await makeAccount(store, 'bob@example.org')
  const inbox = await mailboxOf(store, alice)
  const { id: notes } = await store.mailboxes.create(alice.id, 'work/notes')
  for (let number = 1; number <= 9; number++) await append(store, inbox.id, sampleMessage(number), 1)
  await append(store, notes, sampleMessage(10), 1, ['kept'])
  await store.messages.discard(inbox.id, Uint32Array.of(7))
  await store.messages.move(inbox.id, Uint32Array.of(8), notes)
  for (let number = 11; number <= 13; number++) {
    const message = await stage(store, sampleMessage(number))
    await store.queue.accept(acceptance(store, message, [toMailbox(alice), toMailbox(bob, 'Junk')]))
  }
  const message = await stage(store, sampleMessage(20))
  await store.queue.accept(acceptance(store, message, [toRemote('a@b.example'), toMailbox(bob)]))
  await append(store, (await mailboxOf(store, bob, 'Sent')).id, sampleMessage(21, 1_500_000))
}

const make = async (directory: string): Promise<void> => {
  const store = await openStore({ directory })
  await fill(store)
  await store.close()
}

const removeFiles = (directory: string, pattern: RegExp): void => {
  for (const name of readdirSync(directory)) if (pattern.test(name)) rmSync(join(directory, name))
}

const opened = async <T>(directory: string, work: (store: Store & Maintenance) => Promise<T>): Promise<T> => {
  const store = await openStore({ directory })
  try {
    return await work(store)
  } finally {
    await store.close()
  }
}

test('journal and index are gone: mail comes back to accounts made again, and what is not known is said', async (t) => {
  const directory = temporary(t)
  await make(directory)
  removeFiles(join(directory, 'journal'), /./)
  rmSync(join(directory, 'index.mdb'))
  const report = await rebuildStore(directory, nowMs)
  assert.deepEqual(report.lost, [])
  assert.equal(report.redelivered, report.broughtBack.length)
  assert.match(report.unknown.join('\n'), /does not reach back to the beginning/)
  assert.match(report.unknown.join('\n'), /messages that were removed may be back/)
  assert.match(report.unknown.join('\n'), /alice@example.org: made again .*without a password/)
  // 10 appended to alice and 1 to bob, 3 to both, one to bob and to the queue.
  assert.equal(report.broughtBack.length, 11 + 6 + 2)
  assert.ok(report.broughtBack.some((line) => line.includes('a@b.example, on hold')))
  assert.ok(
    report.broughtBack.some((line) => line.includes('alice@example.org, mailbox "work/notes", UID 1')),
  )
  await opened(directory, async (store) => {
    const { mailboxes, queued } = await contents(store)
    assert.deepEqual(Object.fromEntries(mailboxes), {
      'alice@example.org INBOX': [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13],
      'alice@example.org work/notes': [10],
      'bob@example.org INBOX': [20],
      'bob@example.org Junk': [11, 12, 13],
      'bob@example.org Sent': [21],
    })
    assert.deepEqual(queued, [20])
    assert.equal(await store.queue.nextDueMs(), undefined, 'nothing is sent twice')
    assert.deepEqual((await store.check()).problems, [])
    const [alice] = await store.accounts.list()
    assert.ok(alice)
    const inbox = await mailboxOf(store, alice)
    assert.ok(inbox.uidValidity > nowMs / 1000, 'UIDs may have meant others')
    await append(store, inbox.id, sampleMessage(30))
  })
})

test('the trace fields of delivered mail come back with it', async (t) => {
  const directory = temporary(t)
  await make(directory)
  removeFiles(join(directory, 'journal'), /./)
  rmSync(join(directory, 'index.mdb'))
  await rebuildStore(directory, nowMs)
  await opened(directory, async (store) => {
    const [, bob] = await store.accounts.list()
    assert.ok(bob)
    const bytes = (await readAll(store, (await mailboxOf(store, bob)).id)).get(1)
    assert.ok(bytes?.equals(Buffer.concat([Buffer.from('Return-Path: <>\r\n'), sampleMessage(20)])))
  })
})

test('an account that is not known in a whole journal: its last mail is kept for it, disabled', async (t) => {
  const directory = temporary(t)
  await make(directory)
  const left = temporary(t)
  await opened(directory, async (store) => {
    await store.flushJournal()
    const carol = await makeAccount(store, 'carol@example.org')
    await append(store, (await mailboxOf(store, carol)).id, sampleMessage(40))
    // Before the journal is written.
    cpSync(directory, left, {
      recursive: true,
      filter: (path) => !/processes\/|volatile|\.flushed$/.test(path),
    })
  })
  rmSync(join(left, 'index.mdb'))
  const report = await rebuildStore(left, nowMs)
  if (report.broughtBack.length > 0) {
    assert.match(report.unknown.join('\n'), /carol@example.org: made again for its messages, disabled/)
  }
  await opened(left, async (store) => {
    assert.deepEqual((await contents(store)).mailboxes.get('carol@example.org INBOX'), [40])
  })
})

/** Every message that was there is somewhere, or named as lost; none twice in a place. */
const verifyWhole = async (directory: string, report: RebuildReport, what: string): Promise<void> => {
  await opened(directory, async (store) => {
    assert.deepEqual((await store.check()).problems, [], what)
    const { mailboxes, queued } = await contents(store)
    const all = new Set([...mailboxes.values()].flat())
    for (const number of [1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 20, 21])
      assert.ok(all.has(number), `${what}: message ${number} is gone; ${JSON.stringify(report)}`)
    for (const number of [11, 12, 13]) {
      const owners = [...mailboxes].filter(([, numbers]) => numbers.includes(number)).map(([name]) => name)
      assert.ok(owners.length >= 2, `${what}: message ${number} is with ${owners.join(', ')} only`)
    }
    assert.ok(queued.includes(20), `${what}: what was queued is not there`)
    const [account] = await store.accounts.list()
    assert.ok(account)
    await append(store, (await mailboxOf(store, account)).id, sampleMessage(50))
  })
}

test('whatever the journal lacks: the rebuilt store is whole, has every message, and says that it does not know all', async (t) => {
  const directory = temporary(t)
  await make(directory)
  // A second journal, and a checkpoint.
  await opened(directory, async (store) => {
    const [alice] = await store.accounts.list()
    assert.ok(alice)
    await store.mailboxes.subscribe(alice.id, 'elsewhere', 'subscribed')
  })
  rmSync(join(directory, 'index.mdb'))
  const random = randomFrom(11)
  for (let round = 0; round < 30; round++) {
    const copy = `${directory}-${round}`
    t.after(() => rmSync(copy, { recursive: true, force: true }))
    cpSync(directory, copy, { recursive: true })
    const journals = readdirSync(join(copy, 'journal'))
    const path = join(copy, 'journal', journals[Math.floor(random() * journals.length)] as string)
    const sizeBytes = statSync(path).size
    const place = Math.floor(random() * sizeBytes)
    const way = round % 3
    if (way === 0) rmSync(path)
    else if (way === 1) truncateSync(path, place)
    else {
      const bytes = readFileSync(path)
      bytes[place] = (bytes[place] as number) ^ 0x10
      writeFileSync(path, bytes)
    }
    const report = await rebuildStore(copy, nowMs)
    await verifyWhole(
      copy,
      report,
      `round ${round}, ${['removed', 'cut', 'flipped'][way]} at ${place} of ${sizeBytes}`,
    )
    if (report.broughtBack.length > 0) assert.ok(report.unknown.length > 0, `round ${round}: it says nothing`)
  }
})

test('segments are gone: each message is named, by account, mailbox and UID', async (t) => {
  const directory = temporary(t)
  await make(directory)
  removeFiles(join(directory, 'segments'), /./)
  const report = await rebuildStore(directory, nowMs)
  // 9 in alice's INBOX of which one was removed and one moved, 3 delivered to each, one to bob, one appended.
  assert.equal(report.lost.length, 7 + 2 + 3 + 3 + 1 + 1 + 1)
  assert.ok(
    report.lost.some((line) => /^alice@example.org, mailbox "INBOX", UID 9 .*octets are gone/.test(line)),
  )
  assert.ok(report.lost.some((line) => /^Queue entry \w+ to a@b.example: its octets are gone/.test(line)))
  assert.deepEqual([report.messages, report.queueEntries], [0, 0])
})

test('segments are missing: an opening refuses a store without any, and names those that are not there', async (t) => {
  const directory = temporary(t)
  await make(directory)
  const segments = join(directory, 'segments')
  const names = readdirSync(segments).sort()
  assert.ok(names.length >= 2)
  const away = temporary(t)
  for (const name of names) cpSync(join(segments, name), join(away, name))
  removeFiles(segments, /./)
  await assert.rejects(openStore({ directory }), {
    kind: 'corrupt',
    message: /none of its \d+ segments is there.*mount/,
  })
  // They are mounted again, all but the last, and one is shorter.
  for (const name of names.slice(0, -1)) cpSync(join(away, name), join(segments, name))
  truncateSync(join(segments, names[0] as string), 100)
  const said: string[] = []
  const store = await openStore({ directory, log: ({ text }) => said.push(text) })
  await store.close()
  const [line = ''] = said.filter((each) => each.includes('cannot be read'))
  assert.match(
    line,
    new RegExp(`segment ${Number.parseInt(names[0] as string, 10)} is cut short \\(100 of \\d+ octets\\)`),
  )
  assert.match(line, new RegExp(`${Number.parseInt(names.at(-1) as string, 10)} is missing`))
  for (const name of names) cpSync(join(away, name), join(segments, name))
  await opened(directory, async (whole) => assert.deepEqual((await whole.check()).problems, []))
})

/**
 * Clients that go offline and come back with what they knew, while others store, expunge, move and append. What a
 * returning client is told must be exactly what happened since.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type RawClient, startImapFixture } from '../testkit/imap-fixture.ts'
import { oneOf, type Random, randomFrom } from '../testkit/random.ts'

const flagNames = ['\\Seen', '\\Flagged', '\\Answered', '\\Draft', 'work', '$junk']

/** What a client knows between two connections. */
interface Memory {
  readonly modSeq: number
  /** UID → its flags, sorted. */
  readonly flags: ReadonlyMap<number, string>
  /** How much had happened. */
  readonly at: number
}

/** What really happened, in order. */
class Truth {
  readonly flags = new Map<number, Set<string>>()
  readonly history: ({ readonly changed: number } | { readonly gone: number })[] = []

  change(uid: number): void {
    this.history.push({ changed: uid })
  }

  expunge(uid: number): void {
    this.flags.delete(uid)
    this.history.push({ gone: uid })
  }

  uids(): number[] {
    return [...this.flags.keys()].sort((a, b) => a - b)
  }

  since(at: number): { changed: Set<number>; gone: Set<number> } {
    const later = this.history.slice(at)
    const gone = new Set(later.flatMap((event) => ('gone' in event ? [event.gone] : [])))
    const changed = later.flatMap((event) => ('changed' in event ? [event.changed] : []))
    return { gone, changed: new Set(changed.filter((uid) => !gone.has(uid))) }
  }
}

function numbersOf(set: string): number[] {
  return set.split(',').flatMap((range) => {
    const [from, to = from] = range.split(':').map(Number) as [number, number?]
    return Array.from({ length: to! - from + 1 }, (_, n) => from + n)
  })
}

function someOf(random: Random, uids: readonly number[]): number[] {
  const chosen = uids.filter(() => random(4) === 0)
  return chosen.length > 0 ? chosen : uids.slice(0, 1)
}

/** One change by a live session. */
async function act(random: Random, client: RawClient, truth: Truth): Promise<void> {
  // Of messages that it has not heard of a session cannot speak.
  await client.ok('NOOP')
  const uids = truth.uids()
  const kind = uids.length < 5 ? 0 : random(7)
  if (kind === 0) {
    const text = 'Subject: x\r\n\r\nx\r\n'
    const count = 1 + random(3)
    const literals = Array.from({ length: count }, () => `{${text.length}+}\r\n${text}`).join(' ')
    const done = (await client.ok(`APPEND INBOX ${literals}`)).at(-1)!
    for (const uid of numbersOf(/APPENDUID \d+ ([\d:,]+)/.exec(done)![1]!)) {
      truth.flags.set(uid, new Set())
      truth.change(uid)
    }
    return
  }
  const chosen = someOf(random, uids)
  if (kind < 4) {
    const names = flagNames.filter(() => random(3) === 0)
    const op = oneOf(random, ['+', '-', ''])
    const silent = oneOf(random, ['', '.SILENT'])
    await client.ok(`UID STORE ${chosen.join()} ${op}FLAGS${silent} (${names.join(' ')})`)
    for (const uid of chosen) {
      const flags = truth.flags.get(uid)!
      const before = [...flags].sort().join()
      if (op === '') flags.clear()
      for (const name of names) op === '-' ? flags.delete(name) : flags.add(name)
      if ([...flags].sort().join() !== before) truth.change(uid)
    }
  } else if (kind === 4) {
    await client.ok(`UID MOVE ${chosen.join()} Elsewhere`)
    for (const uid of chosen) truth.expunge(uid)
  } else {
    await client.ok(`UID STORE ${chosen.join()} +FLAGS.SILENT (\\Deleted)`)
    await client.ok(kind === 5 ? 'EXPUNGE' : `UID EXPUNGE ${chosen.join()}`)
    for (const uid of chosen) truth.expunge(uid)
  }
}

const sortedFlags = (text: string): string =>
  text
    .split(' ')
    .filter((name) => name !== '' && name !== '\\Recent')
    .sort()
    .join(' ')

/** What the untagged lines say. */
function toldBy(lines: readonly string[]): {
  vanished: number[]
  fetched: Map<number, string>
  highest: number
} {
  const vanished = lines.flatMap((line) => {
    const set = /^\* VANISHED \(EARLIER\) ([\d:,]+)$/.exec(line)?.[1]
    return set === undefined ? [] : numbersOf(set)
  })
  const fetched = new Map<number, string>()
  for (const line of lines) {
    const items = /^\* \d+ FETCH \((.*)\)$/.exec(line)?.[1]
    if (items === undefined) continue
    fetched.set(Number(/UID (\d+)/.exec(items)![1]), sortedFlags(/FLAGS \(([^)]*)\)/.exec(items)![1]!))
  }
  const highest = Number(/HIGHESTMODSEQ (\d+)/.exec(lines.join('\n'))?.[1] ?? 0)
  return { vanished, fetched, highest }
}

async function memoryOf(client: RawClient, truth: Truth): Promise<Memory> {
  const lines = await client.ok('EXAMINE INBOX')
  const fetched = toldBy(await client.ok('UID FETCH 1:* (FLAGS)')).fetched
  const { highest } = toldBy(lines)
  assert.deepEqual([...fetched.keys()], truth.uids())
  for (const [uid, flags] of fetched) assert.equal(flags, [...truth.flags.get(uid)!].sort().join(' '))
  return { modSeq: highest, flags: fetched, at: truth.history.length }
}

/** What the answers make of what was known. */
function caughtUp(
  memory: Memory,
  told: ReturnType<typeof toldBy>,
  known: (uid: number) => boolean,
): Map<number, string> {
  const flags = new Map([...memory.flags].filter(([uid]) => known(uid)))
  for (const uid of told.vanished) flags.delete(uid)
  for (const [uid, text] of told.fetched) flags.set(uid, text)
  return flags
}

function checkTold(
  what: string,
  memory: Memory,
  told: ReturnType<typeof toldBy>,
  truth: Truth,
  known: (uid: number) => boolean,
): void {
  const { gone, changed } = truth.since(memory.at)
  const wanted = (uids: Iterable<number>) => [...uids].filter(known).sort((a, b) => a - b)
  assert.deepEqual(
    [...told.vanished].sort((a, b) => a - b),
    wanted(gone),
    `${what}: VANISHED`,
  )
  assert.deepEqual(
    [...told.fetched.keys()].sort((a, b) => a - b),
    wanted(changed),
    `${what}: FETCH`,
  )
  const now = [...truth.flags].filter(([uid]) => known(uid)).sort(([a], [b]) => a - b)
  const flags = [...caughtUp(memory, told, known)].sort(([a], [b]) => a - b)
  assert.deepEqual(
    flags,
    now.map(([uid, names]) => [uid, [...names].sort().join(' ')]),
    `${what}: what is known after`,
  )
}

test('RFC 7162 §3.2.5, §3.2.6: returning clients are told exactly what happened since', async (t) => {
  const imap = await startImapFixture(t)
  const random = randomFrom(7162)
  const truth = new Truth()
  const actors = [await imap.login(), await imap.login()]
  await actors[0]!.ok('CREATE Elsewhere')
  for (const actor of actors) await actor.ok('SELECT INBOX')
  const first = await imap.login()
  const validity = /UIDVALIDITY (\d+)/.exec((await first.ok('SELECT INBOX')).join())![1]
  await first.ok('ENABLE QRESYNC')
  const memories: Memory[] = []
  for (let round = 0; round < 40; round++) {
    for (let step = 0; step < 1 + random(5); step++) await act(random, oneOf(random, actors), truth)
    memories.push(await memoryOf(first, truth))
    const memory = oneOf(random, memories.slice(-12))
    const { modSeq } = memory
    const back = await imap.login()
    await back.ok('ENABLE QRESYNC')
    const known = [...memory.flags.keys()]
    const subset = someOf(random, known)
    const last = known.at(-1) ?? 0
    const isAny = (): boolean => true
    // New messages are beyond what was known: they are told by EXISTS alone where known UIDs are given.
    const among = (uids: readonly number[]) => (uid: number) => uids.includes(uid)
    const all = toldBy(await back.ok(`SELECT INBOX (QRESYNC (${validity} ${modSeq}))`))
    checkTold(`${round} SELECT`, memory, all, truth, isAny)
    if (subset.length > 0) {
      const some = toldBy(await back.ok(`SELECT INBOX (QRESYNC (${validity} ${modSeq} ${subset.join()}))`))
      checkTold(`${round} SELECT known UIDs`, memory, some, truth, among(subset))
    }
    await back.ok('SELECT INBOX')
    const fetched = toldBy(await back.ok(`UID FETCH 1:* (FLAGS) (CHANGEDSINCE ${modSeq} VANISHED)`))
    checkTold(`${round} UID FETCH`, memory, fetched, truth, isAny)
    const range = `${1 + random(last + 1)}:${1 + random(last + 1)}`
    const [from, to] = (range.split(':').map(Number) as [number, number]).sort((a, b) => a - b) as [
      number,
      number,
    ]
    const part = toldBy(await back.ok(`UID FETCH ${range} (FLAGS) (CHANGEDSINCE ${modSeq} VANISHED)`))
    checkTold(`${round} UID FETCH ${range}`, memory, part, truth, (uid) => uid >= from && uid <= to)
    // With the sequence numbers of some, nothing that the client lost is told twice or left out.
    const numbers = known.map((uid, at) => [at + 1, uid] as const).filter(([n]) => n % 3 === 1)
    if (numbers.length > 0) {
      const match = `(${numbers.map(([n]) => n).join()} ${numbers.map(([, uid]) => uid).join()})`
      const lines = await back.ok(`SELECT INBOX (QRESYNC (${validity} ${modSeq} 1:${last} ${match}))`)
      const told = toldBy(lines)
      for (const uid of truth.since(memory.at).gone)
        if (memory.flags.has(uid)) assert.ok(told.vanished.includes(uid), `${round}: ${uid} is gone`)
      for (const uid of told.vanished) assert.ok(!truth.flags.has(uid), `${round}: ${uid} is there`)
    }
    const other = toldBy(await back.ok(`SELECT INBOX (QRESYNC (${Number(validity) + 1} ${modSeq}))`))
    assert.deepEqual([other.vanished, other.fetched.size], [[], 0], 'RFC 7162 §3.2.5: another UIDVALIDITY')
    await back.ok('LOGOUT')
  }
})

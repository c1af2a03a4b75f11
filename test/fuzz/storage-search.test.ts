import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeSummary, headerEnd, scanMessage } from '@posthorn/mail'
import type { FetchWant, MessageBatch, ModSeq, SearchCriteria, Uid } from '@posthorn/storage'
import fc from 'fast-check'
import { type SearchSource, searchMailbox } from '../../packages/storage/src/search/index.ts'

const runs = Number(process.env.FUZZ_RUNS ?? 300)

const texts = [
  'Subject: alpha\r\nX-One: beta\r\n\r\ngamma\r\n',
  'Subject: beta\r\nDate: 1 Jan 2026 00:00:00 +0000\r\n\r\nalpha\r\n',
  `Subject: gamma\r\n${'To: a@b\r\n'.repeat(9000)}\r\nbeta\r\n`,
  '\r\nalpha beta\r\n',
  'X-One: alpha\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\nYmV0YQ==\r\n',
].map((text) => Buffer.from(text))
const summaries = texts.map((text) => encodeSummary(scanMessage(text)))
const none = Buffer.alloc(0)

const source: SearchSource = {
  uids: Uint32Array.from(texts, (_, i) => i + 1),
  keywords: ['one', 'two'],
  async *fetch(uids: Uint32Array, want: FetchWant): AsyncGenerator<MessageBatch> {
    for (const uid of uids) {
      const text = texts[uid - 1] as Buffer
      yield {
        uids: Uint32Array.of(uid),
        flags0: Uint32Array.of(uid << 3),
        flags1: Uint32Array.of(0),
        modSeqs: Float64Array.of(uid * 10),
        facts: {
          messageIds: Float64Array.of(uid),
          sizeBytes: Float64Array.of(text.length),
          internalDatesMs: Float64Array.of(uid * 1000),
          saveDatesMs: Float64Array.of(uid * 1000),
        },
        prefixes: [none],
        ...(want.summary ? { summaries: [summaries[uid - 1] as Buffer] } : {}),
        ...(want.bytes ? { bytes: [want.bytes === 'all' ? text : text.subarray(0, headerEnd(text))] } : {}),
      }
    }
  },
}

const word = fc.constantFrom('alpha', 'BETA', 'gamma', '', 'none')
const leaf: fc.Arbitrary<SearchCriteria> = fc.oneof(
  fc.constant<SearchCriteria>({ kind: 'all' }),
  fc.nat(31).map((mask): SearchCriteria => ({ kind: 'flag', mask })),
  fc.constantFrom('one', 'two', 'three').map((name): SearchCriteria => ({ kind: 'keyword', name })),
  fc.nat(6).map((since): SearchCriteria => ({ kind: 'recent', since: since as Uid })),
  fc.nat(60).map((atLeast): SearchCriteria => ({ kind: 'modseq', atLeast: atLeast as ModSeq })),
  fc.nat(80).map((sizeBytes): SearchCriteria => ({ kind: 'larger', sizeBytes })),
  fc.nat(5000).map((fromMs): SearchCriteria => ({ kind: 'internal-date', fromMs, toMs: fromMs + 2000 })),
  fc.constant<SearchCriteria>({ kind: 'sent-date', fromDay: 0, toDay: 30_000 }),
  fc
    .tuple(fc.constantFrom('subject', 'x-one', 'to'), word)
    .map(([name, value]): SearchCriteria => ({ kind: 'header', name, value })),
  fc
    .tuple(fc.constantFrom('body' as const, 'text' as const), word)
    .map(([kind, value]): SearchCriteria => ({ kind, value })),
  fc
    .tuple(fc.nat(5), fc.nat(5))
    .map(([from, more]): SearchCriteria => ({ kind: 'uids', ranges: [[from, from + more]] })),
)
const { tree } = fc.letrec<{ tree: SearchCriteria }>((tie) => ({
  tree: fc.oneof(
    { depthSize: 'medium', withCrossShrink: true },
    leaf,
    fc
      .tuple(fc.constantFrom('and' as const, 'or' as const), fc.array(tie('tree'), { maxLength: 4 }))
      .map(([kind, of]): SearchCriteria => ({ kind, of })),
    tie('tree').map((of): SearchCriteria => ({ kind: 'not', of })),
  ),
}))

/** Each leaf by a search of its own, the tree by sets. */
const byLeaves = async (criteria: SearchCriteria): Promise<Set<number>> => {
  const all = [...source.uids]
  if (criteria.kind === 'not') {
    const inner = await byLeaves(criteria.of)
    return new Set(all.filter((uid) => !inner.has(uid)))
  }
  if (criteria.kind === 'and' || criteria.kind === 'or') {
    const sets = await Promise.all(criteria.of.map(byLeaves))
    const { kind } = criteria
    return new Set(
      all.filter((uid) =>
        kind === 'and' ? sets.every((set) => set.has(uid)) : sets.some((set) => set.has(uid)),
      ),
    )
  }
  return new Set((await searchMailbox(source, criteria)).uids)
}

test('RFC 9051 §6.4.4: a tree of criteria finds what its leaves find, however little of a message is read', async () => {
  await fc.assert(
    fc.asyncProperty(tree, async (criteria) => {
      const found = await searchMailbox(source, criteria)
      const expected = [...(await byLeaves(criteria))].sort((a, b) => a - b)
      assert.deepEqual([...found.uids], expected)
      assert.equal(found.highestModSeq, Math.max(0, ...expected.map((uid) => uid * 10)))
    }),
    { numRuns: runs },
  )
})

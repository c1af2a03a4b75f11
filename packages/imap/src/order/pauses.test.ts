import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Turn } from '../session/turn.ts'
import { KeyColumns } from './key-columns.ts'
import { orderRows, sortedRows } from './ranks.ts'
import { mergeSubjects } from './subject-merge.ts'
import { forestOctets } from './thread-forest.ts'
import { threadByReferencesOnly } from './thread-references.ts'

/** Asks whether others should have their turn are counted. */
class CountedTurn extends Turn {
  count = 0

  override pass(): Promise<void> | undefined {
    this.count++
    return undefined
  }
}

const many = 100_000
/** Of rows that may be handled between two such asks. */
const atOnce = 4_096
const least = many / atOnce

const numbers = Uint32Array.from({ length: many }, (_, at) => at)

test('rows are put into an order in parts, by ascending and by descending ranks', async () => {
  const ranks = numbers.map((at) => (at * 7) % 1_000)
  for (const reverse of [false, true]) {
    const turn = new CountedTurn()
    const ordered = await orderRows(numbers, [{ ranks, reverse }], turn)
    assert.ok(turn.count >= 3 * least, `${turn.count} pauses`)
    const sign = reverse ? -1 : 1
    const expected = [...numbers].sort((a, b) => sign * (ranks[a]! - ranks[b]!) || a - b)
    assert.deepEqual([...ordered], expected)
  }
})

test('roots of threads are merged, sorted and written in parts', async () => {
  const turn = new CountedTurn()
  const forest = { roots: [...numbers], children: [], messageCount: many }
  // The first two are one thread: all roots are looked through for what is left of them.
  await mergeSubjects(
    forest,
    {
      text: (message) => (message < 2 ? 'same' : `${message}`),
      isReplyOrForward: (message) => message === 1,
    },
    turn,
  )
  assert.equal(forest.roots.length, many - 1)
  assert.deepEqual(forest.children[0], [1])
  assert.ok(turn.count > (2 * many) / 256 + least, `${turn.count} pauses`)
  const written = new CountedTurn()
  const octets = await forestOctets(forest, numbers, written)
  assert.ok(octets.toString().startsWith('(0 1)(2)(3)'))
  assert.ok(written.count >= least, `${written.count} pauses`)
})

test('identifiers are named, and threads sorted by their latest message, in parts', async () => {
  const turn = new CountedTurn()
  const input = {
    ownIds: Int32Array.from(numbers),
    references: new Array<Uint32Array>(many).fill(new Uint32Array(0)),
    idCount: many,
    dateRanks: numbers,
  }
  const forest = await threadByReferencesOnly(
    input,
    numbers.map((at) => many - at),
    turn,
  )
  assert.equal(forest.roots[0], many - 1)
  const alone = new CountedTurn()
  await sortedRows(new Float64Array(many), alone)
  // Linking, pruning, sorting twice: beyond that, naming and picking.
  const elsewhere = many / 256 + (2 * many) / 1_024 + 2 * alone.count
  assert.ok(turn.count >= elsewhere + 3 * least, `${turn.count} pauses, ${elsewhere} known`)
})

test('room for the values of a large mailbox is made at once, one column after the other', async () => {
  const columns = new KeyColumns()
  const turn = new CountedTurn()
  await columns.reserve(many, new Set(['addresses', 'threads']), turn)
  assert.equal(turn.count, 7)
  assert.equal(columns.values.FROM.length, many)
  assert.equal(columns.references.length, many)
  assert.equal(columns.values.SUBJECT.length, 0, 'nobody asked for them')
  await columns.reserve(5, new Set(['addresses']), turn)
  assert.equal(columns.values.FROM.length, many, 'none is cut')
})

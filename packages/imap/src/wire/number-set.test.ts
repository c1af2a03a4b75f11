import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatNumbers, lowerBound, NumberSet, pick } from './number-set.ts'
import { SyntaxFault } from './syntax-fault.ts'

const parse = (text: string) => NumberSet.parse(text, () => new SyntaxFault('Expected a message set'))
const uids = Uint32Array.from([3, 4, 7, 10, 4_000_000_000])

/** RFC 9051 §9 sequence-set, §6.4.9; `sequence` in a mailbox of five messages. */
const table: readonly { input: string; sequence: number[] | 'fault'; within: number[]; byUid: number[] }[] = [
  { input: '1', sequence: [1], within: [1], byUid: [] },
  { input: '2:4', sequence: [2, 3, 4], within: [2, 3, 4], byUid: [3, 4] },
  { input: '4:2', sequence: [2, 3, 4], within: [2, 3, 4], byUid: [3, 4] },
  { input: '*', sequence: [5], within: [5], byUid: [4_000_000_000] },
  { input: '*:4', sequence: [4, 5], within: [4, 5], byUid: [4, 7, 10, 4_000_000_000] },
  { input: '5,1,2:3,3', sequence: [1, 2, 3, 5], within: [1, 2, 3, 5], byUid: [3] },
  { input: '1:*', sequence: [1, 2, 3, 4, 5], within: [1, 2, 3, 4, 5], byUid: [...uids] },
  { input: '1:4294967295', sequence: 'fault', within: [1, 2, 3, 4, 5], byUid: [...uids] },
  { input: '4294967295:*', sequence: 'fault', within: [5], byUid: [4_000_000_000] },
  { input: '6', sequence: 'fault', within: [], byUid: [] },
  { input: '3:7,9:10', sequence: 'fault', within: [3, 4, 5], byUid: [3, 4, 7, 10] },
  { input: '*:*,*', sequence: [5], within: [5], byUid: [4_000_000_000] },
]

for (const { input, sequence, within, byUid } of table) {
  test(`RFC 9051 §9 sequence-set: ${input}`, () => {
    const five = Uint32Array.from([1, 2, 3, 4, 5])
    const set = parse(input)
    if (sequence === 'fault') assert.throws(() => set.sequenceIndexes(5), SyntaxFault)
    else assert.deepEqual([...pick(five, set.sequenceIndexes(5))], sequence)
    assert.deepEqual([...pick(five, set.sequenceIndexesWithin(5))], within)
    assert.deepEqual([...pick(uids, set.uidIndexes(uids))], byUid)
  })
}

for (const input of [
  '',
  '0',
  '1:',
  ':1',
  '1,,2',
  ',1',
  '1,',
  '1:2:3',
  '4294967296',
  '99999999999',
  '01',
  '1:$',
  '$1',
  '**',
]) {
  test(`RFC 9051 §9: "${input}" is no sequence-set`, () => {
    assert.throws(() => parse(input), SyntaxFault)
  })
}

test('RFC 5182 §2.1: $ is the saved result', () => {
  assert.ok(parse('$').saved)
})

test('RFC 9051 §9 seq-number: * in an empty mailbox is a fault by sequence, nothing by UID', () => {
  assert.throws(() => parse('*').sequenceIndexes(0), SyntaxFault)
  assert.throws(() => parse('1:*').sequenceIndexes(0), SyntaxFault)
  assert.deepEqual(parse('1:*').sequenceIndexesWithin(0), [])
  assert.deepEqual(parse('1:*').uidIndexes(new Uint32Array(0)), [])
})

test('a run is picked without a copy', () => {
  assert.equal(pick(uids, parse('1:*').uidIndexes(uids)).buffer, uids.buffer)
})

test('a set of 30,000 parts in any order is resolved at once', () => {
  const numbers = Array.from({ length: 30_000 }, (_, at) => 30_000 - at)
  const many = Uint32Array.from(numbers).reverse()
  assert.equal(pick(many, parse(numbers.join(',')).uidIndexes(many)).length, 30_000)
})

test('RFC 9051 §9 uid-set: runs are joined', () => {
  assert.equal(formatNumbers(Uint32Array.from([1, 2, 3, 5, 7, 8])), '1:3,5,7:8')
  assert.equal(formatNumbers(new Uint32Array(0)), '')
  assert.equal(formatNumbers(Uint32Array.from([9])), '9')
})

test('UID bounds stay bounds', () => {
  assert.deepEqual(parse('5:1,4:*').ranges(9), [[1, 9]])
  assert.deepEqual(parse('1:4294967295').ranges(9), [[1, 4_294_967_295]])
  assert.deepEqual([...parse('4:*').restrict(uids, 8)], [4, 7])
  assert.equal(lowerBound(uids, 8), 3)
})

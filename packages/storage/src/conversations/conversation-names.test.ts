import assert from 'node:assert/strict'
import { test } from 'node:test'
import { conversationNames, type UnnamedMessage } from './conversation-names.ts'

/** `b<a` is a message b that answers a; `c<a,b` has both as references; `<a` has no identifier. */
function messagesOf(text: string): UnnamedMessage[] {
  return text.split(' ').map((word, at) => {
    const [own, references] = word.split('<')
    return { messageId: at + 1, own: own || undefined, references: references ? references.split(',') : [] }
  })
}

const nothingKnown = (): undefined => undefined

const rows: readonly [
  title: string,
  messages: string,
  names: string,
  known?: Readonly<Record<string, string>>,
][] = [
  ['each begins one', 'a b', 'a b'],
  ['answers by References', 'a b<a c<a,b', 'a a a'],
  ['an answer that names only its parent', 'a b<a c<b', 'a a a'],
  ['answers before what they answer', 'c<b b<a a', 'a a a'],
  ['the message that they answer is missing', 'b<a c<a', 'a a'],
  ['a missing one in the middle', 'a c<a,b d<b', 'a a a'],
  ['without an identifier', '<a <', 'a 2'],
  ['the same message twice', 'a a b<a', 'a a a'],
  ['a message decides itself what it answers', 'a b x<a,b', 'a b b'],
  ['what a message says counts more than what others say of it', 'x<z,b b<a a', 'a a a'],
  ['loops', 'a<b b<a c<c', 'b b c'],
  ['a name stays', 'b<a', 'n', { a: 'n' }],
  ['an answer was named before: its parent gets its name', 'b<a a', 'n n', { b: 'n' }],
  ['the parent comes alone', 'a c<a', 'n n', { a: 'n' }],
  ['two with names stay two; who joins them goes to the one it answers', 'd<a,b', 'm', { a: 'n', b: 'm' }],
  ['the nearest with a name', 'd<a,b,c', 'n', { a: 'n' }],
]
for (const [title, messages, names, known = {}] of rows) {
  test(`RFC 8474 §5.2, RFC 5256 §3 REFERENCES: ${title}`, () => {
    const found = conversationNames(messagesOf(messages), (identifier) => known[identifier])
    assert.deepEqual(found.messages, names.split(' '))
  })
}

test('RFC 8474 §5.2: identifiers are named, too, for answers to come', () => {
  const { identifiers } = conversationNames(messagesOf('c<a,b d'), (id) => (id === 'b' ? 'n' : undefined))
  assert.deepEqual([...identifiers].sort(), [
    ['a', 'n'],
    ['c', 'n'],
    ['d', 'd'],
  ])
})

test('RFC 8474 §5.2: random trees in random order, each with some of its ancestors told', () => {
  let seed = 7
  const below = (limit: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
    return Math.floor((seed / 0x1_0000_0000) * limit)
  }
  for (let round = 0; round < 200; round++) {
    const ancestors: number[][] = []
    const messages: UnnamedMessage[] = []
    for (let number = 0; number < 30; number++) {
      const parent = number > 0 && below(5) > 0 ? below(number) : undefined
      const path = parent === undefined ? [] : [...ancestors[parent]!, parent]
      ancestors.push(path)
      // References may be cut: the last one always stands.
      const told = path.slice(path.length === 0 ? 0 : below(path.length))
      messages.push({ messageId: number, own: `m${number}`, references: told.map((each) => `m${each}`) })
    }
    const shuffled = messages
      .map((message) => ({ message, place: below(1_000_000) }))
      .sort((a, b) => a.place - b.place)
      .map(({ message }) => message)
    const names = conversationNames(shuffled, nothingKnown).messages
    for (const [at, { messageId }] of shuffled.entries())
      assert.equal(
        names[at],
        `m${ancestors[messageId]![0] ?? messageId}`,
        `round ${round}, message ${messageId}`,
      )
  }
})

test('a chain of thousands, and thousands of answers to one, take no time', () => {
  const chain = Array.from({ length: 3_000 }, (_, at) => ({
    messageId: at,
    own: `m${at}`,
    references: at === 0 ? [] : [`m${at - 1}`],
  }))
  assert.equal(new Set(conversationNames(chain.toReversed(), nothingKnown).messages).size, 1)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { frameLength, MilterSyntaxError } from './frame.ts'
import { decodeNegotiation, encodeOffer, macroNames } from './negotiation.ts'
import { decodeReply } from './reply.ts'
import { encodeConnect, encodeHeader, encodeMacros, encodePath } from './requests.ts'

const frame = (letter: string, data: string): Buffer => {
  const octets = Buffer.from(letter + data, 'latin1')
  const head = Buffer.alloc(4)
  head.writeUInt32BE(octets.length)
  return Buffer.concat([head, octets])
}

const replies: readonly { readonly input: Buffer; readonly expect: unknown }[] = [
  { input: frame('c', ''), expect: { kind: 'continue' } },
  { input: frame('a', ''), expect: { kind: 'accept' } },
  { input: frame('r', ''), expect: { kind: 'reject' } },
  { input: frame('t', ''), expect: { kind: 'tempfail' } },
  { input: frame('d', ''), expect: { kind: 'discard' } },
  { input: frame('s', ''), expect: { kind: 'skip' } },
  { input: frame('p', ''), expect: { kind: 'progress' } },
  { input: frame('4', ''), expect: { kind: 'shutdown' } },
  { input: frame('f', ''), expect: { kind: 'connection-failure' } },
  { input: frame('y', '550 5.7.1 no\0'), expect: { kind: 'reply-code', text: '550 5.7.1 no' } },
  {
    input: frame('h', 'X-A\0b\0'),
    expect: { kind: 'edit', edit: { kind: 'add-header', name: 'X-A', value: Buffer.from('b') } },
  },
  {
    input: frame('i', '\0\0\0\x01X-A\0b\0'),
    expect: { kind: 'edit', edit: { kind: 'insert-header', index: 1, name: 'X-A', value: Buffer.from('b') } },
  },
  {
    input: frame('m', '\0\0\0\x02Subject\0\0'),
    expect: {
      kind: 'edit',
      edit: { kind: 'change-header', index: 2, name: 'Subject', value: Buffer.from('') },
    },
  },
  {
    input: frame('e', '<a@b>\0'),
    expect: { kind: 'edit', edit: { kind: 'change-from', address: '<a@b>', parameters: '' } },
  },
  {
    input: frame('+', '<a@b>\0'),
    expect: { kind: 'edit', edit: { kind: 'add-recipient', address: '<a@b>', parameters: '' } },
  },
  {
    input: frame('2', '<a@b>\0NOTIFY=NEVER\0'),
    expect: { kind: 'edit', edit: { kind: 'add-recipient', address: '<a@b>', parameters: 'NOTIFY=NEVER' } },
  },
  {
    input: frame('-', '<a@b>\0'),
    expect: { kind: 'edit', edit: { kind: 'delete-recipient', address: '<a@b>' } },
  },
  {
    input: frame('b', 'x\0y'),
    expect: { kind: 'edit', edit: { kind: 'replace-body', octets: Buffer.from('x\0y') } },
  },
  { input: frame('q', 'why\0'), expect: { kind: 'edit', edit: { kind: 'quarantine', reason: 'why' } } },
  { input: frame('z', ''), expect: { kind: 'unknown', letter: 'z' } },
]

for (const { input, expect } of replies) {
  test(`a reply ${JSON.stringify(input.toString('latin1', 4, 20))}, whole and in two pieces at each octet`, () => {
    assert.equal(frameLength(Buffer.concat([input, frame('c', '')])), input.length)
    for (let cut = 0; cut < input.length; cut++) assert.equal(frameLength(input.subarray(0, cut)), undefined)
    assert.deepEqual(decodeReply(input), expect)
  })
}

test('replies that are none are refused', () => {
  const bad = [
    frame('h', 'X-A\0b'),
    frame('h', 'X-A'),
    frame('h', 'X A\0b\0'),
    frame('h', '\0b\0'),
    frame('h', 'X:A\0b\0'),
    frame('i', '\0\0'),
    frame('m', '\0\0\0\x01'),
    frame('+', 'a@b'),
    frame('q', 'why'),
  ]
  for (const input of bad)
    assert.throws(() => decodeReply(input), MilterSyntaxError, JSON.stringify(input.toString('latin1')))
  assert.throws(() => frameLength(Buffer.from([0, 0, 0, 0])), MilterSyntaxError)
  assert.throws(() => frameLength(Buffer.from('HTTP/1.1 400')), MilterSyntaxError)
})

test('negotiation: what we offer, what a filter may take, the macros it names', () => {
  assert.equal(encodeOffer(6).toString('hex'), '0000000d4f00000006000001ff001fffff')
  const numbers = (...values: number[]) => values.map((n) => n.toString(16).padStart(8, '0')).join('')
  const answer = (hex: string) => frame('O', Buffer.from(hex, 'hex').toString('latin1'))
  const agreed = decodeNegotiation(
    answer(`${numbers(6, 0x11, 0x401)}${numbers(2)}${Buffer.from('i {x}, y\0').toString('hex')}`),
    6,
  )
  assert.deepEqual(
    [agreed.version, agreed.actions, agreed.steps, agreed.macros.get('mail')],
    [6, 0x11, 0x401, ['i', 'x', 'y']],
  )
  assert.equal(decodeNegotiation(answer(numbers(2, 0, 0x2000000f)), 6).steps, 0xf)
  for (const bad of [numbers(7, 0, 0), numbers(1, 0, 0), numbers(6, 0x200, 0), numbers(6, 0, 0x200000), '00'])
    assert.throws(() => decodeNegotiation(answer(bad), 6), MilterSyntaxError, bad)
  assert.throws(() => decodeNegotiation(answer(numbers(2, 0, 0x200)), 2), MilterSyntaxError)
  assert.throws(() => decodeNegotiation(frame('c', ''), 6), MilterSyntaxError)
})

test('events as Postfix sends them', () => {
  const shown = (octets: Buffer | undefined) => octets?.toString('latin1', 4).replaceAll('\0', '|')
  assert.equal(shown(encodeConnect('localhost', '127.0.0.1', 0x991a)), 'Clocalhost|4\x99\x1a127.0.0.1|')
  assert.equal(shown(encodeConnect('x', '2001:db8::1', 1)), 'Cx|6|\x01IPv6:2001:db8::1|')
  assert.equal(shown(encodePath('M', 'a@b', ['SIZE=5'])), 'M<a@b>|SIZE=5|')
  assert.equal(shown(encodeHeader(Buffer.from('A'), Buffer.from('b\n c'))), 'LA|b\n c|')
  assert.equal(shown(encodeHeader(Buffer.from('A'), Buffer.from('b\0c'))), 'LA|bc|')
  const values: Record<string, string> = { j: 'mx', daemon_name: 'd' }
  const macros = encodeMacros('C', macroNames('j {daemon_name} {nothing} v'), (name) => values[name])
  assert.equal(shown(macros), 'DCj|mx|{daemon_name}|d|')
  assert.equal(
    encodeMacros('C', ['v'], () => undefined),
    undefined,
  )
})

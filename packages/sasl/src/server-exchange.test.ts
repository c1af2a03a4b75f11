import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SaslStep } from './exchange.ts'
import { findMechanism, offeredMechanisms } from './mechanisms.ts'
import { maxResponseBytes, ServerExchange } from './server-exchange.ts'

const b64 = (text: string): string => Buffer.from(text).toString('base64')

/** The end of an exchange as one word or line. */
function run(name: string, initial: string | undefined, responses: readonly string[]): string {
  const mechanism = findMechanism(name)
  assert.ok(mechanism)
  const exchange = new ServerExchange(
    mechanism,
    initial === undefined ? undefined : Buffer.from(initial, 'latin1'),
  )
  const challenges: string[] = []
  for (const response of responses) {
    if (exchange.step.kind !== 'challenge') break
    challenges.push(exchange.challenge)
    exchange.respond(Buffer.from(response, 'latin1'))
  }
  return [...challenges.map((challenge) => `+${challenge}`), show(exchange.step)].join(' ')
}

function show(step: SaslStep): string {
  if (step.kind === 'challenge') return 'waiting'
  if (step.kind === 'failed') return step.failure
  if (step.kind !== 'credentials' || !('password' in step.credentials)) return step.kind
  const { authzid, authcid, password } = step.credentials
  return JSON.stringify([authzid, authcid, password])
}

interface Row {
  readonly why: string
  readonly mechanism?: string
  readonly initial?: string
  readonly responses?: readonly string[]
  readonly expect: string
}

const user = 'VXNlcm5hbWU6'
const pass = 'UGFzc3dvcmQ6'

const rows: readonly Row[] = [
  {
    why: 'RFC 4616 §4, the first example',
    initial: b64('\0tim\0tanstaaftanstaaf'),
    expect: '["","tim","tanstaaftanstaaf"]',
  },
  {
    why: 'RFC 4616 §4, with authzid',
    initial: b64('Ursel\0Kurt\0xipj3plmq'),
    expect: '["Ursel","Kurt","xipj3plmq"]',
  },
  { why: 'RFC 4616 §2, by continuation', responses: [b64('\0tim\0pw')], expect: '+ ["","tim","pw"]' },
  { why: 'RFC 4616 §2, UTF-8', initial: b64('\0jürgen\0pässwörd€😀'), expect: '["","jürgen","pässwörd€😀"]' },
  {
    why: 'RFC 4616 §2, a byte order mark is part of the password',
    initial: b64('\0a\0\ufeffx'),
    expect: '["","a","\ufeffx"]',
  },
  {
    why: 'RFC 4616 §2, spaces are part of the password',
    initial: b64('\0a\0 b c '),
    expect: '["","a"," b c "]',
  },
  { why: 'RFC 4616 §2, no NUL', initial: b64('tim'), expect: 'malformed' },
  { why: 'RFC 4616 §2, one NUL', initial: b64('tim\0secret'), expect: 'malformed' },
  { why: 'RFC 4616 §2, three NULs', initial: b64('\0tim\0sec\0ret'), expect: 'malformed' },
  { why: 'RFC 4616 §2, no user', initial: b64('\0\0secret'), expect: 'malformed' },
  { why: 'RFC 4616 §2, no password', initial: b64('\0tim\0'), expect: 'malformed' },
  {
    why: 'RFC 4616 §2, not UTF-8',
    initial: Buffer.from('\0tim\0\xff\xfe', 'latin1').toString('base64'),
    expect: 'malformed',
  },
  {
    why: 'RFC 4616 §2, an overlong NUL',
    initial: Buffer.from('\0tim\0\xc0\x80', 'latin1').toString('base64'),
    expect: 'malformed',
  },
  { why: 'RFC 4422 §3, empty initial response', initial: '=', expect: 'malformed' },
  { why: 'RFC 5034 §4, cancelled', responses: ['*'], expect: '+ cancelled' },
  { why: 'a cancel is one asterisk', responses: ['**'], expect: '+ bad-base64' },
  { why: 'RFC 4648 §3.3, foreign characters', initial: 'AHRpbQB0aW0!', expect: 'bad-base64' },
  {
    why: 'RFC 4648 §4, no padding',
    initial: b64('\0tim\0pw').replaceAll('=', '').slice(0, -1),
    expect: 'bad-base64',
  },
  {
    why: 'RFC 4648 §3.2, padding inside',
    initial: `${b64('\0tim\0pw')}${b64('x')}`,
    expect: 'bad-base64',
  },
  { why: 'RFC 4648 §3.5, hidden bits', initial: 'AHRpbQBwdx==', expect: 'bad-base64' },
  { why: 'base64url is not base64', initial: 'AHRpbQB-_w==', expect: 'bad-base64' },
  { why: 'an empty initial response must be =', initial: '', expect: 'bad-base64' },
  { why: 'RFC 4954 §4, too long', responses: ['A'.repeat(maxResponseBytes + 4)], expect: '+ too-long' },
  {
    why: 'as long as allowed',
    responses: [b64(`\0a\0${'b'.repeat(9213)}`)],
    expect: `+ ["","a","${'b'.repeat(9213)}"]`,
  },
  {
    mechanism: 'LOGIN',
    why: 'draft-murchison-sasl-login §2',
    responses: [b64('tim'), b64('pw')],
    expect: `+${user} +${pass} ["","tim","pw"]`,
  },
  {
    mechanism: 'LOGIN',
    why: 'user name with the command',
    initial: b64('tim'),
    responses: [b64('pw')],
    expect: `+${pass} ["","tim","pw"]`,
  },
  {
    mechanism: 'LOGIN',
    why: 'empty initial response asks',
    initial: '=',
    responses: [b64('tim'), b64('pw')],
    expect: `+${user} +${pass} ["","tim","pw"]`,
  },
  { mechanism: 'LOGIN', why: 'cancelled at the user', responses: ['*'], expect: `+${user} cancelled` },
  {
    mechanism: 'LOGIN',
    why: 'cancelled at the password',
    responses: [b64('tim'), '*'],
    expect: `+${user} +${pass} cancelled`,
  },
  { mechanism: 'LOGIN', why: 'no user', responses: [''], expect: `+${user} malformed` },
  {
    mechanism: 'LOGIN',
    why: 'no password',
    responses: [b64('tim'), ''],
    expect: `+${user} +${pass} malformed`,
  },
  { mechanism: 'LOGIN', why: 'NUL in the user', responses: [b64('ti\0m')], expect: `+${user} malformed` },
  {
    mechanism: 'LOGIN',
    why: 'bad base64 at the password',
    responses: [b64('tim'), '&&'],
    expect: `+${user} +${pass} bad-base64`,
  },
]

for (const { why, mechanism = 'PLAIN', initial, responses = [], expect } of rows)
  test(`${mechanism}: ${why}`, () => assert.equal(run(mechanism, initial, responses), expect))

test('an exchange that is over stays over', () => {
  const exchange = new ServerExchange(findMechanism('plain')!, Buffer.from('!'))
  const { step } = exchange
  assert.equal(exchange.respond(Buffer.from(b64('\0tim\0pw'))), step)
})

test('RFC 4616 §6: plaintext mechanisms are not offered where they are refused', () => {
  assert.deepEqual(
    offeredMechanisms({ plaintext: 'allowed' }).map(({ name }) => name),
    ['PLAIN', 'LOGIN'],
  )
  assert.deepEqual(offeredMechanisms({ plaintext: 'refused' }), [])
  assert.equal(findMechanism('GSSAPI'), undefined)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { playDialogue } from './dialogue.ts'
import { playImap } from './imap-dialogue.ts'
import { type Protocol, parseScript, ScriptError } from './script.ts'
import { startForScript } from './server-under-test.ts'

async function play(protocol: Protocol, text: string): Promise<void> {
  const script = parseScript(text, protocol)
  const server = await startForScript(script)
  try {
    await (protocol === 'imap' ? playImap : playDialogue)(
      script,
      server.ports[protocol]!,
      server.variables,
      'whole',
    )
  } finally {
    await server.close()
  }
}

/** A runner that finds no mistake is worth nothing: each of these scripts is wrong in one line. */
const wrong: readonly {
  readonly why: string
  readonly protocol: Protocol
  readonly text: string
  readonly line: number
}[] = [
  { why: 'another reply', protocol: 'pop3', text: 'S: +OK Dovecot ready.\n', line: 1 },
  {
    why: 'a missing line',
    protocol: 'pop3',
    text: 'S: +OK Posthorn ready.\nC: CAPA\nS: +OK\nS~ XYZZY\nS: .\n',
    line: 4,
  },
  {
    why: 'an unwanted line',
    protocol: 'pop3',
    text: 'S: +OK Posthorn ready.\nC: CAPA\nS: +OK\nS! TOP\nS: .\n',
    line: 4,
  },
  {
    why: 'a connection that stays',
    protocol: 'pop3',
    text: 'S: +OK Posthorn ready.\nC: NOOP\n= closed\n',
    line: 3,
  },
  {
    why: 'a connection that goes',
    protocol: 'pop3',
    text: 'S: +OK Posthorn ready.\nC: QUIT\nS: +OK Logging out\nS: +OK\n',
    line: 4,
  },
  { why: 'the wrong kind of answer', protocol: 'imap', text: '\n1 no noop\n', line: 2 },
  { why: 'a missing untagged answer', protocol: 'imap', text: '\n1 ok noop\n* 1 expunge\n', line: 3 },
  {
    why: 'an unwanted untagged answer',
    protocol: 'imap',
    text: 'messages: 1\n\n1 ok fetch 1 uid\n! 1 fetch ...\n',
    line: 4,
  },
]

for (const { why, protocol, text, line } of wrong)
  test(`the player of ${protocol} finds ${why}`, async () => {
    await assert.rejects(play(protocol, text), (error) => {
      assert.ok(error instanceof ScriptError, String(error))
      assert.match(error.message, new RegExp(`^line ${line}: `))
      return true
    })
  })

test('a script that cannot be read is refused', () => {
  for (const text of ['', 'S: ok\nX: what\n', '= explode\n'])
    assert.throws(() => parseScript(text, 'pop3'), ScriptError)
})

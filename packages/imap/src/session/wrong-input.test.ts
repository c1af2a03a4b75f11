/** RFC 9051 §7.1: whatever comes, it is answered, in the right kind, and the session goes on. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commands } from '../commands/commands.ts'
import { type ImapFixture, type RawClient, startImapFixture } from '../testkit/imap-fixture.ts'

/** They end the session, or wait for more; `session.test.ts` and `deadlines.test.ts` have them. */
const apart: ReadonlySet<string> = new Set(['LOGOUT', 'IDLE', 'STARTTLS', 'COMPRESS', 'UNAUTHENTICATE'])

const junk = [
  ' ',
  '  x',
  ' (',
  ' )',
  ' ((((((((((((((((((((((((((((((((((((',
  ' "',
  ' "\\x"',
  ' "" "" "" "" "" "" "" ""',
  ' {3}x',
  ' {3+}',
  ' {99999999999999999999}',
  ' ~{1}',
  ' \u00e9',
  ' "\u00ff\u00fe"',
  ' %',
  ' *',
  ' 0',
  ' -1',
  ' 99999999999999999999 x',
  ' 1:* 1:*',
  ' NIL NIL NIL',
  ` ${'x'.repeat(5_000)}`,
  ` "${'y'.repeat(5_000)}" z`,
  ` (${'a '.repeat(2_000)}a)`,
  ` ${'('.repeat(4_000)}`,
]

const names = commands.map(({ name }) => name).filter((name) => !apart.has(name))
const withUid = commands.filter(({ numbers }) => numbers === 'uses').map(({ name }) => `UID ${name}`)
/** Without arguments they are complete. */
const complete: ReadonlySet<string> = new Set(
  commands
    .map(({ name }) => name)
    .filter((name) => /^(CAPABILITY|NOOP|ID|NAMESPACE|CHECK|EXPUNGE|CLOSE|UNSELECT)$/.test(name)),
)

/** The tagged answer to a line, whatever continuation the server may ask for. */
async function answerTo(client: RawClient, line: string): Promise<string> {
  client.send(`w ${line}\r\n${line.endsWith('{3+}') ? 'abc\r\n' : ''}`)
  for (;;) {
    const reply = await client.line()
    assert.notEqual(reply, undefined, `the session ended at ${line.slice(0, 60)}`)
    if (reply!.startsWith('+ ')) client.send('*\r\n')
    else if (/^(w|\*) (OK|NO|BAD) /.test(reply!) && !reply!.startsWith('* OK '))
      return reply!.replace(/^(w|\*) /, '')
  }
}

async function survives(imap: ImapFixture, client: RawClient, lines: readonly string[]): Promise<void> {
  for (const line of lines) {
    const answer = await answerTo(client, line)
    assert.match(answer, /^(BAD|NO) /, `${line.slice(0, 60)}: ${answer}`)
    assert.doesNotMatch(answer, /SERVERBUG|node:|\.ts|undefined|\[object/, line.slice(0, 60))
    // Too many wrong commands in a row end a session; one right one starts anew.
    await client.ok('NOOP')
  }
  assert.deepEqual(
    imap.log.filter(({ level }) => level === 'error'),
    [],
  )
}

const states = {
  'not-authenticated': (imap: ImapFixture) => imap.connect(),
  authenticated: (imap: ImapFixture) => imap.login(),
  selected: (imap: ImapFixture) => imap.login('INBOX'),
} as const

for (const [state, enter] of Object.entries(states)) {
  test(`RFC 9051 §3: every command without arguments, or out of place, ${state}`, async (t) => {
    const imap = await startImapFixture(t)
    const client = await enter(imap)
    const wrong = [...names, ...withUid].filter((name) => {
      const command = commands.find((each) => each.name === name || `UID ${each.name}` === name)!
      const fits = command.states.includes(state as (typeof command.states)[number])
      return !(fits && complete.has(name))
    })
    await survives(imap, client, wrong)
  })

  test(`RFC 9051 §9: every command with arguments that are none, ${state}`, async (t) => {
    const imap = await startImapFixture(t)
    const client = await enter(imap)
    const lines: string[] = []
    for (const name of [...names, ...withUid]) {
      for (const arguments_ of junk) {
        // Some are what they should be, for some command.
        if (!isAllowed(name, arguments_)) lines.push(name + arguments_)
      }
    }
    for (const line of lines) {
      const answer = await answerTo(client, line)
      assert.doesNotMatch(answer, /SERVERBUG|node:|\.ts:|undefined|\[object/, line.slice(0, 60))
      if (answer.startsWith('BAD')) await client.ok('NOOP')
    }
    await client.ok('NOOP')
    assert.deepEqual(
      imap.log.filter(({ level }) => level === 'error'),
      [],
    )
  })
}

/** Leaves the state that the test is about. */
function isAllowed(name: string, arguments_: string): boolean {
  return (name === 'LOGIN' || name === 'AUTHENTICATE') && arguments_.trim() === ''
}

test('RFC 9051 §9: sets at the edges', async (t) => {
  const imap = await startImapFixture(t)
  const client = await imap.login()
  for (const number of [1, 2, 3]) await client.append('INBOX', `Subject: ${number}\r\n\r\nbody\r\n`)
  await client.ok('SELECT INBOX')
  const answers: readonly (readonly [string, RegExp])[] = [
    ['FETCH 0 UID', /^BAD /],
    ['UID FETCH 0 UID', /^BAD /],
    ['UID FETCH 0:1 UID', /^BAD /],
    ['FETCH 4 UID', /^BAD /],
    ['FETCH 1:4294967295 UID', /^BAD /],
    ['UID FETCH 4294967295 UID', /^OK /],
    ['UID FETCH 4294967296 UID', /^BAD /],
    ['UID FETCH 1:4294967296 UID', /^BAD /],
    ['UID STORE 9:8 +FLAGS (\\Seen)', /^OK /],
    ['UID FETCH 1,,2 UID', /^BAD /],
    ['UID FETCH 1: UID', /^BAD /],
    ['UID FETCH :1 UID', /^BAD /],
    ['UID FETCH *:*:* UID', /^BAD /],
    ['UID FETCH $ UID', /^OK /],
    [`UID FETCH ${'1,'.repeat(5_000)}1 UID`, /^OK /],
    [`SEARCH ${'NOT '.repeat(10_000)}ALL`, /^(BAD|NO) /],
    [`SEARCH ${'('.repeat(10_000)}ALL${')'.repeat(10_000)}`, /^(BAD|NO) /],
    [`SEARCH ${'OR ALL '.repeat(5_000)}ALL`, /^(OK|BAD|NO) /],
  ]
  for (const [line, answer] of answers) assert.match(await answerTo(client, line), answer, line.slice(0, 60))
  assert.equal((await client.ok('UID FETCH 1:4294967295 UID')).length, 4)
  assert.equal((await client.ok('UID FETCH *:1 UID')).length, 4)
  assert.equal((await client.ok('FETCH *:1 UID')).length, 4)
  assert.equal((await client.ok('UID FETCH 3000000000:* UID')).length, 2)
})

test('RFC 9051 §5.1: mailbox names that cannot be, in every command that takes one', async (t) => {
  const imap = await startImapFixture(t)
  const client = await imap.login('INBOX')
  const badNames = [
    '"a\\"b"c',
    '"\u0001"',
    '"a\u007fb"',
    '"&"',
    '"&AAAA-"',
    '"&Jjo!"',
    '"&2AA-"',
    '"&AGE-"',
    '"a//b"',
    '"/a"',
    '"///"',
    '".."',
    '"a/../b"',
    `"${'a/'.repeat(10_000)}b"`,
    `"${'x'.repeat(2_000)}"`,
    '"Other Users/alice/INBOX"',
    '"Other Users/nobody/INBOX"',
    '"Other Users//INBOX"',
    '"Other Users/%2F/x"',
  ]
  const uses = [
    'SELECT N',
    'EXAMINE N',
    'STATUS N (MESSAGES)',
    'DELETE N',
    'CREATE N',
    'RENAME N Elsewhere',
    'RENAME Drafts N',
    'SUBSCRIBE N',
    'COPY 1 N',
    'UID COPY 1 N',
    'UID MOVE 1 N',
    'GETACL N',
    'MYRIGHTS N',
    'SETACL N bob l',
    'DELETEACL N bob',
    'LISTRIGHTS N bob',
    'GETMETADATA N /private/comment',
    'SETMETADATA N (/private/comment "x")',
    'APPEND N {5+}\r\nhello',
  ]
  await client.append('INBOX', 'Subject: x\r\n\r\nbody\r\n')
  await client.ok('NOOP')
  for (const use of uses) {
    for (const name of badNames) {
      const line = use.replace('N', () => name)
      const answer = await answerTo(client, line)
      assert.match(answer, /^(NO|BAD) /, `${line.slice(0, 60)}: ${answer}`)
      assert.doesNotMatch(answer, /SERVERBUG/, line.slice(0, 60))
      // A refused SELECT leaves nothing selected.
      await client.ok('SELECT INBOX')
    }
  }
  assert.deepEqual(
    imap.log.filter(({ level }) => level === 'error'),
    [],
  )
  for (const name of ['...', 'a..b', '~', '~root', '#news', 'a.b', 'nul', 'C:']) {
    await client.ok(`CREATE "${name}"`)
    await client.ok(`SELECT "${name}"`)
  }
})

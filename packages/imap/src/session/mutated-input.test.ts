/** RFC 9051 §9: every command in every state, its arguments missing, surplus, torn and swapped. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commands } from '../commands/commands.ts'
import { type ImapFixture, type RawClient, startImapFixture } from '../testkit/imap-fixture.ts'

/** Arguments that are right, by command; `UID` forms share them. */
const rightArguments: Readonly<Record<string, readonly string[]>> = {
  ID: ['NIL', '("name" "x" "version" NIL)'],
  ENABLE: ['CONDSTORE QRESYNC'],
  NOTIFY: [
    'NONE',
    'SET STATUS (SELECTED (MessageNew (UID BODY.PEEK[HEADER.FIELDS (From)]) MessageExpunge)) (SUBTREE (a b) (MailboxName))',
  ],
  LOGIN: ['alice@example.org wrong'],
  AUTHENTICATE: ['PLAIN AGEAYg=='],
  CAPABILITY: [''],
  NOOP: [''],
  NAMESPACE: [''],
  LIST: ['"" *', '(SUBSCRIBED RECURSIVEMATCH) "" (a* %) RETURN (CHILDREN STATUS (MESSAGES UNSEEN) MYRIGHTS)'],
  LSUB: ['"" *'],
  XLIST: ['"" *'],
  STATUS: ['INBOX (MESSAGES UIDNEXT HIGHESTMODSEQ SIZE)'],
  CREATE: ['made', 'made/too (USE (\\Junk))'],
  DELETE: ['made'],
  RENAME: ['made other'],
  SUBSCRIBE: ['INBOX'],
  UNSUBSCRIBE: ['INBOX'],
  SELECT: ['INBOX', 'INBOX (CONDSTORE)'],
  EXAMINE: ['INBOX (QRESYNC (1 2 1:5 (1:2 1,3)))'],
  CLOSE: [''],
  UNSELECT: [''],
  CHECK: [''],
  APPEND: [
    'INBOX (\\Seen kw) "17-Jul-1996 02:44:25 -0700" {3+}\r\nabc',
    'INBOX CATENATE (TEXT {3+}\r\nabc URL "/INBOX/;UID=1")',
    'INBOX () ~{3+}\r\nabc (\\Draft) {1+}\r\nx',
    'INBOX UTF8 (~{3+}\r\nabc)',
  ],
  REPLACE: ['1 INBOX (\\Seen) {3+}\r\nabc'],
  FETCH: [
    '1:2 (UID FLAGS BODY.PEEK[1.HEADER.FIELDS.NOT (Subject)]<0.5>)',
    '1 ALL',
    '1,2 (FLAGS) (CHANGEDSINCE 1)',
    '1 (BINARY.PEEK[1]<0.3> BINARY.SIZE[1] PREVIEW (LAZY))',
  ],
  SEARCH: [
    'RETURN (MIN COUNT) CHARSET UTF-8 OR (FROM "x" UNSEEN) NOT 1:2',
    'UID 1:* SINCE 1-Jan-2020 MODSEQ "/flags/\\\\draft" all 3 HEADER Subject {1+}\r\nx',
  ],
  ESEARCH: ['IN (SUBTREE (INBOX a) SELECTED) RETURN (ALL) SUBJECT x'],
  CANCELUPDATE: ['"a1" "a2"'],
  SORT: ['RETURN (COUNT PARTIAL 1:2) (REVERSE DATE SUBJECT) UTF-8 UNSEEN LARGER 10'],
  THREAD: ['REFERENCES UTF-8 ALL'],
  STORE: ['1:2 (UNCHANGEDSINCE 5) +FLAGS.SILENT (\\Seen kw)', '1 -FLAGS \\Seen kw'],
  EXPUNGE: [''],
  'UID EXPUNGE': ['1:2'],
  COPY: ['1:2 INBOX'],
  MOVE: ['1:2 Trash'],
  SETACL: ['INBOX bob@example.org +lr'],
  DELETEACL: ['INBOX bob@example.org'],
  GETACL: ['INBOX'],
  LISTRIGHTS: ['INBOX bob@example.org'],
  MYRIGHTS: ['INBOX'],
  GETMETADATA: ['(MAXSIZE 10 DEPTH infinity) INBOX (/private/comment /shared/x)'],
  SETMETADATA: ['INBOX (/private/comment "x" /private/y {1+}\r\nz /private/n NIL)'],
  GETQUOTA: ['""'],
  GETQUOTAROOT: ['INBOX'],
  SETQUOTA: ['"" (STORAGE 512 MESSAGE 10)'],
}

/** They end the session or wait for more. */
const apart: ReadonlySet<string> = new Set(['LOGOUT', 'IDLE', 'STARTTLS', 'COMPRESS', 'UNAUTHENTICATE'])

/** A token of the arguments: a literal with its octets, a quoted string, a run of others, a bracket. */
const tokenPattern = /~?\{\d+\+\}\r\n(?:abc|x|z)|"(?:[^"\\]|\\.)*"|[^\s()"{~]+|[()]|~/g
const substitutes = [
  '',
  '(',
  ')',
  '"',
  '{5',
  'NIL',
  '()',
  '0',
  '4294967296',
  '\\',
  '*',
  '"\u0001"',
  '{0+}\r\n',
]

function* mutations(right: string): Generator<string> {
  yield right
  yield `${right} `
  yield ` ${right}`
  yield `${right} x`
  yield `${right} (x`
  yield `${right} ""`
  yield right.replaceAll(' ', '  ')
  yield right.toLowerCase()
  yield `(${right})`
  const tokens = [...right.matchAll(tokenPattern)]
  for (const [index, { index: from, 0: token }] of tokens.entries()) {
    const to = from + token.length
    yield right.slice(0, from)
    yield right.slice(0, to)
    for (const substitute of substitutes) yield right.slice(0, from) + substitute + right.slice(to)
    yield `${right.slice(0, to)} ${right.slice(from)}`
    const next = tokens[index + 1]
    if (next !== undefined) {
      const [nextFrom, nextTo] = [next.index, next.index + next[0].length]
      yield right.slice(0, from) + next[0] + right.slice(to, nextFrom) + token + right.slice(nextTo)
    }
  }
}

/** Answers the server's continuation requests until the tagged answer comes. */
async function answerTo(client: RawClient, line: string): Promise<string> {
  client.send(`m ${line}\r\n`)
  for (;;) {
    const reply = await client.line()
    assert.notEqual(reply, undefined, `the session ended at ${JSON.stringify(line)}`)
    if (reply!.startsWith('+ ')) client.send('*\r\n')
    else if (/^[m*] (OK|NO|BAD)( |$)/.test(reply!) && !/^\* (OK|NO) /.test(reply!))
      return reply!.replace(/^[m*] /, '')
  }
}

const states = {
  'not-authenticated': (imap: ImapFixture) => imap.connect(),
  authenticated: (imap: ImapFixture) => imap.login(),
  selected: (imap: ImapFixture) => imap.login('INBOX'),
} as const

/** What a mutation may do to the session itself is undone. */
async function restore(client: RawClient, state: keyof typeof states): Promise<void> {
  if (state === 'selected') await client.ok('SELECT INBOX')
  else if (state === 'authenticated') await client.command('UNSELECT')
  // One right command starts the count of wrong ones anew.
  await client.ok('NOOP')
}

for (const [state, enter] of Object.entries(states))
  test(`RFC 9051 §9: every command with its arguments changed, ${state}`, async (t) => {
    const imap = await startImapFixture(t)
    const filler = await imap.login()
    for (const subject of ['one', 'two', 'three'])
      await filler.append('INBOX', `Subject: ${subject}\r\n\r\nbody\r\n`)
    const client = await enter(imap)
    const kinds = { OK: 0, NO: 0, BAD: 0 }
    for (const command of commands) {
      if (apart.has(command.name)) continue
      const rights = rightArguments[command.name]
      assert.ok(rights, `no right arguments of ${command.name}`)
      const names = command.numbers === 'uses' ? [command.name, `UID ${command.name}`] : [command.name]
      const fits = command.states.includes(state as (typeof command.states)[number])
      for (const name of names)
        for (const right of rights)
          for (const changed of fits ? new Set(mutations(right)) : [right]) {
            const answer = await answerTo(client, `${name}${changed === '' ? '' : ' '}${changed}`)
            const said = `${name} ${JSON.stringify(changed)}: ${answer}`
            assert.doesNotMatch(answer, /SERVERBUG|node:|\.ts\b|undefined|\[object|at octet NaN/, said)
            if (!fits) assert.match(answer, /^BAD /, said)
            kinds[answer.slice(0, answer.indexOf(' ')) as keyof typeof kinds]++
            if (fits) await restore(client, state as keyof typeof states)
            else await client.ok('NOOP')
          }
    }
    assert.ok(kinds.BAD > 50 && (state === 'not-authenticated' || kinds.NO > 50), JSON.stringify(kinds))
    assert.deepEqual(
      imap.log.filter(({ level }) => level === 'error'),
      [],
    )
    await client.ok('LOGOUT')
  })

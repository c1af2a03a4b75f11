/**
 * Several clients at once do whatever comes to mind to the same mailboxes. Properties: what a client knows of its
 * mailbox stays right by the rules of RFC 9051 §7, after NOOP it is what the store has, nothing is a fault of ours.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { startMailServer } from '@posthorn/server'
import { ImapView } from './imap-view.ts'

const rounds = Math.ceil(Number(process.env.FUZZ_RUNS ?? 2000) / 20)
const stepsInRound = 12
const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 1_000_000)

let state = seed
/** 0 to n-1. */
function random(n: number): number {
  state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
  return Math.floor((state / 2 ** 32) * n)
}
const oneOf = <T>(...choices: readonly T[]): T => choices[random(choices.length)] as T
const many = (least: number, most: number, make: () => string, between = ' '): string =>
  Array.from({ length: least + random(most - least + 1) }, make).join(between)

const boxes = ['INBOX', 'a', 'a/b', 'Trash']
const box = (): string => oneOf(...boxes)
const number = (): string => oneOf('1', '2', '3', '5', '9', '40', '*')
const range = (): string => oneOf(number(), `${number()}:${number()}`, '1:*', '$')
const set = (): string => oneOf(range(), many(1, 3, range, ',').replaceAll(/,?\$,?/g, '') || '1')
const flag = (): string =>
  oneOf('\\Seen', '\\Deleted', '\\Deleted', '\\Flagged', '\\Answered', '\\Draft', 'kw', 'Kw2', '$Junk')
const flags = (): string => `(${many(0, 3, flag)})`
const literal = (text: string): string => `{${text.length}+}\r\n${text}`
const message = (): string =>
  literal(
    `From: p${random(5)}@example.org\r\nSubject: ${oneOf('', 'Re: ')}s${random(6)}\r\nMessage-ID: <${random(30)}@x>\r\n` +
      `${oneOf('', `In-Reply-To: <${random(30)}@x>\r\n`)}Content-Type: ${oneOf('text/plain', 'multipart/mixed; boundary=b', 'message/rfc822')}\r\n\r\n` +
      `${oneOf('', '--b\r\n\r\npart\r\n--b--\r\n', 'text\r\n', 'x'.repeat(random(3000)))}`,
  )
const item = (): string =>
  oneOf(
    ...[
      'FLAGS',
      'UID',
      'INTERNALDATE',
      'RFC822.SIZE',
      'ENVELOPE',
      'BODYSTRUCTURE',
      'BODY',
      'PREVIEW',
      'THREADID',
    ],
    ...['BODY.PEEK[]', 'BODY[]', 'BODY.PEEK[HEADER]', 'BODY[TEXT]<0.5>', 'BODY.PEEK[1]', 'BODY.PEEK[1.MIME]'],
    ...['BINARY.PEEK[1]', 'BINARY.SIZE[1]', 'BODY.PEEK[HEADER.FIELDS (Subject From)]', 'EMAILID', 'SAVEDATE'],
    ...['BODY.PEEK[1.HEADER.FIELDS.NOT (To)]<1.9>', 'MODSEQ', 'RFC822.HEADER', 'RFC822'],
  )
const key = (depth = 0): string =>
  oneOf(
    ...[
      'ALL',
      'SEEN',
      'DELETED',
      'UNSEEN',
      'RECENT',
      'KEYWORD kw',
      `SUBJECT s${random(6)}`,
      'TEXT part',
      'BODY x',
    ],
    ...[
      `UID ${set()}`,
      set(),
      'SINCE 1-Jan-2020',
      'LARGER 100',
      `MODSEQ ${1 + random(60)}`,
      'FUZZY SUBJECT s1',
    ],
    ...(depth > 3
      ? []
      : [`NOT ${key(depth + 1)}`, `OR ${key(depth + 1)} ${key(depth + 1)}`, `(${key(depth + 1)})`]),
  )
const returns = (): string =>
  oneOf(
    '',
    `RETURN (${many(0, 3, () => oneOf('MIN', 'MAX', 'COUNT', 'ALL', 'SAVE', 'PARTIAL 1:3', 'UPDATE'))}) `,
  )
const sortKeys = (): string => many(1, 3, () => oneOf('DATE', 'SUBJECT', 'REVERSE FROM', 'ARRIVAL', 'SIZE'))
const uid = (): string => oneOf('', 'UID ')

const makers: readonly (() => string)[] = [
  () => `APPEND ${box()} ${flags()} ${message()}`,
  () => `APPEND ${box()} ${message()} ${flags()} ${message()}`,
  () =>
    `${uid()}STORE ${set()} ${oneOf('', '', `(UNCHANGEDSINCE ${random(60)}) `)}${oneOf('+', '-', '')}FLAGS${oneOf('', '.SILENT')} ${flags()}`,
  () => `${uid()}STORE ${set()} +FLAGS (\\Deleted)`,
  () => `${uid()}FETCH ${set()} (${many(1, 4, item)})${oneOf('', '', ` (CHANGEDSINCE ${1 + random(60)})`)}`,
  () => `${uid()}SEARCH ${returns()}${many(1, 3, key)}`,
  () => `${uid()}SORT ${returns()}(${sortKeys()}) UTF-8 ${key()}`,
  () => `${uid()}THREAD ${oneOf('REFERENCES', 'ORDEREDSUBJECT', 'REFS')} UTF-8 ${key()}`,
  () => `${uid()}${oneOf('COPY', 'MOVE')} ${set()} ${box()}`,
  () => oneOf('EXPUNGE', `UID EXPUNGE ${set()}`),
  () => `REPLACE ${number()} ${box()} ${message()}`,
  () => oneOf('NOOP', 'CHECK', 'IDLE', 'NOOP'),
  () => `${oneOf('SELECT', 'SELECT', 'EXAMINE')} ${box()}${oneOf('', ' (CONDSTORE)')}`,
  () =>
    oneOf(
      'CLOSE',
      'UNSELECT',
      `STATUS ${box()} (MESSAGES UNSEEN SIZE)`,
      'LIST "" * RETURN (STATUS (MESSAGES))',
    ),
  () => oneOf('CREATE c', 'DELETE c', 'RENAME c d', 'DELETE d', 'RENAME d c', 'RENAME INBOX c'),
  () => `SETMETADATA ${box()} (/private/comment ${oneOf('NIL', '"x"')})`,
  () => `ESEARCH IN (PERSONAL) RETURN (COUNT) ${key()}`,
  () =>
    `NOTIFY ${oneOf('NONE', 'SET (SELECTED (MessageNew (UID) MessageExpunge FlagChange)) (PERSONAL (MessageNew MessageExpunge))', 'SET (SELECTED-DELAYED (MessageNew MessageExpunge))')}`,
]
/** Now and then something torn. */
function command(): string {
  const made = oneOf(...makers)()
  return random(25) === 0 && !made.includes('{') ? made.slice(0, random(made.length)) : made
}

test(`sessions with seed ${seed}`, async () => {
  const faults: string[] = []
  const server = await startMailServer({
    parameters: {
      myhostname: 'mail.example.org',
      mydestination: 'example.org',
      disable_plaintext_auth: 'no',
    },
    accounts: [{ address: 'alice@example.org', password: 'secret' }],
    log(event) {
      if (event.level === 'error' || event.level === 'fatal')
        faults.push(`${event.text} ${inspect(event.error)}`)
    },
  })
  const port = server.ports.imap as number
  const enter = async (name: string): Promise<ImapView> => {
    const view = await ImapView.connect(name, port)
    await view.say('LOGIN alice@example.org secret')
    if (name === 'q') await view.say('ENABLE QRESYNC')
    if (name === 'c') await view.say('ENABLE CONDSTORE IMAP4rev2')
    await view.say('SELECT INBOX')
    return view
  }
  try {
    const views = await Promise.all(['p', 'q', 'c'].map(enter))
    for (const name of boxes) await views[0]?.say(`CREATE ${name}`)
    for (let round = 0; round < rounds; round++) {
      await Promise.all(
        views.map(async (view, at) => {
          for (let step = 0; step < stepsInRound; step++) {
            const said = command()
            const answer = await view.say(said)
            assert.doesNotMatch(
              answer,
              /SERVERBUG|undefined|\[object|node:/,
              `${said}: ${answer}\n${faults.join('\n')}`,
            )
            if (view.ended) {
              views[at] = view = await enter(view.name)
            }
          }
        }),
      )
      await compare(views, await enter('t'))
      assert.deepEqual(faults, [])
    }
    for (const view of views) view.close()
  } finally {
    await server.stop()
  }
})

/** All clients in the same mailbox, as one sees it who has just come. */
async function compare(views: readonly ImapView[], fresh: ImapView): Promise<void> {
  const name = box()
  await fresh.say(`SELECT ${name}`)
  await fresh.say('UID FETCH 1:* (FLAGS)')
  for (const view of views) {
    const before = [...view.uids]
    await view.say('NOTIFY SET (SELECTED-DELAYED (MessageNew MessageExpunge FlagChange))')
    await view.say('NOOP')
    if (!(await view.say('UID FETCH 1:* (UID)')).startsWith('OK')) continue
    assert.ok(
      !view.uids.includes(0),
      `${view.name}: UIDs are not known after UID FETCH: ${before.join()}\n${view.history()}`,
    )
    await view.say(`SELECT ${name}`)
    await view.say('UID FETCH 1:* (FLAGS)')
    assert.deepEqual(view.uids, fresh.uids, `${view.name}\n${view.history()}`)
  }
  fresh.close()
}

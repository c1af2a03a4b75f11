/** The checklist: what is announced in each state, word for word. Whoever adds a capability adds it here. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type RawClient, startImapFixture } from '../testkit/imap-fixture.ts'

const wire = ['IMAP4rev1', 'IMAP4rev2', 'LITERAL+']
const beforeLogin = [...wire, 'ID', 'ENABLE', 'IDLE', 'SASL-IR']
/** By the table of what a mail client may look for. */
const afterLogin = {
  session: [...beforeLogin, 'UNAUTHENTICATE', 'COMPRESS=DEFLATE', 'UTF8=ACCEPT', 'INPROGRESS'],
  mailboxes: [
    'NAMESPACE CHILDREN UNSELECT LIST-EXTENDED LIST-STATUS LIST-MYRIGHTS LIST-METADATA SPECIAL-USE',
    'CREATE-SPECIAL-USE STATUS=SIZE STATUS=DELETED METADATA METADATA-SERVER ACL RIGHTS=texk QUOTA',
    'QUOTA=RES-STORAGE QUOTA=RES-MESSAGE OBJECTID APPENDLIMIT=1000000',
  ],
  messages: [
    'UIDPLUS MOVE MULTIAPPEND CATENATE URL-PARTIAL BINARY REPLACE PREVIEW SAVEDATE CONDSTORE QRESYNC UIDONLY PARTIAL',
  ],
  finding: [
    'ESEARCH SEARCHRES WITHIN SEARCH=FUZZY MULTISEARCH CONTEXT=SEARCH CONTEXT=SORT SORT SORT=DISPLAY ESORT',
    'THREAD=ORDEREDSUBJECT THREAD=REFERENCES THREAD=REFS I18NLEVEL=1 FILTERS',
  ],
  news: ['NOTIFY'],
}

const words = (line: string): string[] => line.replace(/^\* CAPABILITY /, '').split(' ')

async function announced(client: RawClient): Promise<string[]> {
  const [line] = await client.ok('CAPABILITY')
  const names = words(line!)
  assert.equal(new Set(names).size, names.length, 'each once')
  return names.sort()
}

const sorted = (lists: readonly string[]): string[] => lists.flatMap((list) => list.split(' ')).sort()

test('RFC 9051 §6.1.1: capabilities before login, in the clear, where passwords are refused', async (t) => {
  const { connect } = await startImapFixture(t, { isTrusted: () => false })
  assert.deepEqual(await announced(await connect()), sorted([...beforeLogin, 'LOGINDISABLED']))
})

test('RFC 9051 §6.1.1: capabilities before login, where passwords are taken', async (t) => {
  const { connect } = await startImapFixture(t)
  const mechanisms = (await announced(await connect())).filter((name) => name.startsWith('AUTH='))
  assert.ok(mechanisms.includes('AUTH=PLAIN') && mechanisms.includes('AUTH=LOGIN'))
  assert.deepEqual(await announced(await connect()), sorted([...beforeLogin, ...mechanisms]))
})

test('RFC 2221: capabilities before login, where users are elsewhere', async (t) => {
  const { connect } = await startImapFixture(t, { isTrusted: () => false, referral: () => undefined })
  const expected = sorted([...beforeLogin, 'LOGINDISABLED', 'LOGIN-REFERRALS'])
  assert.deepEqual(await announced(await connect()), expected)
})

test('RFC 9051 §6.1.1: capabilities after login, with a mailbox selected, and logged out again', async (t) => {
  const { connect } = await startImapFixture(t, { appendLimitBytes: 1_000_000 })
  const client = await connect()
  const all = sorted(Object.values(afterLogin).flat())
  const [login] = await client.ok('LOGIN alice secret')
  const inLogin = /\[CAPABILITY ([^\]]+)\]/.exec(login!)?.[1]?.split(' ').sort()
  assert.deepEqual(inLogin, all)
  assert.deepEqual(await announced(client), all)
  await client.ok('SELECT INBOX')
  assert.deepEqual(await announced(client), all)
  await client.ok('ENABLE IMAP4rev2 QRESYNC UIDONLY UTF8=ACCEPT')
  assert.deepEqual(await announced(client), all)
  await client.ok('UNAUTHENTICATE')
  const again = await announced(client)
  assert.deepEqual(again.filter((name) => !name.startsWith('AUTH=')).sort(), sorted(beforeLogin))
})

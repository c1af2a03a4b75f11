import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openStore, type Wake, type WakeBus } from '@posthorn/storage'
import { makeAccount } from '../../../storage/src/testkit/samples.ts'
import { startImapFixture } from '../testkit/imap-fixture.ts'
import { type NotifyEvent, type NotifySpec, notifyNothing } from '../wire/notify-groups.ts'
import { type NoticeReader, Notices } from './notices.ts'

/** Two workers on one store: what one does, the other hears by its bus alone. */
async function workers(t: TestContext) {
  const directory = await mkdtemp(join(tmpdir(), 'notices-'))
  const listeners: ((wake: Wake) => void)[][] = [[], []]
  const bus = (own: number): WakeBus => ({
    publish: (wake) => {
      for (const listener of listeners[1 - own]!) listener(JSON.parse(JSON.stringify(wake)) as Wake)
    },
    subscribe: (listener) => {
      listeners[own]!.push(listener)
      return () => undefined
    },
  })
  const here = await openStore({ directory, wakeBus: bus(0) })
  const there = await openStore({ directory, wakeBus: bus(1) })
  t.after(async () => {
    await there.close()
    await here.close()
    await rm(directory, { recursive: true, force: true })
  })
  return { here, there }
}

async function follow(t: TestContext, spec: NotifySpec) {
  const { here, there } = await workers(t)
  const account = await makeAccount(here)
  const other = await makeAccount(there, 'bob@example.org')
  const told: string[] = []
  const reader: NoticeReader = {
    store: here,
    account,
    id: 'this session',
    mailbox: undefined,
    gone: false,
    enabled: () => false,
    write: (text) => {
      told.push(...text.split('\r\n').filter((line) => line !== ''))
      return undefined
    },
  }
  const notices = new Notices(reader, () => undefined)
  here.watch((wake) => notices.wake(wake))
  await notices.start(spec, 'no status')
  const news = async (): Promise<string[]> => {
    await notices.flush()
    return told.splice(0)
  }
  return { here, there, account, other, notices, news }
}

const personal = (...events: NotifyEvent[]): NotifySpec => ({
  selected: undefined,
  groups: [{ filter: { kind: 'personal' }, events: new Set(events) }],
})

test('RFC 5465 §5.4: names that another worker makes, moves, removes; several at once', async (t) => {
  const { there, account, news } = await follow(t, personal('MailboxName'))
  await there.mailboxes.create(account.id, 'a/b/c')
  assert.deepEqual(await news(), [
    '* LIST (\\HasChildren) "/" a',
    '* LIST (\\HasChildren) "/" a/b',
    '* LIST (\\HasNoChildren) "/" a/b/c',
  ])
  await there.mailboxes.rename(account.id, 'a', 'd')
  await there.mailboxes.rename(account.id, 'd/b/c', 'e')
  assert.deepEqual(await news(), [
    '* LIST (\\HasChildren) "/" d ("OLDNAME" (a))',
    '* LIST (\\HasNoChildren) "/" e ("OLDNAME" (a/b/c))',
  ])
  await there.mailboxes.remove(account.id, 'd')
  assert.deepEqual(await news(), ['* LIST (\\NonExistent \\Noselect \\HasChildren) "/" d'])
  await there.mailboxes.create(account.id, 'x')
  await there.mailboxes.remove(account.id, 'x')
  assert.deepEqual(await news(), [])
})

test('RFC 5465 §5.6: annotations of another worker; private ones are their owner’s; NONE takes out', async (t) => {
  const spec = personal('MailboxMetadataChange', 'ServerMetadataChange')
  const none = { filter: { kind: 'mailboxes', names: ['Junk'] }, events: new Set<NotifyEvent>() } as const
  const { there, account, other, news } = await follow(t, { ...spec, groups: [...spec.groups, none] })
  const value = Buffer.from('x')
  const inbox = (await there.mailboxes.find(account.id, 'INBOX'))!
  const junk = (await there.mailboxes.find(account.id, 'Junk'))!
  await there.annotations.change(inbox.id, [
    { name: '/comment', scope: 'shared', value },
    { name: '/comment', scope: account.id, value },
    { name: '/secret', scope: other.id, value },
  ])
  await there.annotations.change(junk.id, [{ name: '/comment', scope: 'shared', value }])
  await there.annotations.change(
    'server',
    [{ name: '/vendor/a/b', scope: account.id, value }],
    'another session',
  )
  await there.annotations.change(
    'server',
    [{ name: '/vendor/a/c', scope: account.id, value }],
    'this session',
  )
  assert.deepEqual(await news(), [
    '* METADATA INBOX /shared/comment /private/comment',
    '* METADATA "" /private/vendor/a/b',
  ])
})

test('RFC 5465 §5.8: more than can be told ends the notifications', async (t) => {
  const { notices, news, account, there } = await follow(t, personal('MailboxName', 'ServerMetadataChange'))
  for (let from = 0; from < 3_000; from += 100) {
    const names = Array.from({ length: 100 }, (_, n) => `/private/n${from + n}`)
    notices.wake({ kind: 'annotations', names, privateTo: account.id })
  }
  assert.match((await news()).join(), /^\* OK \[NOTIFICATIONOVERFLOW\] /)
  assert.equal(notices.spec, notifyNothing)
  await there.mailboxes.create(account.id, 'later')
  assert.deepEqual(await news(), [])
})

test('RFC 5464 §4.4: ENABLE METADATA brings the names of entries that others change', async (t) => {
  const imap = await startImapFixture(t)
  const [client, other] = [await imap.login('INBOX'), await imap.login()]
  assert.equal((await client.ok('ENABLE METADATA'))[0], '* ENABLED METADATA')
  await client.ok('SETMETADATA INBOX (/private/comment "mine")')
  await other.ok('SETMETADATA INBOX (/private/comment "x" /shared/comment "y")')
  assert.deepEqual((await client.ok('NOOP')).slice(0, -1), [
    '* METADATA INBOX /private/comment /shared/comment',
  ])
  client.send('i IDLE\r\n')
  await client.until(/^\+ /)
  await other.ok('SETMETADATA "" (/private/vendor/a/b "x")')
  assert.equal(await client.line(), '* METADATA "" /private/vendor/a/b')
  client.send('DONE\r\n')
  await client.until(/^i OK/)
})

test('RFC 5465 §4: IDLE tells what NOTIFY asked for and nothing else', async (t) => {
  const imap = await startImapFixture(t)
  const [client, other] = [await imap.login('INBOX'), await imap.login()]
  await client.ok('NOTIFY SET (mailboxes Drafts (MessageNew MessageExpunge))')
  client.send('i IDLE\r\n')
  await client.until(/^\+ /)
  await other.append('INBOX', 'Subject: 1\r\n\r\nbody\r\n')
  await other.append('Drafts', 'Subject: 2\r\n\r\nbody\r\n')
  assert.match(String(await client.line()), /^\* STATUS Drafts \(MESSAGES 1 UIDNEXT 2 /)
  client.send('DONE\r\n')
  assert.deepEqual(await client.until(/^i /), ['i OK Idle completed'])
  // The selected mailbox stands still, but for what the client does itself.
  await other.append('INBOX', 'Subject: 3\r\n\r\nbody\r\n')
  assert.deepEqual((await client.ok('NOOP')).length, 1)
  await client.ok('NOTIFY SET (selected (MessageNew (UID FLAGS) MessageExpunge))')
  await other.append('INBOX', 'Subject: 4\r\n\r\nbody\r\n')
  assert.match(String(await client.line()), /^\* 3 EXISTS/)
  assert.match(String(await client.line()), /^\* \d RECENT/)
  assert.match(String(await client.line()), /^\* 3 FETCH \(UID 3 FLAGS \(\\Recent\)\)/)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ImapFlow } from 'imapflow'
import { startImapFixture } from './testkit/imap-fixture.ts'

const source = [
  'From: "Ann Ö" <ann@example.org>',
  'To: bob@example.org',
  'Subject: =?utf-8?q?caf=C3=A9?=',
  'Message-ID: <1@example.org>',
  'Date: Mon, 1 Jan 2024 10:00:00 +0100',
  'MIME-Version: 1.0',
  'Content-Type: multipart/mixed; boundary=x',
  '',
  '--x',
  'Content-Type: text/plain; charset=utf-8',
  '',
  'hello',
  '--x',
  'Content-Type: application/octet-stream; name=a.bin',
  'Content-Disposition: attachment; filename=a.bin',
  'Content-Transfer-Encoding: base64',
  '',
  'AAECAwQ=',
  '--x--',
  '',
].join('\r\n')

test('imapflow appends, lists, fetches, downloads, flags and searches', async (t) => {
  const { port } = await startImapFixture(t)
  const auth = { user: 'alice@example.org', pass: 'secret' }
  const client = new ImapFlow({ host: '127.0.0.1', port, secure: false, auth, logger: false })
  await client.connect()
  t.after(() => client.close())
  const appended = await client.append(
    'INBOX',
    source,
    ['\\Seen', '$label1'],
    new Date('2024-01-02T03:04:05Z'),
  )
  assert.ok(appended !== false && appended.uid === 1)
  await client.append('INBOX', source.replace('caf=C3=A9', 'tea'))
  const lock = await client.getMailboxLock('INBOX')
  try {
    const [message] = await client.fetchAll('1', {
      envelope: true,
      bodyStructure: true,
      flags: true,
      internalDate: true,
      size: true,
      source: true,
      uid: true,
      headers: ['subject', 'x-none'],
    })
    assert.equal(message?.envelope?.subject, 'café')
    assert.equal(message?.envelope?.from?.[0]?.address, 'ann@example.org')
    assert.deepEqual([...(message?.flags ?? [])].sort(), ['$label1', '\\Seen'])
    assert.equal(message?.bodyStructure?.childNodes?.[1]?.dispositionParameters?.filename, 'a.bin')
    assert.equal(message?.size, Buffer.byteLength(source))
    assert.equal(message?.source?.toString(), source)
    assert.equal(message?.headers?.toString(), 'Subject: =?utf-8?q?caf=C3=A9?=\r\n\r\n')
    assert.equal(new Date(message?.internalDate ?? 0).toISOString(), '2024-01-02T03:04:05.000Z')
    const { content } = await client.download('1', '2')
    assert.deepEqual(Buffer.concat(await Array.fromAsync(content!)), Buffer.from([0, 1, 2, 3, 4]))
    assert.ok(await client.messageFlagsAdd('1:*', ['\\Flagged', 'Work']))
    assert.deepEqual(await client.search({ flagged: true, keyword: 'work' }, { uid: true }), [1, 2])
    assert.deepEqual(await client.search({ seen: false }), [2])
    assert.ok(await client.messageFlagsSet('2', ['\\Answered'], { uid: true }))
    const { flags = new Set() } = (await client.fetchOne('2', { flags: true })) || {}
    assert.deepEqual([...flags].sort(), ['\\Answered'])
    assert.ok(await client.messageDelete('1'))
    assert.deepEqual(await client.search({ all: true }, { uid: true }), [2])
  } finally {
    lock.release()
  }
  await client.logout()
})

test('imapflow: two users share a mailbox; each sees what the other does', async (t) => {
  const { port, store } = await startImapFixture(t)
  const connect = async (user: string): Promise<ImapFlow> => {
    const auth = { user: `${user}@example.org`, pass: 'secret' }
    const client = new ImapFlow({ host: '127.0.0.1', port, secure: false, auth, logger: false })
    await client.connect()
    t.after(() => client.close())
    return client
  }
  const [alice, bob] = [await connect('alice'), await connect('bob')]
  await alice.mailboxCreate('Project')
  await alice.append('Project', source)
  assert.ok(!(await bob.list()).some(({ path }) => path.includes('Project')))
  const [owner, guest] = await Promise.all(
    ['alice', 'bob'].map((name) => store.accounts.find(`${name}@example.org`)),
  )
  const project = await store.mailboxes.find(owner!.id, 'Project')
  const subject = { kind: 'user', account: guest!.id } as const
  const share = (rights: string) =>
    store.sharing.changeAcl(project!.id, { subject, effect: 'grants', op: 'replace', rights })
  await share('lrsi')
  const path = 'Other Users/alice/Project'
  assert.ok((await bob.list()).some((each) => each.path === path))
  const lock = await bob.getMailboxLock(path)
  try {
    assert.equal(bob.mailbox !== false && bob.mailbox.exists, 1)
    assert.deepEqual(bob.mailbox !== false && [...(bob.mailbox.permanentFlags ?? [])], ['\\Seen'])
    const [message] = await bob.fetchAll('1', { source: true })
    assert.equal(message?.source?.toString(), source)
    assert.equal(await bob.messageFlagsAdd('1', ['\\Seen']), true)
    assert.equal(await bob.messageFlagsAdd('1', ['\\Flagged']), false)
    const appended = await bob.append(path, source, ['\\Seen', '\\Flagged'])
    assert.ok(appended !== false && appended.uid === 2)
    const seen = await alice.status('Project', { messages: true, unseen: true })
    assert.deepEqual([seen !== false && seen.messages, seen !== false && seen.unseen], [2, 0])
    const flags = await bob.fetchAll('1:*', { flags: true })
    assert.deepEqual(
      flags.map((each) => [...(each.flags ?? [])].filter((flag) => flag !== '\\Recent')),
      [['\\Seen'], ['\\Seen']],
    )
  } finally {
    lock.release()
  }
  await bob.mailboxClose()
  await share('')
  assert.ok(!(await bob.list()).some((each) => each.path === path))
})

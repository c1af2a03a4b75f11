import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ImapFixture, type RawClient, startImapFixture } from '../testkit/imap-fixture.ts'
import { inPatterns } from './list.ts'

/** Untagged lines of an answer. */
async function told(client: RawClient, line: string): Promise<string[]> {
  return (await client.ok(line)).slice(0, -1)
}

async function withNames(imap: ImapFixture, names: readonly string[]): Promise<RawClient> {
  const client = await imap.login()
  for (const name of ['Drafts', 'Sent', 'Junk', 'Trash', 'Archive']) {
    await client.ok(`UNSUBSCRIBE ${name}`)
    await client.ok(`DELETE ${name}`)
  }
  for (const name of names) await client.ok(`CREATE ${name}`)
  return client
}

test('RFC 9051 §6.3.9: the separator, wildcards, INBOX without case, reference names', async (t) => {
  const client = await withNames(await startImapFixture(t), ['a/b/c', '"x y"', '"&AOk-t&AOk-"'])
  assert.deepEqual(await told(client, 'LIST "" ""'), ['* LIST (\\Noselect) "/" ""'])
  assert.deepEqual(await told(client, 'list "" inbox'), ['* LIST (\\HasNoChildren) "/" INBOX'])
  assert.deepEqual(await told(client, 'LIST "" %'), [
    '* LIST (\\HasNoChildren) "/" INBOX',
    '* LIST (\\HasChildren) "/" a',
    '* LIST (\\HasNoChildren) "/" "x y"',
    '* LIST (\\HasNoChildren) "/" &AOk-t&AOk-',
  ])
  assert.deepEqual(await told(client, 'LIST a/ *'), [
    '* LIST (\\HasChildren) "/" a/b',
    '* LIST (\\HasNoChildren) "/" a/b/c',
  ])
  assert.deepEqual(await told(client, 'LIST "" (a inbox)'), [
    '* LIST (\\HasNoChildren) "/" INBOX',
    '* LIST (\\HasChildren) "/" a',
  ])
})

test('RFC 6154 §2: special-use in plain LIST too; selection and creation by use', async (t) => {
  const client = await (await startImapFixture(t)).login()
  assert.ok((await told(client, 'LIST "" Sent')).includes('* LIST (\\HasNoChildren \\Sent) "/" Sent'))
  assert.deepEqual(await told(client, 'LIST (SPECIAL-USE) "" (S* T*) RETURN (SPECIAL-USE)'), [
    '* LIST (\\HasNoChildren \\Sent) "/" Sent',
    '* LIST (\\HasNoChildren \\Trash) "/" Trash',
  ])
  await client.ok('CREATE Every (USE (\\All))')
  assert.deepEqual(await told(client, 'LIST "" Every'), ['* LIST (\\HasNoChildren \\All) "/" Every'])
  assert.match((await client.command('CREATE Sent2 (USE (\\Sent))')).at(-1)!, /^NO \[USEATTR\]/)
  assert.match((await client.command('CREATE Odd (USE (\\Odd))')).at(-1)!, /^NO \[USEATTR\]/)
  assert.match((await client.command('CREATE Odd (FOO)')).at(-1)!, /^BAD/)
  assert.deepEqual(await told(client, 'LIST "" Odd'), [])
})

test('RFC 9051 §6.3.9.8 example 8: RECURSIVEMATCH and CHILDINFO', async (t) => {
  const imap = await startImapFixture(t)
  const client = await withNames(imap, [
    'foo2/bar1',
    'foo2/bar2',
    'baz2/bar2/bar22',
    'baz2/bar2/bar222',
    'eps2/mamba',
    'qux2/bar2',
  ])
  for (const name of [
    'foo2/bar1',
    'foo2/bar2',
    'baz2/bar22',
    'baz2/bar222',
    'eps2',
    'eps2/mamba',
    'qux2/bar2',
  ]) {
    const name2 = name.replace('baz2/', 'baz2/bar2/')
    await client.ok(`SUBSCRIBE ${name2}`)
  }
  assert.deepEqual(await told(client, 'LIST (RECURSIVEMATCH SUBSCRIBED) "" "*2"'), [
    '* LIST (\\Subscribed \\HasNoChildren) "/" baz2/bar2/bar22',
    '* LIST (\\Subscribed \\HasNoChildren) "/" baz2/bar2/bar222',
    '* LIST (\\Subscribed \\HasChildren) "/" eps2 ("CHILDINFO" ("SUBSCRIBED"))',
    '* LIST (\\HasChildren) "/" foo2 ("CHILDINFO" ("SUBSCRIBED"))',
    '* LIST (\\Subscribed \\HasNoChildren) "/" foo2/bar2',
    '* LIST (\\Subscribed \\HasNoChildren) "/" qux2/bar2',
  ])
  assert.deepEqual(await told(client, 'LIST (RECURSIVEMATCH SUBSCRIBED) "" %'), [
    '* LIST (\\Subscribed \\HasNoChildren) "/" INBOX',
    '* LIST (\\HasChildren) "/" baz2 ("CHILDINFO" ("SUBSCRIBED"))',
    '* LIST (\\Subscribed \\HasChildren) "/" eps2 ("CHILDINFO" ("SUBSCRIBED"))',
    '* LIST (\\HasChildren) "/" foo2 ("CHILDINFO" ("SUBSCRIBED"))',
    '* LIST (\\HasChildren) "/" qux2 ("CHILDINFO" ("SUBSCRIBED"))',
  ])
  assert.match((await client.command('LIST (RECURSIVEMATCH) "" *')).at(-1)!, /^BAD /)
  assert.match((await client.command('LIST (FOO) "" *')).at(-1)!, /^BAD /)
  assert.match((await client.command('LIST () "" * RETURN (FOO)')).at(-1)!, /^BAD /)
})

test('RFC 5258 §3.4: a subscription outlives its mailbox as \\NonExistent', async (t) => {
  const client = await withNames(await startImapFixture(t), ['gone', 'here'])
  await client.ok('SUBSCRIBE gone')
  await client.ok('DELETE gone')
  assert.deepEqual(await told(client, 'LIST (SUBSCRIBED) "" *'), [
    '* LIST (\\Subscribed \\HasNoChildren) "/" INBOX',
    '* LIST (\\Subscribed \\NonExistent \\HasNoChildren) "/" gone',
  ])
  assert.deepEqual(await told(client, 'LIST "" gone'), [])
  assert.deepEqual(await told(client, 'LIST "" here RETURN (SUBSCRIBED)'), [
    '* LIST (\\HasNoChildren) "/" here',
  ])
  assert.deepEqual(await told(client, 'LIST "" INBOX RETURN (SUBSCRIBED CHILDREN)'), [
    '* LIST (\\Subscribed \\HasNoChildren) "/" INBOX',
  ])
})

test('RFC 5819: LIST-STATUS', async (t) => {
  const client = await withNames(await startImapFixture(t), ['p/q'])
  await client.append('p/q', 'Subject: x\r\n\r\n')
  assert.deepEqual(await told(client, 'LIST "" p/% RETURN (STATUS (MESSAGES UIDNEXT))'), [
    '* LIST (\\HasNoChildren) "/" p/q',
    '* STATUS p/q (MESSAGES 1 UIDNEXT 2)',
  ])
  assert.match((await client.command('LIST "" * RETURN (STATUS (FOO))')).at(-1)!, /^BAD /)
})

test('RFC 8440, RFC 9051 §6.3.9.2: each name with the rights on it, one that its owner may not read without STATUS', async (t) => {
  const client = await withNames(await startImapFixture(t), ['p/a', 'p/b', 'p/c'])
  await client.ok('SETACL p/b alice@example.org lw')
  assert.deepEqual(await told(client, 'LIST "" p/% RETURN (MYRIGHTS STATUS (MESSAGES))'), [
    '* LIST (\\HasNoChildren) "/" p/a',
    '* MYRIGHTS p/a lrswipkxteacd',
    '* STATUS p/a (MESSAGES 0)',
    '* LIST (\\HasNoChildren \\Noselect) "/" p/b',
    '* MYRIGHTS p/b lwa',
    '* LIST (\\HasNoChildren) "/" p/c',
    '* MYRIGHTS p/c lrswipkxteacd',
    '* STATUS p/c (MESSAGES 0)',
  ])
})

test('RFC 3501 §6.3.9: LSUB, and parents that stand for subscribed children', async (t) => {
  const client = await withNames(await startImapFixture(t), ['news/comp/mail', 'other'])
  await client.ok('SUBSCRIBE news/comp/mail')
  assert.deepEqual(await told(client, 'LSUB "" "*"'), [
    '* LSUB (\\HasNoChildren) "/" INBOX',
    '* LSUB (\\HasNoChildren) "/" news/comp/mail',
  ])
  assert.deepEqual(await told(client, 'LSUB "news/" %'), ['* LSUB (\\Noselect) "/" news/comp'])
})

test('XLIST for those that ask by name', async (t) => {
  const client = await (await startImapFixture(t)).login()
  assert.ok((await told(client, 'XLIST "" *')).includes('* XLIST (\\HasNoChildren \\Inbox) "/" INBOX'))
  assert.ok((await told(client, 'XLIST "" *')).includes('* XLIST (\\HasNoChildren \\Spam) "/" Junk'))
  assert.ok(!(await told(client, 'CAPABILITY'))[0]!.includes('XLIST'))
})

test('a hostile LIST does not hold up others (CVE-2026-33607)', async (t) => {
  const imap = await startImapFixture(t)
  const client = await imap.login()
  for (let at = 0; at < 60; at++) await client.ok(`CREATE ${'a'.repeat(900)}${at}`)
  const other = await imap.login()
  client.send(`z LIST "" "${'*a'.repeat(1900)}b"\r\n`)
  await new Promise((resolve) => setTimeout(resolve, 5))
  const startedMs = performance.now()
  await other.ok('NOOP')
  assert.ok(performance.now() - startedMs < 500)
  assert.match((await client.until(/^z /)).at(-1)!, /^z OK/)
  assert.match((await client.command(`LIST "" "${'*a'.repeat(2100)}b"`)).at(-1)!, /^BAD/)
})

test('looking through names ends with the client who wants to know', async () => {
  const client = { gone: false }
  let looked = 0
  const names = Array.from({ length: 1_000 }, (_, n) => `name ${n}`)
  const slowly = (): boolean => {
    looked++
    for (const startedMs = performance.now(); performance.now() - startedMs < 1; );
    return true
  }
  setImmediate(() => {
    client.gone = true
  })
  const found = await inPatterns(names, slowly, client)
  assert.ok(looked < 100 && found.size === looked, `${looked} names`)
})

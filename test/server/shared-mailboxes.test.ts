/** Sharing with `workers = 2`: each change is made through one worker and seen through the other. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { command, createSite, imapClient, inFolder, startServer, stopServer } from './running-server.ts'

const literal = (text: string): string => `{${text.length}+}\r\n${text}`

test('RFC 4314, RFC 5465: rights, mail, flags, names, annotations and groups go from worker to worker', async () => {
  await inFolder(async (folder) => {
    const site = await createSite(folder, 'workers = 2\nsample_accounts = no\ndisable_plaintext_auth = no')
    const server = await startServer(site)
    for (const name of ['alice', 'bob']) {
      const added = await command(site, ['user', 'add', `${name}@example.org`, '--password', 'secret'])
      assert.equal(added.code, 0, added.err)
    }
    // Given to the workers in turn.
    const alice = await imapClient(site)
    const bob = await imapClient(site, 'bob@example.org secret')
    const { out } = await command(site, ['status', '--json'])
    const { processes } = JSON.parse(out) as { processes: { connections: { imap: number } }[] }
    assert.deepEqual(
      processes.map(({ connections }) => connections.imap),
      [1, 1],
    )
    const shared = '"Other Users/alice/Plans"'

    await bob.ask(
      'b notify set (subtree "Other Users" (MailboxName MessageNew MessageExpunge FlagChange MailboxMetadataChange))',
      /^b OK/m,
    )
    await alice.ask('b create Plans', /^b OK/m)
    await bob.ask('c select "Other Users/alice/Plans"', /^c NO \[NONEXISTENT\]/m)
    await alice.ask('c setacl Plans bob@example.org lrsw', /^c OK/m)
    await bob.heard(/^\* LIST \(\\HasNoChildren\) "\/" "Other Users\/alice\/Plans"/m)
    await alice.ask(`d append Plans ${literal('Subject: one\r\n\r\nx\r\n')}`, /^d OK/m)
    await bob.heard(/^\* STATUS "Other Users\/alice\/Plans" \(MESSAGES 1 /m)
    await alice.ask('e setmetadata Plans (/shared/comment "ours")', /^e OK/m)
    await bob.heard(/^\* METADATA "Other Users\/alice\/Plans" \/shared\/comment/m)

    await bob.ask('d notify set (selected (MessageNew MessageExpunge FlagChange))', /^d OK/m)
    await bob.ask(`e select ${shared}`, /^e OK \[READ-WRITE\]/m)
    await alice.ask('f select Plans', /^f OK/m)
    await bob.ask('f idle', /^\+ /m)
    await alice.ask('g store 1 +flags (\\Flagged)', /^g OK/m)
    await bob.heard(/^\* 1 FETCH .*\\Flagged/m)
    await alice.ask(`h append Plans ${literal('Subject: two\r\n\r\nx\r\n')}`, /^h OK/m)
    await bob.heard(/^\* 2 EXISTS/m)
    await bob.ask('done', /^f OK/m)
    await bob.ask('g store 2 +flags (\\Flagged \\Deleted)', /^g OK/m)
    assert.match(await alice.ask('i noop', /^i OK/m), /^\* 2 FETCH \(.*\\Flagged\)?/m)
    assert.doesNotMatch(await alice.ask('j fetch 2 flags', /^j OK/m), /\\Deleted/)
    await bob.ask('h expunge', /^h NO \[NOPERM\]/m)

    // A group, and its member's rights taken away while he reads.
    await alice.ask('k deleteacl Plans bob@example.org', /^k OK/m)
    await bob.heard(/^\* BYE You may not read/m)
    assert.equal((await command(site, ['group', 'add', 'team'])).code, 0)
    await alice.ask('l setacl Plans $team lr', /^l OK/m)
    const again = await imapClient(site, 'bob@example.org secret')
    await again.ask(`b select ${shared}`, /^b NO/m)
    const joined = await command(site, ['group', 'join', 'team', 'bob@example.org'])
    assert.equal(joined.code, 0, joined.err)
    await again.ask(`c select ${shared}`, /^c OK \[READ-ONLY\]/m)
    await again.ask('d store 1 +flags (\\Seen)', /^d NO/m)
    assert.equal((await stopServer(server)).code, 0)
  })
})

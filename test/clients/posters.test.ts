import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { SmtpTalk } from './dialogue.ts'
import { type alice, bob, startForClients } from './mail-server.ts'

/** Only listed senders may write to a group alias: the guides' recipe, and one setting. */
async function site(
  t: TestContext,
  main: (file: (name: string, text: string) => string) => Record<string, string>,
) {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-posters-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text, { mode: 0o644 })
    return join(folder, name)
  }
  const aliases = file(
    'aliases',
    `postmaster: alice\nstaff: alice, team\nteam: :include:${file('team', '# who\nbob\ncarol@far.test\n')}\n`,
  )
  const server = await startForClients({
    alias_maps: `hash:${aliases}`,
    smtpd_peername_lookup: 'no',
    smtpd_greet_wait: '0',
    ...main(file),
  })
  t.after(() => server.stop())
  return async (from: string, to: string, login?: typeof alice): Promise<string> => {
    const talk =
      login === undefined
        ? await SmtpTalk.open(server.ports.smtp)
        : await SmtpTalk.login(server.ports.submission, login)
    await talk.say(`MAIL FROM:<${from}>`)
    const answer = await talk.say(`RCPT TO:<${to}>`)
    await talk.say('QUIT')
    return answer.trimEnd().split('\r\n').at(-1) ?? ''
  }
}

test('RESTRICTION_CLASS_README: protecting internal lists, word for word', async (t) => {
  const rcpt = await site(t, (file) => ({
    smtpd_recipient_restrictions: `reject_unauth_destination, check_recipient_access hash:${file('protected_destinations', 'staff@example.org   insiders_only\nteam@example.org  insiders_only\n')}`,
    smtpd_restriction_classes: 'insiders_only',
    insiders_only: `check_sender_access hash:${file('insiders', 'my.domain       OK  matches my.domain and subdomains\nboss@other.test  OK\n')}, reject`,
  }))
  assert.equal(await rcpt('a@my.domain', 'staff@example.org'), '250 2.1.5 Ok')
  assert.equal(await rcpt('boss@other.test', 'team@example.org'), '250 2.1.5 Ok')
  assert.equal(
    await rcpt('x@other.test', 'staff@example.org'),
    '554 5.7.1 <staff@example.org>: Recipient address rejected: Access denied',
  )
  assert.equal(await rcpt('x@other.test', bob.address), '250 2.1.5 Ok')
})

test('alias_posters = members: whom the list leads to, through lists and files; our own must log in', async (t) => {
  const rcpt = await site(t, () => ({ alias_posters: 'inline:{ {staff = members} }' }))
  const refused =
    '554 5.7.1 <staff@example.org>: Recipient address rejected: only its posters may write to this list'
  assert.equal(await rcpt('carol@far.test', 'staff@example.org'), '250 2.1.5 Ok')
  assert.equal(await rcpt('dave@far.test', 'staff@example.org'), refused)
  assert.equal(await rcpt(bob.address, 'staff@example.org', bob), '250 2.1.5 Ok')
  assert.match(await rcpt(bob.address, 'staff@example.org'), /^554 5\.7\.1 .*log in to write to this list$/)
  assert.equal(await rcpt('dave@far.test', 'team@example.org'), '250 2.1.5 Ok')
})

test('alias_posters = addresses and a table', async (t) => {
  const rcpt = await site(t, (file) => ({
    alias_posters: `hash:${file('posters', `staff@example.org  dave@far.test, hash:${file('editors', 'editor@far.test OK\n')}\n`)}`,
  }))
  for (const [from, code] of [
    ['dave@far.test', '250'],
    ['editor@far.test', '250'],
    ['carol@far.test', '554'],
  ] as const)
    assert.equal((await rcpt(from, 'staff@example.org')).slice(0, 3), code, from)
})

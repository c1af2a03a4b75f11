import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { runCli } from '../cli.ts'
import { createShellFixture } from '../commands/shell-fixture.ts'
import { parseMailLocation } from './location.ts'

const root = mkdtempSync(join(tmpdir(), 'posthorn-location-'))
after(() => rmSync(root, { recursive: true }))

const user = { name: 'alice', domain: 'example.org', home: '/home/alice' }

test('D4: places as the guides write them', () => {
  const rows: readonly (readonly [text: string, driver: string, path: string, inbox: string | undefined])[] =
    [
      ['mbox:~/mail:INBOX=/var/mail/%u', 'mbox', '/home/alice/mail', '/var/mail/alice'],
      ['maildir:~/.Mail', 'maildir', '/home/alice/.Mail', undefined],
      ['maildir:~/Maildir:LAYOUT=fs:INDEX=/var/index/%u', 'maildir', '/home/alice/Maildir', undefined],
      ['maildir:/var/vmail/%d/%n', 'maildir', '/var/vmail/example.org/alice', undefined],
      ['maildir:/var/vmail/%1n/%1.1n/%Un', 'maildir', '/var/vmail/a/l/ALICE', undefined],
      ['maildir:%h/mail/100%%', 'maildir', '/home/alice/mail/100%', undefined],
    ]
  for (const [text, driver, path, inbox] of rows)
    assert.deepEqual(parseMailLocation(text, user), { driver, path, inbox }, text)
  const wrong: readonly (readonly [string, RegExp])[] = [
    ['mailbdir:~/x', /unknown kind "mailbdir"; did you mean "maildir"\?/],
    ['~/Maildir', /expected maildir:FOLDER/],
    ['mdbox:~/mdbox', /doveadm backup/],
    ['maildir:', /without its folder/],
    ['maildir:~/x:INBOX', /unknown option "INBOX"/],
    ['maildir:/x/%s', /%s is not known here/],
  ]
  for (const [text, reason] of wrong) assert.throws(() => parseMailLocation(text, user), reason)
  assert.throws(() => parseMailLocation('maildir:~/x', { ...user, home: '' }), /no home/)
})

test('D4: `posthorn import location` brings what main.cf’s mail_location names, the spool’s file as INBOX', async () => {
  const home = join(root, 'home', 'alice')
  mkdirSync(join(home, 'mail', 'work'), { recursive: true })
  mkdirSync(join(root, 'spool'))
  const letter = (subject: string): string =>
    `From bob@example.net Sat Nov 21 10:00:00 2026\nFrom: bob@example.net\nSubject: ${subject}\n\nHello.\n\n`
  writeFileSync(join(root, 'spool', 'alice'), letter('new one') + letter('new two'))
  writeFileSync(join(home, 'mail', 'sent'), letter('sent one'))
  writeFileSync(join(home, 'mail', 'work', 'plans'), letter('plan'))
  const path = join(root, 'site')
  mkdirSync(path, { mode: 0o700 })
  writeFileSync(
    join(path, 'main.cf'),
    `myhostname = mail.example.org\nmyorigin = example.org\nalias_maps =\nhome_directory = ${root}/home/%n\n` +
      `mail_location = mbox:~/mail:INBOX=${root}/spool/%u\n`,
  )
  const posthorn = async (...args: string[]) => {
    const shell = createShellFixture()
    const code = await runCli('posthorn', ['-c', path, ...args], shell, async () => 42)
    return { code, out: shell.output(), err: shell.errors() }
  }
  await posthorn('user', 'add', 'alice', '--password', 'x')
  const first = await posthorn('import', 'location', 'alice')
  assert.equal(first.code, 0, first.err + first.out)
  const list = (await posthorn('mailbox', 'list', 'alice')).out
  for (const line of [/^INBOX +2 messages/m, /^sent +1 messages/m, /^work\/plans +1 messages/m])
    assert.match(list, line)
  assert.equal((await posthorn('import', 'location', 'alice')).code, 0)
  assert.match((await posthorn('mailbox', 'list', 'alice')).out, /^INBOX +2 messages/m)
  const none = await posthorn('import', 'location', 'alice', 'maildir:~/nothing')
  assert.equal(none.code, 69)
  const typo = await posthorn('import', 'location', 'alice', 'mailbdir:~/mail')
  assert.match(typo.err, /did you mean "maildir"/)
  const { err } = await posthorn('check')
  assert.match(err, /mail_location has no effect: .*posthorn import location ADDRESS/)
})

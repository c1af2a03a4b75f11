import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, it } from 'node:test'
import { createCliFixture, runCommand } from '../../cli-fixture.ts'

const cli = createCliFixture()
after(() => cli.remove())
const { folder } = cli

it('accounts: made, listed, changed, removed', async () => {
  const path = folder()
  const posthorn = (...args: string[]) => runCommand('posthorn', ['-c', path, ...args])
  assert.deepEqual(await runCommand('posthorn', ['-c', path, 'user', 'add', 'alice'], 'wonder\n'), {
    code: 0,
    out: 'alice@example.org: added\n',
    err: '',
  })
  assert.match(
    (await posthorn('user', 'add', 'bob@other.test')).out,
    /^bob@other\.test: added \(and its domain.*\)\npassword: \S{19}\n$/,
  )
  assert.deepEqual(await runCommand('posthorn', ['-c', path, 'user', 'add', 'alice'], 'x'), {
    code: 1,
    out: '',
    err: 'posthorn: Account exists: alice (`posthorn user passwd alice` changes its password)\n',
  })
  assert.match((await posthorn('user', 'disable', 'ALICE')).out, /^alice@example\.org: disabled\n$/)
  assert.match((await posthorn('user', 'list')).out, /^alice@example\.org {2}disabled {2}0 messages {2}0 B\n/)
  assert.match((await posthorn('domain', 'list')).out, /^other\.test +added +1 accounts$/m)
  assert.equal((await posthorn('user', 'remove', 'bob@other.test')).code, 64)
  const kept = await runCommand('posthorn', ['-c', path, 'user', 'remove', 'bob@other.test'], '', ['no'])
  assert.deepEqual([kept.code, kept.err], [1, 'posthorn: nothing removed\n'])
  const gone = await runCommand('posthorn', ['-c', path, 'user', 'remove', 'bob@other.test'], '', ['yes'])
  assert.equal(gone.out, 'bob@other.test: removed\n')
  for (const words of [
    ['user', 'passwd', 'nobody', '--password', 'x'],
    ['user', 'disable', 'nobody'],
    ['user', 'quota', 'nobody', '1G'],
    ['user', 'rename', 'nobody', 'somebody'],
    ['user', 'remove', '--force', 'nobody'],
    ['mailbox', 'list', 'nobody'],
    ['acl', 'list', 'nobody'],
    ['group', 'join', 'staff', 'nobody'],
    ['export', 'mbox', 'nobody', join(path, 'out')],
  ]) {
    const { code, err } = await posthorn(...words)
    assert.deepEqual([code, err], [67, 'posthorn: No such account: nobody\n'], words.join(' '))
  }
  assert.equal((await posthorn('user', 'add', 'a b@c', '--password', 'x')).code, 65)
  assert.equal((await posthorn('user', 'quota', 'alice', 'much')).code, 64)
})

it('RFC 5890 §2.3.2.1: a site whose names are written as people write them', async () => {
  const path = folder(
    'myhostname = mail.example.org\nmyorigin = bücher.example\nmydestination = $myorigin, müller.example\nalias_maps =\n',
  )
  const posthorn = async (...args: string[]) => (await runCommand('posthorn', ['-c', path, ...args])).out
  assert.equal(
    await posthorn('user', 'add', 'alice', '--password', 'x'),
    'alice@xn--bcher-kva.example: added\n',
  )
  assert.equal(
    (await runCommand('posthorn', ['-c', path, 'user', 'add', 'alice@BÜCHER.example'], 'x')).code,
    1,
  )
  assert.equal(
    (await runCommand('posthorn', ['-c', path, 'user', 'add', 'alice@müller.example'], 'x')).code,
    1,
  )
  assert.match(await posthorn('user', 'add', 'bob@bücher.example', '--password', 'x'), /^bob@\S+: added\n$/)
  assert.match(await posthorn('domain', 'list'), /^xn--bcher-kva\.example +auth_default_realm +2 accounts$/m)
})

it('I6: domains in files, in tables, of virtual users', async () => {
  const path = folder(
    'myhostname = mail.example.org\nmyorigin = example.org\nmydestination = $myorigin, local-host-names, !no.example\n' +
      'virtual_mailbox_domains = $config_directory/boxes\nvirtual_alias_maps = hash:virtual, pcre:patterns\n',
  )
  writeFileSync(join(path, 'boxes'), '# ours\nbox.example, other-box.example\n  bücher.example\n')
  writeFileSync(join(path, 'virtual'), 'alias.example anything\nx@alias.example alice\nbob carol\n')
  writeFileSync(join(path, 'patterns'), '/@/ alice\n')
  assert.deepEqual((await runCommand('posthorn', ['-c', path, 'user', 'add', 'alice'], 'x')).code, 0)
  const { out } = await runCommand('posthorn', ['-c', path, 'domain', 'list'])
  assert.deepEqual(
    out
      .trim()
      .split('\n')
      .map((line) => line.split(/ {2,}/)),
    [
      ['example.org', 'auth_default_realm', '1 accounts'],
      ['local-host-names', 'mydestination', '0 accounts'],
      ['box.example', 'virtual_mailbox_domains', '0 accounts'],
      ['other-box.example', 'virtual_mailbox_domains', '0 accounts'],
      ['xn--bcher-kva.example', 'virtual_mailbox_domains', '0 accounts'],
      ['alias.example', 'virtual_alias_domains', '0 accounts'],
      ['pcre:patterns', 'virtual_alias_domains', 'is asked for each name'],
    ],
  )
})

it('a typed password is asked for twice', async () => {
  const path = folder()
  const add = (answers: string[]) => runCommand('posthorn', ['-c', path, 'user', 'add', 'alice'], '', answers)
  assert.equal((await add(['one', 'two'])).code, 65)
  assert.equal((await add(['one', 'one'])).out, 'alice@example.org: added\n')
})

it('mailboxes', async () => {
  const path = folder()
  const mailbox = (...args: string[]) => runCommand('posthorn', ['-c', path, 'mailbox', ...args])
  await runCommand('posthorn', ['-c', path, 'user', 'add', 'alice', '--password', 'x'])
  assert.equal((await mailbox('create', 'alice', 'Work/Bücher')).out, 'Work/Bücher: created\n')
  assert.equal((await mailbox('rename', 'alice', 'Work', 'Done')).code, 0)
  assert.match((await mailbox('list', 'alice')).out, /^Done\/Bücher +0 messages +0 unseen/m)
  assert.equal((await mailbox('remove', 'alice', 'Nosuch')).code, 1)
  assert.equal((await mailbox('list', 'nobody')).err, 'posthorn: No such account: nobody\n')
})

it('sharing: groups, lists of rights, what each of them lets others see', async () => {
  const path = folder()
  const posthorn = (...args: string[]) => runCommand('posthorn', ['-c', path, ...args])
  for (const user of ['alice', 'bob']) await posthorn('user', 'add', user, '--password', 'x')
  await posthorn('mailbox', 'create', 'alice', 'Project')
  assert.equal((await posthorn('group', 'add', 'Team')).out, 'team: added\n')
  assert.equal((await posthorn('group', 'join', 'team', 'bob')).out, 'team: bob@example.org joined\n')
  assert.equal((await posthorn('group', 'list')).out, 'team  bob@example.org\n')
  assert.equal((await posthorn('acl', 'set', 'alice', 'Project', '$team', 'lrs')).code, 0)
  assert.equal((await posthorn('acl', 'set', 'alice', 'Project', 'bob', '+wd')).code, 0)
  assert.equal((await posthorn('acl', 'set', 'alice', 'Project', '--', '-bob', 'e')).code, 0)
  assert.equal(
    (await posthorn('acl', 'list', 'alice')).out,
    'Project  $team             lrs\nProject  bob@example.org   wted\nProject  -bob@example.org  ed\n',
  )
  assert.equal((await posthorn('acl', 'set', 'alice', 'Project', 'bob', '-w')).code, 0)
  assert.match(
    (await posthorn('acl', 'list', 'alice', 'Project', '--json')).out,
    /"bob@example.org","rights":"te"/,
  )
  assert.equal((await posthorn('acl', 'delete', 'alice', 'Project', 'bob')).code, 0)
  assert.equal((await posthorn('acl', 'delete', 'alice', 'Project', 'bob')).code, 1)
  for (const [mailbox, identifier, rights, code, said] of [
    ['Project', 'bob', 'lq', 64, /^posthorn: "bob lq": Unsupported right; rights are lrswipkxtea$/m],
    ['Project', 'bop', 'l', 64, /^posthorn: bop: There is no such user \(who: an address, /m],
    [
      'Nowhere',
      'bob',
      'l',
      1,
      /^posthorn: No such mailbox: Nowhere \(.*posthorn mailbox create alice Nowhere\)$/m,
    ],
  ] as const) {
    const refused = await posthorn('acl', 'set', 'alice', mailbox, identifier, rights)
    assert.equal(refused.code, code)
    assert.match(refused.err, said)
  }
  assert.equal((await posthorn('acl', 'set', 'alice', 'Project', 'nobody', 'l')).code, 64)
  assert.equal((await posthorn('group', 'remove', 'team')).code, 0)
  assert.equal((await posthorn('acl', 'list', 'alice')).out, 'Project  -bob@example.org  ed\n')
  assert.match((await posthorn('store', 'check')).out, /: ok$/m)
})

it('limits of messages', async () => {
  const path = folder()
  const posthorn = (...args: string[]) => runCommand('posthorn', ['-c', path, ...args])
  await posthorn('user', 'add', 'alice', '--password', 'x', '--quota-messages', '5')
  assert.match((await posthorn('user', 'list')).out, /0 of 5 messages/)
  assert.equal(
    (await posthorn('user', 'quota', 'alice', '2M', '--quota-messages', '7')).out,
    'alice@example.org: quota 2.0 MB, 7 messages\n',
  )
  assert.equal((await posthorn('user', 'quota', 'alice')).code, 64)
  assert.equal((await posthorn('user', 'quota', 'alice', '--quota-messages', 'many')).code, 64)
})

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, it } from 'node:test'
import { createCliFixture, runCommand } from '../../cli-fixture.ts'

const cli = createCliFixture()
after(() => cli.remove())
const { folder } = cli

it('sendmail delivers and queues while the server is stopped; the queue can be looked at and changed', async () => {
  const path = folder()
  await runCommand('posthorn', ['-c', path, 'user', 'add', 'alice', '--password', 'x'])
  const message =
    'To: alice@example.org, out@side.test\nBcc: secret@side.test\nSubject: x\n\nhello\n.\nnot this\n'
  assert.deepEqual(await runCommand('sendmail', ['-C', path, '-t', '-f', 'bob'], message), {
    code: 0,
    out: '',
    err: '',
  })
  assert.match(
    (await runCommand('posthorn', ['-c', path, 'mailbox', 'list', 'alice'])).out,
    /^INBOX +1 messages +1 unseen/m,
  )

  const queue = await runCommand('mailq', ['-C', path])
  assert.equal(queue.err, 'postqueue: warning: Mail system is down -- accessing queue directly\n')
  assert.match(
    queue.out,
    /bob@example\.org\n +out@side\.test\n +secret@side\.test\n\n-- 0 Kbytes in 1 Request\.\n$/,
  )
  const id = /^([0-9A-F]+)/m.exec(queue.out)?.[1] ?? ''

  const shown = await runCommand('postcat', ['-c', path, '-q', id])
  assert.match(shown.out, new RegExp(`^\\*\\*\\* ENVELOPE RECORDS incoming/${id} \\*\\*\\*\\n`))
  assert.match(shown.out, /\nsender: bob@example\.org\nrecipient: out@side\.test\n/)
  assert.match(shown.out, /\nSubject: x\n/)
  assert.doesNotMatch(shown.out, /Bcc|not this/)
  assert.equal((await runCommand('postcat', ['-c', path, '-qb', id])).out, '\nhello\n')

  const held = await runCommand('postsuper', ['-c', path, '-h', id])
  assert.equal(held.err, `postsuper: ${id}: placed on hold\npostsuper: Placed on hold: 1 message\n`)
  assert.match(
    (await runCommand('postqueue', ['-c', path, '-j'])).out,
    /^\{"queue_name": "hold", "queue_id": "/,
  )
  assert.match(
    (await runCommand('postsuper', ['-c', path, '-H', 'ALL'])).err,
    /^postsuper: Released from hold: 1 message$/m,
  )
  const expired = await runCommand('postsuper', ['-c', path, '-e', id])
  assert.equal(expired.err, `postsuper: ${id}: expired\npostsuper: Force-expired: 1 message\n`)
  assert.match(
    (await runCommand('postsuper', ['-c', path, '-f', 'ALL'])).err,
    /^postsuper: Force-expired: 0 messages$/m,
  )
  assert.match((await runCommand('postqueue', ['-c', path, '-p'])).out, new RegExp(`^${id}#`, 'm'))
  assert.match((await runCommand('postqueue', ['-c', path, '-j'])).out, /"forced_expire": true/)
  assert.match(
    (await runCommand('postsuper', ['-c', path, '-d', '-'], `${id}\nNOSUCH\n`)).err,
    /^postsuper: Deleted: 1 message$/m,
  )
  assert.equal((await runCommand('postqueue', ['-c', path, '-p'])).out, 'Mail queue is empty\n')
  assert.equal((await runCommand('postqueue', ['-c', path, '-f'])).code, 69)
})

it('empty_address_recipient: mail to nobody is for somebody; header_from_format', async () => {
  const path = folder('empty_address_recipient = lost@side.test\nheader_from_format = obsolete\n')
  for (const word of ['<>', '']) {
    const args = ['-C', path, '-F', 'Dr. Who', '-f', 'bob', word]
    assert.deepEqual(await runCommand('sendmail', args, 'Subject: x\n\n'), { code: 0, out: '', err: '' })
  }
  const { out } = await runCommand('postqueue', ['-c', path, '-p'])
  assert.equal(out.match(/^ +lost@side\.test$/gm)?.length, 2, out)
  const id = /^([0-9A-F]+)/m.exec(out)?.[1] ?? ''
  const { out: header } = await runCommand('postcat', ['-c', path, '-qh', id])
  assert.match(header, /^From: bob@\S+ \(Dr\. Who\)$/m)
})

it('sendmail ends with the codes of sysexits', async () => {
  const path = folder('myhostname = mail.example.org\nmessage_size_limit = 1000\n')
  const rows: readonly [readonly string[], string, number, RegExp][] = [
    [[], 'x\n', 64, /Recipient addresses must be specified/],
    [['-t'], 'Subject: x\n\n', 64, /No recipient addresses found in message header/],
    [['-bz'], '', 64, /unsupported: -bz/],
    [['-f', 'a b', 'x@y'], '', 0, /-f option specified malformed sender: a b/],
    [['-f', 'a@', 'x@y'], '', 65, /bad sender address/],
    [['a@'], '', 65, /bad recipient address/],
    [['-N', 'sometimes', 'x@y'], '', 0, /unknown DSN NOTIFY command value "sometimes"/],
    [['-B', '9BIT', 'x@y'], '', 64, /-B option needs 8BITMIME or 7BIT/],
    [['-v', '-bv', 'x@y'], '', 64, /-v option cannot be used with -bv/],
    [['-bp', 'x'], '', 64, /display queue mode requires no recipient/],
    [['-XV', '-f', '<>', 'x@y.test'], 'x', 69, /XVERP requires non-null sender/],
    [['-XV**', 'x@y.test'], 'x', 64, /-V requires two characters from -=\+/],
    [['x@y.test'], 'x'.repeat(2000), 69, /message file too big/],
  ]
  for (const [args, input, code, err] of rows) {
    const result = await runCommand('sendmail', ['-C', path, ...args], input)
    assert.equal(result.code, code, args.join(' '))
    assert.match(result.err, err)
  }
})

it('a configuration that is not there: each program ends with its own code', async () => {
  const missing = join(cli.root, 'nosuch')
  const table = join(folder(), 'table')
  writeFileSync(table, 'a b\n')
  const rows: readonly [string, readonly string[], number][] = [
    ['sendmail', ['-C', missing, 'x@y'], 75],
    ['postqueue', ['-c', missing, '-p'], 69],
    ['postsuper', ['-c', missing, '-d', 'ABCDEF'], 1],
    ['postmap', ['-c', missing, table], 1],
    ['postmap', ['-c', missing, '-q', 'a', table], 1],
  ]
  for (const [name, args, code] of rows) {
    const result = await runCommand(name, args)
    assert.deepEqual([result.code, result.out], [code, ''], name)
    assert.match(result.err, new RegExp(`^${name}: fatal: cannot read .*nosuch/main.cf: no such file`))
  }
  assert.equal((await runCommand('postmap', ['-c', folder(), '-q', 'a', table])).out, 'b\n')
})

it('a report goes to who sent: to nobody for a message of nobody, to postmaster about addresses', async () => {
  const path = folder('empty_address_recipient = lost@side.test\n')
  const said = async (...args: string[]) => (await runCommand('sendmail', ['-C', path, ...args], '')).out
  assert.match(await said('-v', '-f', 'bob', 'x@side.test'), /will be mailed to <bob>/)
  assert.match(await said('-v', '-f', '<>', 'x@side.test'), /will be mailed to <>/)
  assert.match(await said('-bv', '-f', '', ''), /will be mailed to <postmaster>/)
})

it('postcat without a name reads standard input, which is no queue file', async () => {
  for (const args of [[], ['-q']])
    assert.deepEqual(await runCommand('postcat', ['-c', folder(''), ...args], 'hello\n'), {
      code: 0,
      out: '',
      err: 'postcat: warning: stdin: input is not a valid queue file\n',
    })
})

it('sendmail -bs: SMTP over a pipe, with no server running; what is said waits in the queue', async () => {
  const path = folder('authorized_submit_users = static:anyone\nsmtpd_recipient_restrictions = reject\n')
  const dialogue = [
    'EHLO pine',
    'STARTTLS',
    'MAIL FROM:<a@side.test> SIZE=99999999',
    'MAIL FROM:<a@side.test> RET=HDRS ENVID=e1 BODY=8BITMIME',
    'RCPT TO:<out@side.test> NOTIFY=NEVER ORCPT=rfc822;first@side.test',
    'RCPT TO:<a b>',
    'DATA',
    'Subject: pine',
    '',
    'x',
    '..y',
    '.',
    'MAIL FROM:<a@side.test>',
    'RCPT TO:<lost@side.test>',
    'RSET',
    'QUIT',
  ]
  const said = await runCommand('sendmail', ['-C', path, '-bs'], `${dialogue.join('\r\n')}\r\n`)
  assert.deepEqual([said.code, said.err], [0, ''])
  const id = /^250 2\.0\.0 Ok: queued as (\w+)\r$/m.exec(said.out)?.[1] ?? ''
  const codes = said.out.split('\r\n').flatMap((line) => (/^\d{3} /.test(line) ? [line.slice(0, 3)] : []))
  assert.deepEqual(codes, '220 250 502 552 250 250 501 354 250 250 250 250 221'.split(' '))
  // As it is typed: no CR.
  const typed = ['HELO me', 'MAIL FROM:<a@side.test>', 'RCPT TO:<typed@side.test>', 'DATA', 'x', '.', 'QUIT']
  const answered = await runCommand('sendmail', ['-C', path, '-bs'], `${typed.join('\n')}\n`)
  assert.match(answered.out, /\r\n354 .*\r\n250 2\.0\.0 Ok: queued as \w+\r\n221 [^\n]+\n$/)
  const typedId = /queued as (\w+)/.exec(answered.out)?.[1] ?? ''
  assert.equal((await runCommand('postsuper', ['-c', path, '-d', typedId])).code, 0)
  const queue = await runCommand('postqueue', ['-c', path, '-p'])
  assert.match(queue.out, /a@side\.test\n +out@side\.test\n\n-- 0 Kbytes in 1 Request\.\n$/)
  const shown = (await runCommand('postcat', ['-c', path, '-q', id])).out
  assert.match(shown, /dsn_orig_rcpt=rfc822;first@side\.test/)
  assert.match(
    shown,
    /\(Posthorn, from userid \d+\)[\s\S]*\nReceived: from pine \(localhost \[127\.0\.0\.1\]\)/,
  )
  assert.match(shown, /\nSubject: pine\n[\s\S]*\n\nx\n\.y\n/)
})

/** The maildrop: mail of this machine's programs that waits, is refused, or is none. */
import assert from 'node:assert/strict'
import { appendFileSync, existsSync, linkSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { nobody, openSite, queueOf } from './other-users.ts'
import { command, eventually, imapClient, inFolder, startServer, stopServer } from './running-server.ts'

describe('the maildrop', {
  skip: process.getuid?.() !== 0 && 'only root can be several users',
}, () => {
  test('mail that a filter puts off waits in the maildrop, and mailq shows it', async () => {
    await inFolder(async (folder) => {
      const site = await openSite(folder, 'sample_accounts = no\nnon_smtpd_milters = inet:127.0.0.1:1')
      const server = await startServer(site)
      const sent = await command(site, ['sendmail', 'y@example.com'], {
        uid: nobody,
        input: 'Subject: b\n\n',
      })
      assert.equal(sent.code, 0)
      await server.says(/milter-reject: END-OF-MESSAGE .*: 4\.7\.1 /)
      await eventually(async () =>
        assert.match(await queueOf(site), / {41}y@example\.com\n[\s\S]*in 1 Request\.\n$/),
      )
      const [left = ''] = readdirSync(join(site.dataFolder, 'public', 'maildrop'))
      assert.match(
        (await command(site, ['mailq'], { uid: nobody })).out,
        new RegExp(`^${left} .* nobody$`, 'm'),
      )
      await stopServer(server)
    })
  })

  test('mail that is refused after sendmail has ended comes back whole; without its text where reports are filtered, too', async () => {
    await inFolder(async (folder) => {
      const site = await openSite(
        folder,
        `disable_plaintext_auth = no\nheader_checks = pcre:{{/^Subject: bad/ REJECT not this}}\nnested_header_checks =\nbody_checks = pcre:{{/worse/ REJECT nor this}}`,
      )
      const server = await startServer(site)
      const password = /alice@example\.org +(\S{19})/.exec(server.output())?.[1] ?? ''
      const send = async (input: string) =>
        await command(site, ['sendmail', '-f', 'alice@example.org', 'y@example.com'], { uid: nobody, input })
      assert.equal((await send('Subject: bad\nX-Own: 1\n\nline one\n')).code, 0)
      assert.equal((await send('Subject: 2\nX-Own: 2\n\nworse\n')).code, 0)
      const imap = await imapClient(site, `alice@example.org ${password}`)
      await eventually(async () => assert.match(await imap.ask('n select inbox', /^n OK/m), /^\* 2 EXISTS/m))
      const texts = await imap.ask('f fetch 1:* body[]', /^f OK/m)
      assert.match(texts, /^Diagnostic-Code: x-posthorn; 5\.7\.1 not this/m)
      assert.match(texts, /^Final-Recipient: rfc822; y@example\.com/m)
      assert.match(texts, /^Content-Type: message\/rfc822\r\n\r\n[\s\S]*^X-Own: 1\r\n[\s\S]*^line one\r$/m)
      assert.match(texts, /^X-Own: 2\r\n\r\nworse\r$/m)
      appendFileSync(site.mainCf, 'internal_mail_filter_classes = bounce\n')
      assert.equal((await command(site, ['reload'])).code, 0)
      assert.equal((await send('Subject: 3\nX-Own: 3\n\nworse\n')).code, 0)
      await eventually(async () => assert.match(await imap.ask('n noop', /^n OK/m), /^\* 3 EXISTS/m))
      const third = await imap.ask('f fetch 3 body[]', /^f OK/m)
      assert.match(third, /^X-Own: 3\r$/m)
      assert.doesNotMatch(third, /^worse/m)
      imap.close()
      await stopServer(server)
    })
  })

  test('mail of the null sender that is refused: postmaster hears of it, in the words of bounce_template_file', async () => {
    await inFolder(async (folder) => {
      const templates = join(folder, 'bounce.cf')
      writeFileSync(
        templates,
        'failure_template = <<EOF\nFrom: Post <post>\nSubject: It came back\nPostmaster-Subject: For the master\n\nOur words from $myhostname.\nEOF\n',
      )
      const site = await openSite(
        folder,
        `disable_plaintext_auth = no\nheader_checks = pcre:{{/^Subject: bad/ REJECT not this}}\nnested_header_checks =\nnotify_classes = 2bounce\n2bounce_notice_recipient = alice@example.org\nbounce_template_file = ${templates}`,
      )
      const server = await startServer(site)
      const password = /alice@example\.org +(\S{19})/.exec(server.output())?.[1] ?? ''
      const send = async (sender: string) =>
        await command(site, ['sendmail', '-f', sender, 'y@example.com'], {
          uid: nobody,
          input: 'Subject: bad\n\nx\n',
        })
      assert.equal((await send('<>')).code, 0)
      await server.says(/not accepted: not this; postmaster is told/)
      const imap = await imapClient(site, `alice@example.org ${password}`)
      await eventually(async () => assert.match(await imap.ask('n select inbox', /^n OK/m), /^\* 1 EXISTS/m))
      const first = await imap.ask('f fetch 1 body[]', /^f OK/m)
      assert.match(first, /^Return-Path: <double-bounce@mail\.example\.org>\r$/m)
      assert.match(first, /^From: Post <post@example\.org>\r\nSubject: For the master\r$/m)
      assert.match(first, /^To: <?alice@example\.org>?\r$/m)
      assert.equal((await send('alice@example.org')).code, 0)
      await eventually(async () => assert.match(await imap.ask('n noop', /^n OK/m), /^\* 2 EXISTS/m))
      const second = await imap.ask('f fetch 2 body[]', /^f OK/m)
      assert.match(second, /^Return-Path: <>\r$/m)
      assert.match(second, /^Subject: It came back\r$/m)
      assert.match(second, /^Our words from mail\.example\.org\.\r$/m)
      appendFileSync(site.mainCf, 'notify_classes =\n')
      assert.equal((await command(site, ['reload'])).code, 0)
      assert.equal((await send('<>')).code, 0)
      await server.says(/not accepted: not this\n/)
      imap.close()
      await stopServer(server)
    })
  })

  test('while the server is stopped, mail of root waits for what it is to go through', async () => {
    await inFolder(async (folder) => {
      const site = await openSite(
        folder,
        'sample_accounts = no\nrelayhost = [127.0.0.1]:1\nheader_checks = pcre:{{/^Subject: bad/ DISCARD}}',
      )
      await stopServer(await startServer(site))
      for (const subject of ['bad', 'good'])
        assert.deepEqual(
          await command(site, ['sendmail', '-f', 'a@b.test', 'x@example.com'], {
            input: `Subject: ${subject}\n\n`,
          }),
          { code: 0, out: '', err: '' },
        )
      assert.match(await queueOf(site), /in 2 Requests/)
      const server = await startServer(site)
      await server.says(/: discard: header Subject: bad from local/)
      await eventually(async () => assert.match(await queueOf(site), /x@example\.com[\s\S]*in 1 Request/))
      await stopServer(server)
    })
  })

  test('files that are not what they seem are thrown away: links, folders, other names, no envelope', async () => {
    await inFolder(async (folder) => {
      const site = await openSite(folder, 'sample_accounts = no\nrelayhost = [127.0.0.1]:1')
      const server = await startServer(site)
      const maildrop = join(site.dataFolder, 'public', 'maildrop')
      const name = (n: number): string => join(maildrop, String(n).padStart(32, '0'))
      const secret = join(folder, 'secret')
      const envelope = '{"sender":"a@example.net","recipients":[{"address":"x@example.com"}],"options":{}}\n'
      writeFileSync(secret, `${envelope}secret\n`, { mode: 0o600 })
      symlinkSync(secret, name(1))
      linkSync(secret, name(2))
      writeFileSync(name(3), 'no envelope\n')
      writeFileSync(name(4), '{"sender":1}\n')
      writeFileSync(join(maildrop, 'unfinished.tmp'), envelope)
      await command(site, ['sendmail', 'z@example.com'], { uid: nobody, input: 'To: z\n\n' })
      await server.says(/0002: not accepted: the file has another name too/)
      await server.says(/0003: not accepted: the envelope cannot be read/)
      await server.says(/0004: not accepted: the envelope cannot be read/)
      await eventually(async () => assert.match(await queueOf(site), /z@example\.com/))
      assert.doesNotMatch(await queueOf(site), /x@example\.com/)
      assert.equal(existsSync(secret), true)
      assert.deepEqual(readdirSync(maildrop), ['unfinished.tmp'])
      await stopServer(server)
    })
  })
})

/** mailq, postqueue and sendmail of users who are not the server's own. */
import assert from 'node:assert/strict'
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import {
  command,
  createSite,
  eventually,
  imapClient,
  inFolder,
  type Site,
  startServer,
  stopServer,
} from './running-server.ts'

const nobody = 65_534
const other = 65_533

/** Others may pass through, as through /var/lib. */
async function openSite(folder: string, lines: string): Promise<Site> {
  chmodSync(folder, 0o755)
  return await createSite(folder, lines)
}

async function queueOf(site: Site): Promise<string> {
  return (await command(site, ['mailq'])).out
}

describe('users of this machine', {
  skip: process.getuid?.() !== 0 && 'only root can be several users',
}, () => {
  test('ask where mail would go: sendmail -bv', async () => {
    await inFolder(async (folder) => {
      const lines = 'mail_owner = daemon\nsample_accounts = no\nrelayhost = [127.0.0.1]:1'
      const site = await openSite(folder, lines)
      const server = await startServer(site)
      const args = ['sendmail', '-f', 'reports@example.com', '-bv', 'nobody-here', 'x@example.net']
      const asked = await command(site, args, { uid: nobody })
      assert.deepEqual(asked, {
        code: 0,
        out: 'Mail Delivery Status Report will be mailed to <reports@example.com>.\n',
        err: '',
      })
      await eventually(async () => assert.match(await queueOf(site), /reports@example\.com/))
      const id =
        /^([0-9A-Za-z]+)[*!# ]/m.exec((await queueOf(site)).split('\n').slice(1).join('\n'))?.[1] ?? ''
      const report = (await command(site, ['postcat', '-bh', id])).out
      assert.match(report, /^Received: by mail\.example\.org \(.*, from userid 65534\)$/m)
      assert.match(report, /^<nobody-here@\S+>: 5\.1\.1 User unknown/m)
      assert.match(report, /^<x@example\.net>: 4\.\d\.\d connect to 127\.0\.0\.1.*refused/m)
      assert.match(report, /^Final-Recipient: rfc822; x@example\.net\nAction: undeliverable$/m)
      assert.deepEqual(readdirSync(join(site.dataFolder, 'public', 'maildrop')), [])
      await stopServer(server)
    })
  })

  test('see the queue, flush it and send mail; the store and the control socket stay closed to them', async () => {
    await inFolder(async (folder) => {
      const site = await openSite(
        folder,
        'mail_owner = daemon\nsample_accounts = no\nrelayhost = [127.0.0.1]:1\nworkers = 2',
      )
      const server = await startServer(site)
      const mail = 'To: x@example.com\nSubject: hello\n\nbody\n'
      const sent = await command(site, ['sendmail', '-t'], { uid: nobody, input: mail })
      assert.deepEqual([sent.code, sent.err], [0, ''])
      await eventually(async () => {
        const listed = await command(site, ['mailq'], { uid: nobody })
        assert.match(
          listed.out,
          /nobody@example\.org[\s\S]*\n {41}x@example\.com\n[\s\S]*-- 0 Kbytes in 1 Request\.\n/,
        )
        assert.deepEqual([listed.code, listed.err], [0, ''])
      })
      assert.equal((await command(site, ['mailq'], { uid: nobody })).out, await queueOf(site))
      await eventually(async () =>
        assert.match((await command(site, ['postqueue', '-j'])).out, /^\{"queue_name": "deferred", /),
      )
      const json = await command(site, ['postqueue', '-j'], { uid: nobody })
      assert.match(
        json.out,
        /^\{"queue_name": "deferred", "queue_id": "\w+".*"sender": "nobody@example\.org"/,
      )
      assert.equal((await command(site, ['postqueue', '-f'], { uid: nobody })).code, 0)
      const id = /"queue_id": "(\w+)"/.exec(json.out)?.[1] ?? ''
      assert.equal((await command(site, ['postqueue', '-i', id], { uid: nobody })).code, 0)
      const deletion = await command(site, ['postsuper', '-d', 'ALL'], { uid: nobody })
      assert.notEqual(deletion.code, 0)
      assert.match(await queueOf(site), /in 1 Request/)
      assert.equal(statSync(join(site.dataFolder, 'store')).mode & 0o077, 0)
      assert.equal(statSync(join(site.dataFolder, 'control.sock')).mode & 0o077, 0)
      assert.deepEqual(readdirSync(join(site.dataFolder, 'public', 'maildrop')), [])
      const shown = (await command(site, ['postcat', '-h', id])).out
      assert.match(shown, /^Received: by mail\.example\.org \(.*, from userid 65534\)$/m)
      await stopServer(server)

      assert.match(
        (await command(site, ['mailq'], { uid: nobody })).err,
        /Queue report unavailable - mail system is down/,
      )
      const later = await command(site, ['sendmail', 'y@example.com'], {
        uid: nobody,
        input: 'Subject: b\n\n',
      })
      assert.equal(later.code, 0)
      const dialogue =
        'HELO x\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<z@example.com>\r\nDATA\r\nSubject: c\r\n\r\n.\r\n'
      const spoken = await command(site, ['sendmail', '-bs'], { uid: nobody, input: dialogue })
      assert.match(spoken.out, /^250 2\.0\.0 Ok: queued\r\n$/m)
      const left = readdirSync(join(site.dataFolder, 'public', 'maildrop'))
      assert.equal(left.length, 2)
      const waiting = await command(site, ['mailq'])
      assert.match(waiting.err, /Mail system is down -- accessing queue directly/)
      for (const name of left)
        assert.match(waiting.out, new RegExp(`^${name} .* (?:nobody|a@b\\.test)$`, 'm'))
      assert.match(waiting.out, / {41}y@example\.com\n[\s\S]*-- \d Kbytes in 3 Requests\.\n$/)
      const again = await startServer(site)
      await eventually(async () => assert.match(await queueOf(site), /y@example\.com/))
      await eventually(async () => assert.match(await queueOf(site), /z@example\.com/))
      await stopServer(again)
    })
  })

  test('W2, L1: the running server takes the mail of root as that of others: checked and logged', async () => {
    await inFolder(async (folder) => {
      const checks = join(folder, 'header_checks')
      writeFileSync(checks, '/^Subject: no/ REJECT not this\n', { mode: 0o644 })
      const site = await openSite(
        folder,
        `mail_owner = daemon\nsample_accounts = no\nrelayhost = [127.0.0.1]:1\nheader_checks = regexp:${checks}`,
      )
      const server = await startServer(site)
      for (const subject of ['yes', 'no'])
        assert.deepEqual(
          await command(site, ['sendmail', '-f', 'a@b.test', 'x@example.com'], {
            input: `Subject: ${subject}\n\n`,
          }),
          { code: 0, out: '', err: '' },
        )
      await eventually(async () => {
        assert.match(
          server.output(),
          /pickup\[\d+\]: (\w+): uid=0 from=<a@b\.test>[\s\S]* \1: to=<x@example\.com>/,
        )
        assert.match(server.output(), /cleanup\[\d+\]: \w+: reject: header Subject: no from local/)
      })
      await stopServer(server)
    })
  })

  test('Postfix: authorized_mailq_users, authorized_flush_users, authorized_submit_users', async () => {
    await inFolder(async (folder) => {
      const site = await openSite(
        folder,
        'sample_accounts = no\nauthorized_mailq_users = nobody\nauthorized_flush_users = !nobody, static:anyone\nauthorized_submit_users = !nobody, static:all\nrelayhost = [127.0.0.1]:1',
      )
      const server = await startServer(site)
      assert.equal((await command(site, ['mailq'], { uid: nobody })).out, 'Mail queue is empty\n')
      const refused = await command(site, ['mailq'], { uid: other })
      assert.match(refused.err, /User .*\(65533\) is not allowed to view the mail queue/)
      assert.equal(refused.code, 77)
      assert.match((await command(site, ['postqueue', '-f'], { uid: nobody })).err, /not allowed to flush/)
      assert.equal((await command(site, ['postqueue', '-f'], { uid: other })).code, 0)
      assert.deepEqual(
        readdirSync(join(site.dataFolder, 'public', 'maildrop')),
        [],
        'nothing is left of the proofs',
      )
      for (const args of [['y@example.com'], ['-bv', 'y@example.com'], ['-t']]) {
        const input = 'To: y@example.com\n\n'
        const { code, err } = await command(site, ['sendmail', ...args], { uid: nobody, input })
        assert.equal(code, 77, 'while the caller can be told')
        assert.match(err, /^sendmail: fatal: User nobody\(65534\) is not allowed to submit mail\n$/)
      }
      // Who goes without sendmail is refused by the server.
      const forged = join(site.dataFolder, 'public', 'maildrop', '0'.repeat(32))
      writeFileSync(forged, '{"sender":"z","recipients":[{"address":"y@example.com"}]}\n\n', { mode: 0o644 })
      chownSync(forged, nobody, nobody)
      await command(site, ['sendmail', 'x@example.com'], { uid: other, input: '\n' })
      await eventually(async () => assert.match(await queueOf(site), /x@example\.com/))
      await server.says(/warning: [0-9a-f]{32}: not accepted: uid 65534 may not submit mail/)
      assert.doesNotMatch(await queueOf(site), /y@example\.com/)
      await stopServer(server)
    })
  })

  test('Postfix: local_login_sender_maps: whom sendmail may name as the sender, and what is left without it', async () => {
    await inFolder(async (folder) => {
      const site = await openSite(
        folder,
        'sample_accounts = no\nlocal_login_sender_maps = inline:{{nobody=nobody @own.test}}\nrelayhost = [127.0.0.1]:1',
      )
      const server = await startServer(site)
      const send = async (uid: number, sender: string) =>
        await command(site, ['sendmail', '-f', sender, 'y@example.com'], { uid, input: '\n' })
      assert.equal((await send(nobody, 'x@own.test')).code, 0)
      for (const [uid, sender, said] of [
        [nobody, 'x@else.test', "nobody(65534): not authorized to use sender='x@else.test'"],
        [0, 'x@own.test', "root(0): not authorized to use sender='x@own.test'"],
      ] as const)
        assert.deepEqual(await send(uid, sender), { code: 77, out: '', err: `sendmail: fatal: ${said}\n` })
      const forged = join(site.dataFolder, 'public', 'maildrop', '0'.repeat(32))
      writeFileSync(forged, '{"sender":"z@else.test","recipients":[{"address":"z@example.com"}]}\n\n', {
        mode: 0o644,
      })
      chownSync(forged, nobody, nobody)
      assert.equal((await send(nobody, 'nobody')).code, 0)
      await server.says(/warning: 0{32}: not accepted: uid 65534 may not send as <z@else\.test>/)
      await eventually(async () => assert.match(await queueOf(site), /in 2 Requests/))
      assert.doesNotMatch(await queueOf(site), /z@example\.com/)
      await stopServer(server)
    })
  })

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

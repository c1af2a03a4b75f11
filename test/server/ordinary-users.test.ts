/** mailq, postqueue and sendmail of users who are not the server's own. */
import assert from 'node:assert/strict'
import { chownSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { nobody, openSite, other, queueOf } from './other-users.ts'
import { command, eventually, inFolder, startServer, stopServer } from './running-server.ts'

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

  test("A5: edit neither configuration nor aliases, and remove nobody's mail", async () => {
    await inFolder(async (folder) => {
      const aliases = join(folder, 'aliases')
      writeFileSync(aliases, 'root: admin\n', { mode: 0o644 })
      const lines = `mail_owner = daemon\nsample_accounts = no\nrelayhost = [127.0.0.1]:1\nalias_maps = hash:${aliases}`
      const site = await openSite(folder, lines)
      const server = await startServer(site)
      await command(site, ['sendmail', 'x@example.net'], { input: 'Subject: a\n\n' })
      await eventually(async () => assert.match(await queueOf(site), /x@example\.net/))
      const set = await command(site, ['postconf', '-e', 'myhostname = evil.test'], { uid: nobody })
      assert.deepEqual([set.code, set.out], [1, ''])
      assert.match(
        set.err,
        /^postconf: fatal: open \S+ for writing: Permission denied\npostconf: run this as .*\n$/,
      )
      const added = await command(site, ['postalias', '-i', `hash:${aliases}`], {
        uid: nobody,
        input: 'root: me\n',
      })
      assert.notEqual(added.code, 0)
      assert.match(added.err, /Permission denied/)
      assert.equal(readFileSync(aliases, 'utf8'), 'root: admin\n')
      assert.deepEqual(
        readdirSync(folder).filter((name) => /\.tmp$/.test(name)),
        [],
      )
      for (const option of ['-d', '-h', '-r', '-e']) {
        const done = await command(site, ['postsuper', option, 'ALL'], { uid: nobody })
        assert.deepEqual(
          [done.code, done.err],
          [1, 'postsuper: fatal: use of this command is reserved for the superuser\n'],
        )
      }
      assert.match(await queueOf(site), /x@example\.net/)
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
})

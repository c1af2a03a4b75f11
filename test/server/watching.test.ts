/** Metrics, counts, the log and its rotation, of a server with several processes. */
import assert from 'node:assert/strict'
import { chmodSync, existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { createTransport } from 'nodemailer'
import { freePort } from '../free-port.ts'
import { command, createSite, eventually, inFolder, startServer, stopServer } from './running-server.ts'

test('metrics on a loopback port, posthorn stats and the log files tell the same of all processes', async () => {
  await inFolder(async (folder) => {
    const port = await freePort()
    const lines = (more = ''): string =>
      [
        'workers = 2',
        `metrics_listen = 127.0.0.1:${port}`,
        `maillog_file = ${folder}/maillog`,
        `log_json_file = ${folder}/log.json`,
        'maillog_file_compressor = gzip',
        more,
      ].join('\n')
    const site = await createSite(folder, lines())
    const server = await startServer(site)
    const transport = createTransport({ host: '127.0.0.1', port: site.ports.smtp, ignoreTLS: true })
    const send = async (subject: string): Promise<unknown> =>
      await transport.sendMail({ from: 'a@example.net', to: 'alice@example.org', subject, text: 'x' })
    for (let n = 0; n < 3; n++) await send(String(n))
    await eventually(async () => {
      const { out } = await command(site, ['stats', '--json'])
      assert.equal(JSON.parse(out).summary.delivered, 3)
    })
    const shown = await command(site, ['stats'])
    assert.match(shown.out, /^ *3 {2}deliveries$/m)
    assert.match(shown.out, /in the queue now: 0; connections: imap 0, pop3 0, smtp 0/)
    const page = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
    assert.match(page, /^posthorn_deliveries_total\{status="sent",agent="local"\} 3$/m)
    assert.equal((await fetch(`http://127.0.0.1:${port}/health`)).status, 200)
    assert.equal((await fetch(`http://127.0.0.1:${port}/etc/passwd`)).status, 404)
    assert.equal((await fetch(`http://127.0.0.1:${port}/metrics`, { method: 'POST' })).status, 405)

    const events = readFileSync(join(folder, 'log.json'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    assert.equal(events.filter(({ msg }) => /status=sent/.test(msg)).length, 3)
    const sent = await command(site, ['log', '--service', 'local', '--since', '1h'])
    assert.equal(
      sent.out
        .trim()
        .split('\n')
        .filter((line) => line.includes('status=sent')).length,
      3,
    )
    assert.equal((await command(site, ['log', '--id', 'NOSUCH'])).code, 1)

    assert.deepEqual(await command(site, ['postfix', 'logrotate']), { code: 0, out: '', err: '' })
    const old = readdirSync(folder).find((name) => /^maillog\.\d{8}-\d{6}\.gz$/.test(name))
    assert.ok(old, readdirSync(folder).join())
    await send('later')
    await eventually(() => assert.match(readFileSync(join(folder, 'maillog'), 'utf8'), /status=sent/))
    assert.doesNotMatch(gunzipSync(readFileSync(join(folder, old))).toString(), /later/)
    const every = await command(site, ['log', '--all', '--service', 'local', 'status=sent'])
    assert.equal(every.out.trim().split('\n').length, 4)
    const id = /: (\w+): to=/.exec(every.out)?.[1] ?? ''
    const told = await command(site, ['explain', id])
    assert.match(told.out, /client=[\s\S]*status=sent[\s\S]*removed[\s\S]*now: not in the queue/)
    const posted = await command(site, ['postlog', '-t', 'backup', '-p', 'warn', 'it\nis done'])
    assert.equal(posted.err, 'backup: warning: it?is done\n')
    assert.match(readFileSync(join(folder, 'maillog'), 'utf8'), / backup\[\d+\]: warning: it\?is done\n/)
    await stopServer(server)
    assert.equal((await command(site, ['stats'])).code, 1)
    assert.ok(existsSync(join(folder, 'maillog')))
  })
})

test('C12, C16, C17, I24: dovecot reload, the list of files, a main.cf that others may write, stop --drain', async () => {
  await inFolder(async (folder) => {
    const site = await createSite(
      folder,
      'sample_accounts = no\nrelayhost = [127.0.0.1]:1\nsmtp_connect_timeout = 1s',
    )
    chmodSync(folder, 0o755)
    chmodSync(site.mainCf, 0o666)
    const refused = await command(site, ['start'])
    assert.match(
      refused.err,
      /main\.cf: group or others may write it \(mode 666\)\n.*chmod go-w .*unsafe_files = warn/,
    )
    assert.equal(refused.code, 1)
    const wrong = await command(site, ['files'])
    assert.match(wrong.out, /^0666 .*main\.cf +configuration +chmod 644$/m)
    assert.equal(wrong.code, 1)
    chmodSync(site.mainCf, 0o640)
    const server = await startServer(site)
    assert.equal((await command(site, ['dovecot', 'reload'])).code, 0)
    await server.says(/reload -- version/)
    const files = await command(site, ['files'])
    assert.equal(files.code, 0, files.out)
    assert.match(files.out, /^1733 .*maildrop +mail that users leave$/m)
    assert.match(files.out, /^0700 .*store +mail, accounts, queue$/m)
    await command(site, ['sendmail', 'x@example.com'], { input: 'Subject: far\n\n' })
    const stopped = await command(site, ['stop', '--drain', '1'])
    assert.deepEqual(
      [stopped.code, stopped.out, stopped.err],
      [0, 'stopped\n', '1 message waits for the next start\n'],
    )
    await server.ended
  })
})

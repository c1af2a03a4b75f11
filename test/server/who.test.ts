/** `posthorn who` and `posthorn kick` on two workers. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  command,
  createSite,
  imapClient,
  inFolder,
  LineClient,
  startServer,
  stopServer,
} from './running-server.ts'

test('who is logged in, at whatever worker, and an end of his sessions', async () => {
  await inFolder(async (folder) => {
    const site = await createSite(
      folder,
      'workers = 2\nsample_accounts = no\ndisable_plaintext_auth = no\nsmtpd_tls_auth_only = no\nlmtp_port = 0',
    )
    for (const args of [['who'], ['kick', 'alice']]) {
      const { code, err } = await command(site, args)
      assert.equal(code, 1)
      assert.match(err, /^posthorn: the server is not running: none answers in /)
    }
    const server = await startServer(site)
    for (const user of ['alice', 'bob'])
      assert.equal((await command(site, ['user', 'add', user, '--password', 'secret'])).code, 0)
    assert.deepEqual(await command(site, ['who']), { code: 0, out: 'nobody is logged in\n', err: '' })
    const clients: LineClient[] = []
    for (let n = 0; n < 4; n++) clients.push(await imapClient(site, 'alice secret'))
    const bob = await imapClient(site, 'bob secret')
    const sender = await LineClient.connect(site.ports.submission, /^220 /)
    await sender.ask('EHLO client.example', /^250 /m)
    await sender.ask(`AUTH PLAIN ${Buffer.from('\0alice\0secret').toString('base64')}`, /^235 /)
    const stranger = await LineClient.connect(site.ports.imap, /^\* OK/)
    const { out } = await command(site, ['who'])
    assert.match(
      out,
      new RegExp(
        [
          '^account {12}sessions  protocol    addresses  since\\n',
          'alice@example\\.org  4         imap        127\\.0\\.0\\.1  \\d{4}-\\d\\d-\\d\\dT[\\d:]{8}Z\\n',
          'alice@example\\.org  1         submission  127\\.0\\.0\\.1  \\S+\\n',
          'bob@example\\.org    1         imap        127\\.0\\.0\\.1  \\S+\\n$',
        ].join(''),
      ),
    )
    const rows = (await command(site, ['who', '--json', 'ali*', '127.0.0.0/8'])).out.trim().split('\n')
    const parsed = rows.map((row) => JSON.parse(row) as Record<string, unknown>)
    assert.deepEqual(
      parsed.map(({ sinceMs, pids, ...row }) => [
        row,
        Math.abs(Date.now() - Number(sinceMs)) < 60_000,
        (pids as number[]).length,
      ]),
      [
        [{ user: 'alice@example.org', protocol: 'imap', count: 4, addresses: ['127.0.0.1'] }, true, 2],
        [{ user: 'alice@example.org', protocol: 'submission', count: 1, addresses: ['127.0.0.1'] }, true, 1],
      ],
    )
    assert.deepEqual(await command(site, ['who', '192.0.2.1']), {
      code: 0,
      out: 'nobody is logged in\n',
      err: '',
    })
    assert.match(
      (await command(site, ['doveadm', 'who', 'bob'])).out,
      /^username {8}# proto \(pids\) +\(ips\)\nbob@example\.org 1 imap {2}\(\d+\) +\(127\.0\.0\.1\)\n$/,
    )
    assert.deepEqual(await command(site, ['doveadm', 'kick', 'carol']), {
      code: 68,
      out: '',
      err: 'no users kicked\n',
    })
    for (const words of [['alice', '192.0.2.1'], ['carol']]) {
      const { code, err } = await command(site, ['kick', ...words])
      assert.deepEqual({ code, err }, { code: 67, err: `posthorn: no session of ${words.join(' at ')}\n` })
    }
    for (const words of [['127.0.0.1/33'], ['alice', 'bob'], []])
      assert.equal((await command(site, ['kick', ...words])).code, 64)
    assert.deepEqual(await command(site, ['kick', 'alice']), { code: 0, out: '5 sessions ended\n', err: '' })
    for (const client of clients)
      assert.match(await client.closed(), /^\* BYE Disconnected by the administrator\.\r\n$/m)
    assert.match(
      await sender.closed(),
      /^421 4\.7\.0 mail\.example\.org Error: disconnected by the administrator\r\n$/m,
    )
    await bob.ask('b noop', /^b OK/m)
    await stranger.ask('b login alice secret', /^b OK/m)
    const again = await imapClient(site, 'alice secret')
    assert.deepEqual(await command(site, ['doveadm', 'kick', 'alice@example.org', '127.0.0.0/8']), {
      code: 0,
      out: 'kicked connections from the following users:\nalice@example.org\n',
      err: '',
    })
    await again.closed()
    await stranger.closed()
    const last = await imapClient(site, 'alice secret')
    assert.deepEqual(await command(site, ['doveadm', 'reload']), { code: 0, out: '', err: '' })
    await last.ask('b noop', /^b OK/m)
    assert.deepEqual(await command(site, ['kick', '127.0.0.1']), {
      code: 0,
      out: '2 sessions ended\n',
      err: '',
    })
    await Promise.all([bob.closed(), last.closed()])
    assert.equal((await command(site, ['who'])).out, 'nobody is logged in\n')
    assert.equal((await stopServer(server)).code, 0)
  })
})

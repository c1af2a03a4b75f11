/** Dovecot's words for messages, beside a running server whose clients hear of what they do. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  command,
  createSite,
  eventually,
  imapClient,
  inFolder,
  sendMessage,
  startServer,
  stopServer,
} from './running-server.ts'

test('doveadm search, flags, copy, move, expunge: what they find and do, as Dovecot 2.3', async () => {
  await inFolder(async (folder) => {
    const site = await createSite(
      folder,
      'workers = 2\nsample_accounts = no\ndisable_plaintext_auth = no\nlmtp_port = 0',
    )
    const server = await startServer(site)
    for (const user of ['alice', 'bob'])
      assert.equal((await command(site, ['user', 'add', user, '--password', 'secret'])).code, 0)
    for (const subject of ['one', 'two', 'three', 'four']) await sendMessage(site, subject)
    const run = (...args: string[]) => command(site, ['doveadm', ...args])
    const done = async (...args: string[]): Promise<void> =>
      assert.deepEqual(await run(...args), { code: 0, out: '', err: '' }, args.join(' '))
    const guids = new Map<string, string>()
    for (const line of (await run('mailbox', 'status', '-u', 'alice', 'guid', '*')).out.trim().split('\n')) {
      const [, name = '', guid = ''] = /^(\S+) guid=(\w+)$/.exec(line) ?? []
      guids.set(guid, name)
    }
    const found = async (...query: string[]): Promise<string> => {
      const { code, out, err } = await run('search', '-u', 'alice', ...query)
      assert.deepEqual({ code, err }, { code: 0, err: '' }, query.join(' '))
      const lines = out.split('\n').filter((line) => line !== '')
      return lines.map((line) => line.replace(/^\w+/, (guid) => guids.get(guid) ?? guid)).join(', ')
    }
    await done('flags', 'add', '-u', 'alice', '\\Seen $Label', 'mailbox', 'inbox', 'uid', '2:3')
    await done('copy', '-u', 'alice', 'Archive', 'mailbox', 'INBOX', 'subject', 'FOUR')
    for (const [query, wanted] of [
      ['all', 'INBOX 1, INBOX 2, INBOX 3, INBOX 4, Archive 1'],
      ['mailbox INBOX seen', 'INBOX 2, INBOX 3'],
      ['mailbox INBOX not seen', 'INBOX 1, INBOX 4'],
      ['unkeyword $Label mailbox inbox', 'INBOX 1, INBOX 4'],
      ['mailbox INBOX 1:2,*', 'INBOX 1, INBOX 2, INBOX 4'],
      ['mailbox INBOX uid *:3', 'INBOX 3, INBOX 4'],
      ['( mailbox INBOX subject one ) or mailbox Arch*', 'INBOX 1, Archive 1'],
      ['( subject one or subject two ) seen', 'INBOX 2'],
      ['not mailbox INBOX', 'Archive 1'],
      [`mailbox-guid ${[...guids].find(([, name]) => name === 'Archive')?.[0]} all`, 'Archive 1'],
      ['mailbox Archive savedbefore 30d', ''],
      ['mailbox Archive savedsince 1w', 'Archive 1'],
      ['mailbox Archive since 2001-02-03 before 9999999999', 'Archive 1'],
      ['mailbox Archive sentsince 1-Jan-2001', 'Archive 1'],
      ['mailbox Archive larger 1k', ''],
      ['mailbox Archive smaller 1M', 'Archive 1'],
      ['header subject tw', 'INBOX 2'],
      ['mailbox Trash all', ''],
    ] as const)
      assert.equal(await found(...query.split(' ')), wanted, query)
    const idle = await imapClient(site, 'alice secret')
    await idle.ask('b select inbox\r\nc idle', /^\+ /m)
    await done('move', '-u', 'alice', 'Trash', 'mailbox', 'INBOX', 'seen')
    await idle.heard(/^\* 2 EXISTS|^\* 3 EXPUNGE|^\* 2 EXPUNGE/m)
    assert.equal(await found('all'), 'INBOX 1, INBOX 4, Archive 1, Trash 1, Trash 2')
    await done('expunge', '-A', 'mailbox', 'Trash', 'savedbefore', '30d')
    assert.equal(await found('mailbox', 'Trash'), 'Trash 1, Trash 2')
    await eventually(async () => {
      await done('expunge', '-A', 'mailbox', 'Trash', 'savedbefore', '1secs')
      assert.equal(await found('mailbox', 'Trash'), '')
    })
    await done('copy', '-u', 'bob', 'INBOX', 'user', 'alice', 'mailbox', 'INBOX', 'all')
    assert.match(
      (await run('search', '-A', 'mailbox', 'INBOX')).out,
      /^(?:alice@example\.org \w{32} [14]\n){2}(?:bob@example\.org \w{32} [12]\n){2}$/,
    )
    await done('flags', 'replace', '-u', 'bob', '\\Flagged', 'all')
    await done('flags', 'remove', '-u', 'bob', '\\Flagged', '1')
    assert.match((await run('search', '-u', 'bob', 'flagged')).out, /^\w{32} 2\n$/)
    idle.close()
    const alice = 'doveadm(alice): Error:'
    for (const [args, code, err] of [
      [
        'expunge -u alice all',
        64,
        'Fatal: expunge: To avoid accidents, search query must contain MAILBOX in all search branches',
      ],
      [
        'expunge -u alice ( mailbox INBOX seen ) or deleted',
        64,
        'Fatal: expunge: To avoid accidents, search query must contain MAILBOX in all search branches',
      ],
      [
        'expunge -u alice not mailbox INBOX all',
        64,
        'Fatal: expunge: To avoid accidents, search query must contain MAILBOX in all search branches',
      ],
      [
        'expunge -u alice mailbox INBOX',
        64,
        'Fatal: expunge: To avoid accidents, each branch in search query must contain something else besides MAILBOX (e.g. just add "all" if you want everything)',
      ],
      ['search -u alice', 64, 'doveadm search [-u <user>|-A] [-S <socket_path>] <search query>'],
      ['search -u alice nonsense x', 75, 'Fatal: Unknown argument NONSENSE'],
      ['search -u alice seen or deleted flagged', 75, 'Fatal: Use parenthesis when mixing ANDs and ORs'],
      ['search -u alice not', 75, 'Fatal: Missing argument'],
      ['search -u alice ( seen', 75, "Fatal: Missing ')'"],
      ['search -u alice larger', 75, 'Fatal: Missing parameter for search key (for search key: LARGER)'],
      ['search -u alice larger x', 75, 'Fatal: Invalid size: x'],
      ['search -u alice before 31-Feb-2026', 75, 'Fatal: Invalid search date parameter: 31-Feb-2026'],
      ['search -u alice uid x', 75, 'Fatal: Invalid UID messageset'],
      ['search -u alice 0', 75, 'Fatal: Invalid messageset'],
      ['flags add -u alice \\Nonsense all', 75, 'Fatal: Invalid system flag: \\Nonsense'],
      [
        'search -u alice@example.org mailbox nosuch all',
        68,
        `${alice.replace('alice', 'alice@example.org')} Couldn't get mailbox 'nosuch' GUID: Mailbox doesn't exist: nosuch`,
      ],
      [
        'move -u alice@example.org nosuch all',
        68,
        `${alice.replace('alice', 'alice@example.org')} Can't open mailbox 'nosuch': Mailbox doesn't exist: nosuch`,
      ],
      ['search -u nobody all', 67, "doveadm(nobody): Error: User doesn't exist"],
    ] as const)
      assert.deepEqual(await run(...args.split(' ')), { code, out: '', err: `${err}\n` }, args)
    assert.equal(await found('all'), 'INBOX 1, INBOX 4, Archive 1')
    assert.equal((await stopServer(server)).code, 0)
  })
})

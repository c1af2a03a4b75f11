/** `workers = 2`, seen from outside: consecutive connections are given to different workers. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { SMTPServer } from 'smtp-server'
import { freePort } from '../free-port.ts'
import {
  assertNothingRuns,
  command,
  createSite,
  eventually,
  imapClient,
  inFolder,
  LineClient,
  type RunningServer,
  type Site,
  sendMessage,
  startServer,
  stopServer,
} from './running-server.ts'

interface Process {
  readonly pid: number
  readonly connections: { readonly smtp: number; readonly imap: number; readonly pop3: number }
}

async function processes(site: Site): Promise<readonly Process[]> {
  const { out } = await command(site, ['status', '--json'])
  return (JSON.parse(out) as { processes: readonly Process[] }).processes
}

async function assertSpread(site: Site, wanted: readonly number[]): Promise<void> {
  const counts = (await processes(site)).map(({ connections }) => connections.imap)
  assert.deepEqual(counts.sort(), wanted, 'the connections are not on different workers')
}

async function withWorkers(
  workers: number,
  lines: string,
  run: (site: Site, server: RunningServer) => Promise<void>,
): Promise<void> {
  await inFolder(async (folder) => {
    const site = await createSite(
      folder,
      `workers = ${workers}\nsample_accounts = no\ndisable_plaintext_auth = no\n${lines}`,
    )
    const server = await startServer(site)
    const added = await command(site, ['user', 'add', 'alice@example.org', '--password', 'secret'])
    assert.equal(added.code, 0, added.err)
    await run(site, server)
    const { code, out, err } = await stopServer(server)
    assert.equal(code, 0, out + err)
    await assertNothingRuns(site)
    const checked = await command(site, ['store', 'check'])
    assert.equal(checked.code, 0, checked.out + checked.err)
  })
}

const login = 'user alice@example.org\r\npass secret'

test('a message delivered through one worker is pushed to the idle client of another; flags and expunges are seen', async () => {
  await withWorkers(3, '', async (site) => {
    const clients = [await imapClient(site), await imapClient(site), await imapClient(site)]
    await assertSpread(site, [1, 1, 1])
    for (const client of clients) await client.ask('b select inbox', /^b OK/m)
    for (const client of clients) await client.ask('c idle', /^\+ /m)
    await sendMessage(site, 'one')
    for (const client of clients) await client.heard(/^\* 1 EXISTS/m)
    await sendMessage(site, 'two')
    for (const client of clients) await client.heard(/^\* 2 EXISTS/m)
    const [first, second, third] = clients
    assert.ok(first && second && third)
    await first.ask('done', /^c OK/m)
    await first.ask('d store 1 +flags (\\flagged)', /^d OK/m)
    for (const other of [second, third]) await other.heard(/^\* 1 FETCH .*\\Flagged/m)
    await first.ask('e store 1 +flags.silent (\\deleted)\r\nf expunge', /^f OK/m)
    for (const other of [second, third]) await other.heard(/^\* 1 EXPUNGE/m)
    await second.ask('done', /^c OK/m)
    assert.match(await second.ask('g fetch 1:* flags', /^g OK/m), /^\* 1 FETCH /m)
    const made = await command(site, ['mailbox', 'create', 'alice@example.org', 'Made outside'])
    assert.equal(made.code, 0, made.err)
    await second.ask('h list "" "Made*"', /"?Made outside"?\r\nh OK/)
  })
})

test('RFC 3501 §2.3.2: a message is \\Recent to one session alone, whichever worker that has', async () => {
  await withWorkers(3, '', async (site) => {
    const clients = [await imapClient(site), await imapClient(site), await imapClient(site)]
    await assertSpread(site, [1, 1, 1])
    clients.push(await imapClient(site), await imapClient(site), await imapClient(site))
    for (const client of clients) await client.ask('b select inbox\r\nc idle', /^\+ /m)
    const count = 8
    for (let n = 1; n <= count; n++) {
      await sendMessage(site, `message ${n}`)
      for (const client of clients) await client.heard(new RegExp(`^\\* ${n} EXISTS`, 'm'))
    }
    const late = await imapClient(site)
    clients.push(late)
    await late.ask('b select inbox', /^b OK/m)
    const seen: number[] = []
    for (const client of clients) {
      if (client !== late) await client.ask('done', /^c OK/m)
      const answer = await client.ask('d search recent', /^d OK/m)
      const found = /^\* SEARCH([ \d]*)\r$/m.exec(answer)?.[1]?.trim() ?? ''
      if (found !== '') seen.push(...found.split(' ').map(Number))
    }
    const all = Array.from({ length: count }, (_, at) => at + 1)
    assert.deepEqual(
      seen.sort((a, b) => a - b),
      all,
    )
    await eventually(async () => {
      await late.ask('e status inbox (recent)', /RECENT 0\)/)
    })
  })
})

test('a worker that is stopped is killed and replaced, whatever it held', async () => {
  await withWorkers(2, 'worker_hang_limit = 6s', async (site) => {
    const before = (await processes(site)).map(({ pid }) => pid)
    const [hung] = before
    assert.ok(hung)
    // In the middle of its work, if it can be.
    const sent = sendMessage(site, 'one').catch(() => {})
    process.kill(hung, 'SIGSTOP')
    await eventually(async () => {
      const pids = (await processes(site)).map(({ pid }) => pid)
      assert.equal(pids.length, 2)
      assert.ok(!pids.includes(hung))
    }, 120_000)
    await sent
    for (const subject of ['two', 'three', 'four']) await sendMessage(site, subject)
  })
})

test('POP3: the maildrop is locked for all workers [IN-USE], and free after the session', async () => {
  await withWorkers(2, '', async (site) => {
    const first = await LineClient.connect(site.ports.pop3, /^\+OK/)
    await first.ask(login, /^\+OK.*\r\n\+OK/)
    for (let n = 0; n < 2; n++) {
      const other = await LineClient.connect(site.ports.pop3, /^\+OK/)
      await other.ask(login, /^\+OK.*\r\n-ERR \[IN-USE\]/)
      other.close()
    }
    await first.ask('quit', /^\+OK/)
    await eventually(async () => {
      const next = await LineClient.connect(site.ports.pop3, /^\+OK/)
      await next.ask(login, /^\+OK.*\r\n\+OK/)
      next.close()
    })
  })
})

test('a changed password holds at once in all workers, and a new account is known', async () => {
  await withWorkers(2, '', async (site) => {
    for (let n = 0; n < 2; n++) (await imapClient(site)).close()
    await command(site, ['user', 'passwd', 'alice@example.org', '--password', 'changed'])
    await command(site, ['user', 'add', 'bob@example.org', '--password', 'secret'])
    for (let n = 0; n < 2; n++) {
      const old = await LineClient.connect(site.ports.imap, /^\* OK/)
      await old.ask('a login alice@example.org secret', /^a NO \[AUTHENTICATIONFAILED\]/m)
      old.close()
      await sendMessage(site, 'for bob', 'bob@example.org')
    }
    for (let n = 0; n < 2; n++) {
      ;(await imapClient(site, 'alice@example.org changed')).close()
      const bob = await imapClient(site, 'bob@example.org secret')
      await bob.ask('b status inbox (messages)', /MESSAGES 2\)/)
      bob.close()
    }
  })
})

test('the greylist is one for all workers', async () => {
  const lines =
    'greylist_delay = 1s\nsmtpd_recipient_restrictions = reject_unauth_destination, greylist\nmynetworks ='
  await withWorkers(2, lines, async (site) => {
    const rcpt = async (wanted: RegExp): Promise<void> => {
      const smtp = await LineClient.connect(site.ports.smtp, /^220 /)
      await smtp.ask('ehlo client.test', /^250 /m)
      await smtp.ask('mail from:<s@example.net>', /^250 /m)
      const reply = await smtp.ask('rcpt to:<alice@example.org>', /^\d{3} .*\r\n/)
      smtp.close()
      assert.match(reply, wanted)
    }
    await rcpt(/^450 4\.2\.0 /)
    await eventually(async () => await rcpt(/^250 /), 15_000)
    // Both know it now: the next connections go to one and to the other.
    await rcpt(/^250 /)
    await rcpt(/^250 /)
  })
})

test('login failures count for all workers together', async () => {
  // Loopback is never locked out, so the client comes from elsewhere, through a proxy.
  const stranger = 'PROXY TCP4 203.0.113.9 203.0.113.1 40000 143\r\n'
  const lines = 'haproxy_trusted_networks = 127.0.0.1\nauth_failure_limit = 4\nauth_failure_delay = 0'
  await withWorkers(2, lines, async (site) => {
    const login = async (password: string): Promise<string> => {
      const imap = await LineClient.connect(site.ports.imap, /^\* OK/, stranger)
      const reply = await imap.ask(`a login alice@example.org ${password}`, /^a .*\r\n/m)
      imap.close()
      return reply
    }
    for (let n = 0; n < 4; n++) assert.match(await login(`wrong${n}`), /^a NO /m)
    for (let n = 0; n < 2; n++) assert.match(await login('secret'), /^a NO /m)
  })
})

test('mail for elsewhere is delivered once, whichever worker took it; postqueue -f reaches them', async () => {
  const received: string[] = []
  let busy = true
  const elsewhere = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    onConnect: (_, done) => done(busy ? Object.assign(new Error('Busy'), { responseCode: 421 }) : undefined),
    onData: (stream, _, done) => {
      let text = ''
      stream.on('data', (chunk: Buffer) => {
        text += chunk.toString()
      })
      stream.on('end', () => {
        received.push(/^Subject: (.*)$/m.exec(text)?.[1]?.trim() ?? '')
        done()
      })
    },
  })
  const port = await freePort()
  await new Promise<void>((resolve) => elsewhere.listen(port, '127.0.0.1', resolve))
  try {
    await withWorkers(2, `relayhost = [127.0.0.1]:${port}`, async (site, server) => {
      const subjects = Array.from({ length: 12 }, (_, n) => `message ${n}`)
      await Promise.all(subjects.map(async (subject) => await sendMessage(site, subject, 'x@elsewhere.test')))
      await eventually(() => assert.equal(server.output().match(/status=deferred/g)?.length, 12))
      busy = false
      assert.equal((await command(site, ['postqueue', '-f'])).code, 0)
      await eventually(async () => assert.match((await command(site, ['mailq'])).out, /is empty/))
      assert.deepEqual(received.sort(), subjects.sort())
    })
  } finally {
    await new Promise<void>((resolve) => elsewhere.close(resolve))
  }
})

test('kill -9 of a worker: the others go on, it is replaced, its lock is free, nothing is lost', async () => {
  await withWorkers(2, '', async (site, server) => {
    await sendMessage(site, 'before')
    const pop3 = await LineClient.connect(site.ports.pop3, /^\+OK/)
    await pop3.ask(login, /^\+OK.*\r\n\+OK/)
    const before = await processes(site)
    const victim = before.find(({ connections }) => connections.pop3 === 1)
    assert.ok(victim)
    process.kill(victim.pid, 'SIGKILL')
    await pop3.closed()
    await sendMessage(site, 'meanwhile')
    await server.says(new RegExp(`worker pid ${victim.pid} ended: SIGKILL`))
    await eventually(async () => {
      const after = await processes(site)
      assert.equal(after.length, 2)
      assert.ok(after.every(({ pid }) => pid !== victim.pid))
    })
    await eventually(async () => {
      const again = await LineClient.connect(site.ports.pop3, /^\+OK/)
      await again.ask(login, /^\+OK.*\r\n\+OK/)
      await again.ask('stat', /^\+OK 2 /)
      again.close()
    })
    await eventually(() => assert.equal(readdirSync(join(site.dataFolder, 'store', 'processes')).length, 2))
  })
})

test('what a worker that took the place of another takes in is pushed to the idle clients of those that were there before', async () => {
  await withWorkers(3, '', async (site, server) => {
    const client = await imapClient(site)
    const own = (await processes(site)).find(({ connections }) => connections.imap === 1)?.pid
    await client.ask('b select inbox', /^b OK/m)
    await client.ask('c idle', /^\+ /m)
    const others = processesOf(server).filter((pid) => pid !== own)
    for (const pid of others) process.kill(pid, 'SIGKILL')
    await eventually(() => {
      const now = processesOf(server)
      assert.ok(now.length === 3 && !others.some((pid) => now.includes(pid)))
    })
    await eventually(async () => assert.equal((await processes(site)).length, 3))
    // One through each, whoever is next.
    for (let n = 1; n <= 3; n++) {
      await sendMessage(site, `message ${n}`)
      await client.heard(new RegExp(`^\\* ${n} EXISTS`, 'm'))
    }
  })
})

test('a replaced worker starts with the configuration in force, not with a faulty main.cf', async () => {
  await withWorkers(2, '', async (site, server) => {
    site.configure(
      'workers = 2\nsample_accounts = no\ndisable_plaintext_auth = no\nmessage_size_limit = 4711',
    )
    assert.equal((await command(site, ['reload'])).code, 0)
    site.configure('workers = 2\nsmtpd_bannr = x')
    const [victim] = processesOf(server)
    assert.ok(victim !== undefined)
    process.kill(victim, 'SIGKILL')
    await eventually(async () => {
      const now = processesOf(server)
      assert.ok(now.length === 2 && !now.includes(victim))
      for (let n = 0; n < 2; n++) {
        const smtp = await LineClient.connect(site.ports.smtp, /^220 /)
        await smtp.ask('ehlo client.test', /^250-SIZE 4711\r/m)
        smtp.close()
      }
    })
    site.configure('workers = 2\nsample_accounts = no')
  })
})

test('kill -9 of the primary: no worker stays, and the next start finds everything', async () => {
  await inFolder(async (folder) => {
    const site = await createSite(folder, 'workers = 2\nsample_accounts = no\ndisable_plaintext_auth = no')
    const first = await startServer(site)
    await command(site, ['user', 'add', 'alice@example.org', '--password', 'secret'])
    await sendMessage(site, 'kept')
    const workers = processesOf(first)
    assert.equal(workers.length, 2)
    first.signal('SIGKILL')
    await first.ended
    for (const pid of workers)
      await eventually(() => assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' }))
    const second = await startServer(site)
    const imap = await imapClient(site)
    await imap.ask('b select inbox', /^\* 1 EXISTS/m)
    assert.equal((await stopServer(second)).code, 0)
    await assertNothingRuns(site)
  })
})

/** The children of the primary, without asking it: its main.cf may be faulty. */
function processesOf(server: RunningServer): readonly number[] {
  const text = readFileSync(`/proc/${server.pid}/task/${server.pid}/children`, 'utf8')
  return text
    .trim()
    .split(' ')
    .filter((word) => word !== '')
    .map(Number)
}

/** A full disk, and one that became read-only, as clients and administrators meet them. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { ImapTalk, SmtpTalk } from '../clients/dialogue.ts'
import { eventually } from '../clients/mail-server.ts'
import { readMailbox } from '../clients/mailbox-reader.ts'
import { Wire } from '../clients/wire.ts'
import { freePorts } from '../free-port.ts'
import { SmallDisk } from './small-disk.ts'
import { posthorn, type SpawnedServer, spawnServer } from './spawned-server.ts'

const alice = { address: 'alice@example.org', password: 'secret' }
const waitMs = 60_000
const line = `${'x'.repeat(70)}\r\n`
const letter = (n: number, octets: number): string =>
  `Subject: letter ${n}\r\n\r\n${line.repeat(Math.ceil(octets / line.length))}`

interface Site {
  readonly disk: SmallDisk
  readonly folder: string
  readonly server: SpawnedServer
  readonly submissionPort: number
  readonly lmtpPort: number
}

const start = async (disk: SmallDisk): Promise<Site> => {
  const folder = join(disk.path, 'data')
  const [submissionPort = 0, lmtpPort = 0] = await freePorts(2)
  const server = await spawnServer(
    folder,
    `protocols = imap pop3 lmtp\ndisable_plaintext_auth = no\nlmtp_port = ${lmtpPort}\nmessage_size_limit = 0\n`,
    { submissionPort },
  )
  await posthorn(folder, 'user', 'add', alice.address, '--password', alice.password)
  return { disk, folder, server, submissionPort, lmtpPort }
}

/** What the command printed, whether it went well or not. */
const command = async (folder: string, ...args: string[]): Promise<{ ok: boolean; text: string }> =>
  await posthorn(folder, ...args).then(
    (text) => ({ ok: true, text }),
    (error: Error) => ({ ok: false, text: error.message }),
  )

const pop3 = async (port: number, lines: readonly string[]): Promise<string[]> => {
  const wire = await Wire.open(port)
  await wire.hears(/^\+OK.*\r\n/, waitMs)
  const answers: string[] = []
  for (const each of [`USER ${alice.address}`, `PASS ${alice.password}`, ...lines]) {
    const from = wire.heard.length
    wire.send(`${each}\r\n`)
    await wire.hears(new RegExp(`^[\\s\\S]{${from}}(\\+OK|-ERR)[^\\n]*\\r\\n`), waitMs)
    answers.push(wire.heard.slice(from).trim())
  }
  wire.close()
  return answers
}

const smtpRefuses = async (site: Site, wanted: RegExp, octets: number): Promise<void> => {
  const sessions = [
    await SmtpTalk.open(site.server.smtpPort),
    await SmtpTalk.login(site.submissionPort, alice),
    await SmtpTalk.open(site.lmtpPort, 'LHLO client.example.net'),
  ]
  for (const [index, talk] of sessions.entries()) {
    const answer = await talk.message(alice.address, alice.address, letter(5_000, octets))
    assert.match(answer, wanted, ['smtp', 'submission', 'lmtp'][index])
    talk.wire.close()
  }
}

const subjects = async (site: Site, mailbox: string): Promise<number[]> => {
  const seen = await readMailbox(site.server.imapPort, alice, mailbox)
  return seen.map(({ source }) => Number(/^Subject: letter (\d+)/m.exec(source.toString('latin1'))?.[1]))
}

test('a full disk: mail is refused for now on each protocol, reading and deleting work, commands say it, and it recovers', async (t) => {
  const disk = SmallDisk.mount(64)
  if (disk === undefined) return t.skip('loop mounts are not permitted here')
  let site: Site | undefined
  try {
    site = await start(disk)
    const { server, folder } = site
    const talk = await SmtpTalk.open(server.smtpPort)
    const imap = await ImapTalk.login(server.imapPort, alice)
    const accepted: number[] = []
    let answer = ''
    for (let n = 1; n < 1_000 && !answer.startsWith('4'); n++) {
      answer = await talk.message('a@b.example', alice.address, letter(n, 200_000))
      if (answer.startsWith('250 ')) accepted.push(n)
    }
    assert.match(answer, /^452 4\.3\.1 /)
    await talk.say('RSET')
    disk.fill()
    await smtpRefuses(site, /^452 4\.3\.1 /, 200_000)
    assert.match(await talk.say('MAIL FROM:<a@b.example> SIZE=30000000'), /^452 4\.3\.1 /)
    talk.wire.close()

    await imap.say('SELECT INBOX', waitMs)
    const large = letter(6_000, 300_000)
    assert.match(
      await imap.say(`APPEND INBOX {${large.length}+}\r\n${large}`, waitMs),
      /NO \[(UNAVAILABLE|OVERQUOTA)\]/,
    )
    const several = letter(6_001, 3_000_000)
    assert.match(
      await imap.say(`APPEND INBOX {${several.length}+}\r\n${several}`, waitMs),
      /NO \[(UNAVAILABLE|OVERQUOTA)\]/,
    )
    assert.match(await imap.say('FETCH 1 (BODY.PEEK[HEADER] RFC822.SIZE)', waitMs), /letter 1\r\n/)
    for (const each of ['CREATE More', 'COPY 1:3 Archive', 'STORE 1:3 +FLAGS (\\Flagged)', 'NOOP'])
      assert.match(await imap.say(each, waitMs), /(^|\n)(OK|NO \[(UNAVAILABLE|OVERQUOTA)\])/, each)

    const added = await command(folder, 'user', 'add', 'bob@example.org', '--password', 'secret')
    assert.ok(added.ok || /no space left/.test(added.text), added.text)
    const saved = await command(folder, 'backup', join(disk.path, 'backup'))
    assert.ok(!saved.ok && /no space left/i.test(saved.text), saved.text)
    for (const args of [
      ['user', 'list'],
      ['store', 'check'],
      ['user', 'add', 'carol@example.org', '--password', 'x'],
    ]) {
      const { text } = await command(folder, ...args)
      assert.doesNotMatch(text, /\n +at /, `${args.join(' ')} shows a stack`)
    }
    disk.fill()

    assert.match(await imap.say('UNSELECT', waitMs), /OK/)
    const gone = await pop3(server.pop3Port, ['DELE 1', 'DELE 2', 'QUIT'])
    assert.match(gone.at(-1) ?? '', /^\+OK/, 'deleting works on a full disk')
    await imap.say('SELECT INBOX', waitMs)
    assert.match(await imap.say('STORE 1:20 +FLAGS.SILENT (\\Deleted)', waitMs), /OK/)
    assert.match(await imap.say('EXPUNGE', waitMs), /OK Expunge/)
    const left = accepted.slice(22)
    assert.deepEqual(await subjects(site, 'INBOX'), left)
    assert.deepEqual([server.child.exitCode, server.child.signalCode], [null, null])

    disk.giveBack()
    const again = await eventually('mail is accepted again', async () => {
      const next = await SmtpTalk.open(server.smtpPort)
      const said = await next.message('a@b.example', alice.address, letter(9_000, 2_000))
      next.wire.close()
      return said.startsWith('250 ') ? true : undefined
    })
    assert.ok(again)
    assert.match(await imap.say('CREATE Later', waitMs), /OK/)
    assert.deepEqual(await subjects(site, 'INBOX'), [...left, 9_000])
    imap.wire.close()
    assert.equal(await server.stop(), 0)
    const checked = await command(folder, 'store', 'check')
    assert.match(checked.text, /: ok/)
  } finally {
    await site?.server.kill()
    disk.remove()
  }
})

test('a disk that becomes read-only: mail is refused for now, reading works, and nothing acknowledged is lost', async (t) => {
  const disk = SmallDisk.mount(96)
  if (disk === undefined) return t.skip('loop mounts are not permitted here')
  let site: Site | undefined
  try {
    site = await start(disk)
    const { server, folder } = site
    const talk = await SmtpTalk.open(server.smtpPort)
    const accepted: number[] = []
    for (let n = 1; n <= 30; n++) {
      const answer = await talk.message('a@b.example', alice.address, letter(n, 3_000))
      assert.match(answer, /^250 /)
      accepted.push(n)
    }
    const imap = await ImapTalk.login(server.imapPort, alice)
    await imap.say('SELECT INBOX', waitMs)
    disk.abort()
    await smtpRefuses(site, /^4\d\d 4\.3\.\d /, 3_000)
    const small = letter(6_000, 300)
    assert.match(await imap.say(`APPEND INBOX {${small.length}+}\r\n${small}`, waitMs), /NO \[UNAVAILABLE\]/)
    for (const each of ['CREATE More', 'COPY 1:3 Archive', 'STORE 1:3 +FLAGS (\\Answered)'])
      assert.match(await imap.say(each, waitMs), /NO \[UNAVAILABLE\]/, each)
    assert.match(await imap.say('FETCH 1:30 (BODY.PEEK[HEADER])', waitMs), /letter 30\r\n/)
    const second = await ImapTalk.login(server.imapPort, alice)
    assert.match(await second.say('EXAMINE INBOX', waitMs), /30 EXISTS/)
    second.wire.close()
    const third = await ImapTalk.login(server.imapPort, alice)
    assert.match(await third.say('SELECT INBOX', waitMs), /30 EXISTS/)
    third.wire.close()
    const read = await pop3(server.pop3Port, ['STAT', 'RETR 30', 'DELE 1', 'QUIT'])
    assert.match(read[2] ?? '', /^\+OK 30 /, 'mail can be read')
    assert.match(read[3] ?? '', /^\+OK[\s\S]*letter 30/)
    assert.match(read.at(-1) ?? '', /^-ERR \[SYS\/TEMP\]/, 'and not be removed')
    const { ok, text } = await command(folder, 'user', 'list')
    assert.ok(!ok && /EROFS|read-only/.test(text), text)
    assert.doesNotMatch(text, /\n +at /, 'no stack')
    assert.match(server.output(), /read-only|EROFS/, 'the administrator is told')
    assert.deepEqual([server.child.exitCode, server.child.signalCode], [null, null])
    imap.wire.close()
    talk.wire.close()
    await server.kill()
    disk.unmount()
    disk.mountAgain()
    const next = await spawnServer(folder, 'disable_plaintext_auth = no\n')
    site = { ...site, server: next }
    assert.deepEqual(await subjects(site, 'INBOX'), accepted)
    assert.equal(await next.stop(), 0)
    const checked = await command(folder, 'store', 'check')
    assert.match(checked.text, /: ok/)
  } finally {
    await site?.server.kill()
    disk.remove()
  }
})

import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { MailServer } from '@posthorn/server'
import { alice, bob, startForClients } from './mail-server.ts'
import { withImap } from './mailbox-reader.ts'
import { mustRun } from './run-client.ts'

let server: MailServer
const root = mkdtempSync(join(tmpdir(), 'imap-programs-'))

before(async () => {
  server = await startForClients()
})
after(async () => {
  await server.stop()
  rmSync(root, { recursive: true })
})

test("Ruby's Net::IMAP: STARTTLS and TLS; names, append, fetch, search, sort, thread, flags, ACL, idle", async () => {
  const script = `
require 'net/imap'
plain, secure, user, password, other = ARGV
tls = { verify_mode: OpenSSL::SSL::VERIFY_NONE }
[[plain, nil], [secure, tls]].each_with_index do |(port, ssl), turn|
  c = Net::IMAP.new('127.0.0.1', port: port.to_i, ssl: ssl)
  c.starttls(tls) unless ssl
  turn == 0 ? c.authenticate('PLAIN', user, password) : c.login(user, password)
  must = ->(what, found) { raise what unless found }
  must.('namespace', c.namespace.personal[0].delim == '/')
  box = Net::IMAP.encode_utf7("R\\u00fcby \\u65e5#{turn}")
  c.create(box); c.subscribe(box)
  must.('list', c.list('', '*').any? { |m| Net::IMAP.decode_utf7(m.name).start_with?("R\\u00fcby") })
  must.('lsub', c.lsub('', '*').any? { |m| m.name == box })
  3.times do |n|
    text = "From: a@b.example\\r\\nSubject: s#{n}\\r\\nDate: Thu, 1 Jan 2026 00:00:0#{n} +0000\\r\\n\\r\\nbody #{n}\\r\\n"
    must.('append', c.append(box, text, [:Seen], Time.now).data.code.name == 'APPENDUID')
  end
  must.('status', c.status(box, %w[MESSAGES UNSEEN UIDNEXT]) == { 'MESSAGES' => 3, 'UNSEEN' => 0, 'UIDNEXT' => 4 })
  c.select(box)
  first = c.fetch(1..3, %w[FLAGS UID ENVELOPE BODYSTRUCTURE INTERNALDATE RFC822.SIZE])[0].attr
  must.('envelope', first['ENVELOPE'].subject == 's0' && first['ENVELOPE'].from[0].mailbox == 'a')
  must.('structure', first['BODYSTRUCTURE'].media_type == 'TEXT')
  must.('text', c.uid_fetch([1, 2], 'BODY.PEEK[TEXT]').map { |m| m.attr['BODY[TEXT]'] } == ["body 0\\r\\n", "body 1\\r\\n"])
  must.('search', c.search(%w[SUBJECT s1]) == [2] && c.uid_search('ALL') == [1, 2, 3])
  must.('sort', c.sort(%w[REVERSE SUBJECT], 'ALL', 'UTF-8') == [3, 2, 1])
  must.('thread', c.thread('REFERENCES', 'ALL', 'UTF-8').map(&:seqno) == [1, 2, 3])
  must.('store', c.store(1, '+FLAGS', [:Flagged, 'kw'])[0].attr['FLAGS'].include?('kw'))
  must.('copy', c.copy(1, 'Trash').data.code.name == 'COPYUID')
  c.uid_move(2, 'Archive')
  c.setacl(box, other, 'lr')
  must.('acl', c.getacl(box).any? { |a| a.user == other && a.rights == 'lr' })
  heard = []
  idling = Thread.new { c.idle(20) { |r| heard << r; c.idle_done if r.respond_to?(:name) && r.name == 'EXISTS' } }
  sleep 0.1 until heard.any?
  d = Net::IMAP.new('127.0.0.1', port: plain.to_i); d.login(user, password)
  d.append(box, "Subject: x\\r\\n\\r\\ny"); d.logout; d.disconnect
  idling.join
  c.store(1, '+FLAGS', [:Deleted]); must.('expunge', c.expunge.last == 1)
  c.close; c.rename(box, box + 'x'); c.delete(box + 'x'); c.logout; c.disconnect
end
puts 'done'`
  const { stdout } = await mustRun('ruby', [
    '-e',
    script,
    String(server.ports.imap),
    String(server.ports.imaps),
    bob.address,
    bob.password,
    alice.address,
  ])
  assert.match(stdout, /done/)
})

test('imapfilter: searches, flags, copies, moves and deletes by rules', async () => {
  const folder = join(root, 'imapfilter')
  mkdirSync(folder)
  const account = ({ address, password }: typeof alice): string =>
    `IMAP { server = '127.0.0.1', port = ${server.ports.imap}, username = ${JSON.stringify(address)}, password = ${JSON.stringify(password)} }`
  writeFileSync(
    join(folder, 'config.lua'),
    `options.starttls = false; options.create = true; options.subscribe = true
a = ${account(alice)}
a:create_mailbox('Rules/One')
for i = 1, 5 do
  a.INBOX:append_message('From: x' .. i .. '@example.org\\r\\nSubject: lua ' .. i .. '\\r\\n\\r\\nbody ' .. i .. '\\r\\n')
end
exist, recent, unseen, uidnext = a.INBOX:check_status()
print('status', exist, unseen, uidnext)
found = a.INBOX:contain_subject('lua 3') + a.INBOX:contain_from('x4@')
found:mark_flagged(); found:move_messages(a['Rules/One'])
rest = a.INBOX:is_unseen() * a.INBOX:is_smaller(1000) - a.INBOX:contain_body('body 5')
rest:copy_messages(a.Archive); rest:mark_seen(); rest:add_flags({ 'done' })
a['Rules/One']:match_subject('lua [34]'):delete_messages()
print('left', #a['Rules/One']:select_all(), #a.INBOX:has_keyword('done'), #a.Archive:select_all())
a:rename_mailbox('Rules/One', 'Rules/Two'); a:delete_mailbox('Rules/Two')
`,
  )
  const { stdout } = await mustRun('imapfilter', ['-c', join(folder, 'config.lua')], { cwd: folder })
  assert.match(stdout, /^status\t5\t5\t6$/m)
  assert.match(stdout, /^left\t0\t2\t2$/m)
})

test('interimap: two servers kept alike with QRESYNC, flags, expunges and mailboxes both ways', async () => {
  const [one, other] = [await startForClients(), await startForClients()]
  try {
    const folder = join(root, 'interimap')
    mkdirSync(folder, { mode: 0o700 })
    const side = (port: number): string =>
      `type = imap\nhost = 127.0.0.1\nport = ${port}\nusername = ${alice.address}\npassword = ${alice.password}\nSTARTTLS = NO\nauth = PLAIN\n`
    const file = join(folder, 'config')
    const here = one.ports.imap as number
    const there = other.ports.imap as number
    writeFileSync(file, `database = pair.db\n[local]\n${side(here)}[remote]\n${side(there)}`, { mode: 0o600 })
    const synchronise = async (): Promise<string> => {
      const call = { cwd: folder, env: { XDG_DATA_HOME: folder }, timeoutMs: 60_000 }
      const { stdout, stderr } = await mustRun('interimap', [`--config=${file}`], call)
      return stdout + stderr
    }
    const fill = (port: number, box: string, name: string, count: number) =>
      withImap(port, alice, async (client) => {
        await client.mailboxCreate(box)
        for (let n = 0; n < count; n++)
          await client.append(box, `Subject: ${name}${n}\r\n\r\nx\r\n`, ['\\Seen'])
      })
    await fill(here, 'Pair', 'here', 6)
    await synchronise()
    await fill(there, 'Pair', 'there', 5)
    await synchronise()
    const change = (port: number, gone: string, uid: string, flag: string) =>
      withImap(port, alice, async (client) => {
        const lock = await client.getMailboxLock('Pair')
        await client.messageDelete(gone, { uid: true })
        await client.messageFlagsAdd(uid, [flag], { uid: true })
        lock.release()
      })
    await change(here, '1:2', '11', 'kw')
    await change(there, '4', '6', '\\Flagged')
    const said = await synchronise()
    assert.doesNotMatch(said, /WARNING|ERROR/i)
    const state = (port: number) =>
      withImap(port, alice, async (client) => {
        const lock = await client.getMailboxLock('Pair')
        const messages = await client.fetchAll('1:*', { envelope: true, flags: true })
        lock.release()
        return messages
          .map(({ envelope, flags }) => `${envelope?.subject} ${[...(flags ?? [])].sort().join()}`)
          .sort()
      })
    const [ours, theirs] = [await state(here), await state(there)]
    assert.equal(ours.length, 8)
    assert.deepEqual(ours, theirs)
  } finally {
    await one.stop()
    await other.stop()
  }
})

test('imapcopy: carries a user to another server, with the flags of the first as they came', async () => {
  const other = await startForClients()
  try {
    const folder = join(root, 'imapcopy')
    mkdirSync(folder)
    const config =
      `SourceServer 127.0.0.1\nSourcePort ${server.ports.imap}\nDestServer 127.0.0.1\nDestPort ${other.ports.imap}\n` +
      `Copy "${alice.address}" "${alice.password}" "${alice.address}" "${alice.password}"\n`
    writeFileSync(join(folder, 'ImapCopy.cfg'), config)
    await withImap(server.ports.imap, alice, async (client) => {
      await client.mailboxCreate('Copied')
      for (let n = 1; n <= 3; n++)
        await client.append(
          'Copied',
          `Subject: c${n}\r\n\r\nbody ${n}\r\n`,
          n === 1 ? ['\\Seen', '$Label1'] : [],
        )
    })
    await mustRun('imapcopy', [], { cwd: folder })
    await withImap(other.ports.imap, alice, async (client) => {
      await client.mailboxOpen('Copied')
      const copied = await client.fetchAll('1:*', { envelope: true, flags: true })
      assert.deepEqual(
        copied.map(({ envelope, flags }) => `${envelope?.subject} ${flags?.has('\\Seen')}`),
        ['c1 true', 'c2 false', 'c3 false'],
      )
    })
  } finally {
    await other.stop()
  }
})

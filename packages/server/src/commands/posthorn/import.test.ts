import assert from 'node:assert/strict'
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { kept, makeMaildir, newPath, newSite, posthorn, root, site, text, wire } from './import-fixture.ts'

describe('posthorn import maildir', () => {
  let path = ''
  before(async () => {
    await newSite()
    path = makeMaildir()
  })

  it('--dry-run tells and changes nothing', async () => {
    const { code, out } = await posthorn('import', 'maildir', 'alice', path, '--dry-run')
    assert.equal(code, 0)
    assert.match(out, /^INBOX +3 messages +3 to bring/m)
    assert.match(out, /^Lists\/Café +1 messages +1 to bring/m)
    assert.equal((await kept('INBOX')).messages.length, 0)
    assert.ok(!readdirSync(site).includes('imports'))
  })

  it('flags, keywords, dates, subscriptions, UIDs; both sides hold the same', async () => {
    const { code, out, err } = await posthorn('import', 'maildir', 'alice', path)
    assert.equal(code, 0, out + err)
    assert.match(out, /^INBOX +3 new .* there 3 ([0-9a-f]{16}) +here 3 \1 +same +UIDs kept$/m)
    const inbox = await kept('INBOX')
    assert.equal(inbox.mailbox.uidValidity, 1_275_660_208)
    assert.deepEqual(inbox.messages, [
      { uid: 7, flags: '5', dateMs: 1_500_000_000_000, octets: wire(text('one')) },
      { uid: 9, flags: '1 $Forwarded Work', dateMs: 1_500_000_000_000, octets: wire(text('two')) },
      { uid: 10, flags: '0', dateMs: 1_600_000_000_000, octets: wire(text('three')) },
    ])
    assert.equal(inbox.mailbox.uidNext, 25)
    const list = await kept('Lists/Café')
    assert.deepEqual([list.mailbox.subscribed, list.messages[0]?.flags], [true, '11'])
    assert.equal((await kept('Sent')).messages.length, 1)
  })

  it('a second pass brings nothing; a third the difference only', async () => {
    assert.match((await posthorn('import', 'maildir', 'alice', path)).out, /^INBOX +0 new +0 flags changed/m)
    renameSync(join(path, 'cur', '1.M1P1.host,S=10:2,FS'), join(path, 'cur', '1.M1P1.host,S=10:2,S'))
    unlinkSync(join(path, 'cur', '2.M1P1.host:2,Sab'))
    writeFileSync(join(path, 'new', '6.M1P1.host'), text('six'))
    const { code, out } = await posthorn('import', 'maildir', 'alice', path, '--delete')
    assert.equal(code, 0, out)
    assert.match(out, /^INBOX +1 new +1 flags changed +there 3 /m)
    assert.deepEqual(
      (await kept('INBOX')).messages.map(({ uid, flags }) => [uid, flags]),
      [
        [7, '1'],
        [10, '0'],
        [25, '0'],
      ],
    )
  })

  it('broken off between the message and the note of it: nothing comes twice', async () => {
    const folder = join(site, 'imports')
    const ledger = join(folder, readdirSync(folder)[0] as string)
    writeFileSync(join(path, 'new', '8.M1P1.host'), text('eight'))
    const before = readFileSync(ledger, 'utf8')
    await posthorn('import', 'maildir', 'alice', path)
    const lines = readFileSync(ledger, 'utf8').slice(before.length).split('\n')
    const begin = lines.find((line) => line.includes('"begin"')) as string
    writeFileSync(ledger, before)
    appendFileSync(ledger, `${begin}\n{"type":"brought","mailb`)
    const { code, out } = await posthorn('import', 'maildir', 'alice', path)
    assert.equal(code, 0, out)
    assert.match(out, /^INBOX +0 new .* there 4 ([0-9a-f]{16}) +here 4 \1 +same/m)
    assert.equal((await kept('INBOX')).messages.length, 4)
  })

  it('a folder that is none, an account that is none: said, and nothing is made', async () => {
    mkdirSync(join(root, 'nothing'))
    assert.deepEqual(await posthorn('import', 'maildir', 'alice', join(root, 'nothing')), {
      code: 69,
      out: '',
      err: `posthorn: ${join(root, 'nothing')} is no Maildir: neither it nor a folder in it has \`cur\` or \`new\`\n`,
    })
    assert.deepEqual(await posthorn('import', 'maildir', 'alice', join(root, 'not-there')), {
      code: 69,
      out: '',
      err: `posthorn: ${join(root, 'not-there')}: no such file or folder\n`,
    })
    assert.match((await posthorn('import', 'maildir', 'nobody', path)).err, /No such account: nobody/)
  })
})

describe('posthorn import imap', () => {
  it('a server without TLS from the first octet, a password that is not there: said, with what to do', async () => {
    await newSite()
    const server = createServer((socket) => socket.on('error', () => {}).end('* OK ready\r\n'))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const port = String((server.address() as AddressInfo).port)
    const ask = (...more: readonly string[]) =>
      posthorn('import', 'imap', 'alice', '127.0.0.1', '--port', port, '--user', 'alice', ...more)
    try {
      const file = join(root, 'password')
      const missing = await ask('--password-file', file)
      assert.deepEqual([missing.code, missing.err], [69, `posthorn: ${file}: no such file or folder\n`])
      writeFileSync(file, 'secret\n')
      const { code, err } = await ask('--password-file', file)
      assert.equal(code, 69)
      assert.equal(
        err,
        `posthorn: 127.0.0.1:${port}: no TLS from the first octet there (--security starttls, or plain)\n`,
      )
    } finally {
      server.close()
    }
  })
})

const mboxText = `From alice@example.org Mon Jan  5 10:11:12 2026
Return-Path: <alice@example.org>
Status: RO
X-Status: AF
X-Keywords: Work $Forwarded
Subject: one

Hello
>From the beginning
>>From twice
From a line of text in the middle

From the start of a paragraph it is text, too

From bob@example.org Tue Jan  6 00:00:00 2026 +0100
Subject: two
Content-Length: 61

Body
From carol@example.org Wed Jan  7 00:00:00 2026
is text

From MAILER-DAEMON Thu Jan  8 00:00:00 2026
Subject: two

Body
`

describe('posthorn import maildir, of Courier', () => {
  it("Courier's keywords: the list, and files that say what changed since", async () => {
    await newSite()
    const courier = newPath('courier')
    for (const folder of ['cur', 'new', 'tmp', 'courierimapkeywords'])
      mkdirSync(join(courier, folder), { recursive: true })
    for (const base of ['1.host', '2.host', '3.host'])
      writeFileSync(join(courier, 'cur', `${base}:2,S`), text(base))
    writeFileSync(join(courier, 'courierimapuiddb'), '1 1132840013 4\n1 1.host\n2 2.host\n3 3.host\n')
    writeFileSync(
      join(courier, 'courierimapkeywords', ':list'),
      '$Forwarded\nWork\nJunk\n\n1.host:0 1\n2.host:2 7 x\n',
    )
    writeFileSync(join(courier, 'courierimapkeywords', '2.host'), 'Work\nTo-Do\n')
    writeFileSync(join(courier, 'courierimapkeywords', '.1.tmp'), 'Nonsense\n')
    const { code, out } = await posthorn('import', 'maildir', 'alice', courier)
    assert.equal(code, 0, out)
    const { messages } = await kept('INBOX')
    assert.deepEqual(
      messages.map(({ uid, flags }) => [uid, flags.split(' ').sort().join(' ')]),
      [
        [1, '$Forwarded 1 Work'],
        [2, '1 To-Do Work'],
        [3, '1'],
      ],
    )
  })
})

describe('posthorn import mbox', () => {
  it('From_ lines, quoting, Status fields, Content-Length', async () => {
    await newSite()
    const file = newPath('old-mail')
    writeFileSync(file, mboxText)
    const { code, out, err } = await posthorn('import', 'mbox', 'alice', file, '--mailbox', 'Old/Mail')
    assert.equal(code, 0, out + err)
    const { messages } = await kept('Old/Mail')
    assert.deepEqual(
      messages.map(({ flags, dateMs }) => [flags, new Date(dateMs).toISOString()]),
      [
        ['7 Work $Forwarded', '2026-01-05T10:11:12.000Z'],
        ['0', '2026-01-05T23:00:00.000Z'],
        ['0', '2026-01-08T00:00:00.000Z'],
      ],
    )
    assert.equal(
      messages[0]?.octets,
      wire(`Return-Path: <alice@example.org>
Subject: one

Hello
From the beginning
>From twice
From a line of text in the middle

From the start of a paragraph it is text, too
`),
    )
    assert.match(messages[1]?.octets as string, /Body\r\nFrom carol@.*\r\nis text\r\n$/)
    assert.match((await posthorn('import', 'mbox', 'alice', file, '--mailbox', 'Old/Mail')).out, / 0 new /)
    writeFileSync(file, 'no mbox')
    assert.equal((await posthorn('import', 'mbox', 'alice', file)).code, 69)
  })

  const withUids = (...uids: readonly (number | undefined)[]): string =>
    uids
      .map((uid, at) => {
        const base = at === 0 ? 'X-IMAPbase: 1132840013 0000000030 $Forwarded\n' : ''
        const own = uid === undefined ? '' : `X-UID: ${uid}\n`
        return `From a@b Mon Jan  5 10:11:12 2026\n${base}${own}Subject: ${at}\n\nx\n\n`
      })
      .join('')

  it('X-IMAPbase and X-UID: UIDVALIDITY and UIDs are kept where they make sense', async () => {
    const rows: readonly (readonly [string, readonly number[], string])[] = [
      [withUids(7, 9, undefined), [7, 9, 10], 'kept'],
      [withUids(9, 7), [1, 2], 'new'],
      [withUids(7, undefined, 9), [1, 2, 3], 'new'],
      [withUids(4_000_000_000), [1], 'new'],
      [withUids(7, 9).replace('X-IMAPbase: 1132840013', 'X-IMAPbase: none'), [1, 2], 'new'],
      [
        `From MAILER-DAEMON Mon Jan  5 10:11:12 2026\nSubject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\nX-IMAP: 1132840013 0000000030\n\nx\n\n${withUids(undefined).replace(/X-IMAPbase.*\n/, 'X-UID: 12\n')}`,
        [12],
        'kept',
      ],
    ]
    for (const [content, uids, outcome] of rows) {
      await newSite()
      const file = newPath('numbered')
      writeFileSync(file, content)
      const { code, out } = await posthorn('import', 'mbox', 'alice', file, '--mailbox', 'Old')
      assert.equal(code, 0, out)
      const { mailbox, messages } = await kept('Old')
      assert.deepEqual(
        messages.map(({ uid }) => uid),
        uids,
      )
      assert.equal(mailbox.uidValidity === 1_132_840_013, outcome === 'kept')
      if (outcome === 'kept') assert.equal(mailbox.uidNext, 31)
      assert.equal(/ UIDs kept$/m.test(out), outcome === 'kept')
      assert.ok(messages.every(({ octets }) => !/^X-(UID|IMAP)/m.test(octets)))
    }
  })
})

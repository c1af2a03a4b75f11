import assert from 'node:assert/strict'
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { type Account, openStore, type Store } from '@posthorn/storage'
import { runCli } from '../../cli.ts'
import { createShellFixture } from '../shell-fixture.ts'

const root = mkdtempSync(join(tmpdir(), 'posthorn-import-'))
after(() => rmSync(root, { recursive: true }))
let site = ''
let count = 0

async function posthorn(...args: readonly string[]) {
  const shell = createShellFixture()
  const code = await runCli('posthorn', ['-c', site, ...args], shell, async () => 0)
  return { code, out: shell.output(), err: shell.errors() }
}

async function newSite(): Promise<void> {
  site = join(root, `site${count++}`)
  mkdirSync(site, { mode: 0o700 })
  writeFileSync(
    join(site, 'main.cf'),
    'myhostname = mail.example.org\nmyorigin = example.org\nalias_maps =\n',
  )
  assert.equal((await posthorn('user', 'add', 'alice@example.org', '--password', 'x')).code, 0)
}

interface Kept {
  readonly uid: number
  readonly flags: string
  readonly dateMs: number
  readonly octets: string
}

/** What the store holds in a mailbox of alice's. */
async function kept(name: string) {
  const store: Store = await openStore({ directory: join(site, 'store') })
  try {
    const account = (await store.accounts.find('alice@example.org')) as Account
    const mailbox = await store.mailboxes.find(account.id, name)
    assert.ok(mailbox, `mailbox ${name}`)
    const { uids } = await store.messages.view(mailbox.id)
    const messages: Kept[] = []
    for await (const batch of store.messages.fetch(mailbox.id, uids, { facts: true, bytes: 'all' })) {
      for (const [index, octets] of (batch.bytes ?? []).entries()) {
        const words = mailbox.keywords.filter(
          (_, slot) => ((batch.flags0[index] as number) >>> (slot + 5)) & 1,
        )
        messages.push({
          uid: batch.uids[index] as number,
          flags: [(batch.flags0[index] as number) & 31, ...words].join(' '),
          dateMs: batch.facts?.internalDatesMs[index] as number,
          octets: Buffer.from(octets).toString('latin1'),
        })
      }
    }
    return { mailbox, messages }
  } finally {
    await store.close()
  }
}

const text = (subject: string, body = 'Hello\n') => `From: a@example.net\nSubject: ${subject}\n\n${body}`
const wire = (lines: string) => lines.replaceAll('\n', '\r\n')

function makeMaildir(): string {
  const path = join(root, `maildir${count++}`)
  const file = (folder: string, name: string, content: string, dateS = 1_500_000_000) => {
    mkdirSync(join(path, folder), { recursive: true })
    writeFileSync(join(path, folder, name), content)
    utimesSync(join(path, folder, name), dateS, dateS)
  }
  file('cur', '1.M1P1.host,S=10:2,FS', text('one'))
  file('cur', '2.M1P1.host:2,Sab', text('two'))
  file('new', '3.M1P1.host', text('three'), 1_600_000_000)
  file('.Sent/cur', '4.M1P1.host:2,S', text('sent'))
  file('.Lists.Caf&AOk-/cur', '5.M1P1.host:2,RST', wire(text('list')))
  writeFileSync(
    join(path, 'dovecot-uidlist'),
    '3 V1275660208 N25 G0123\n7 W100 S90 :1.M1P1.host,S=10\n9 :2.M1P1.host\n',
  )
  writeFileSync(join(path, 'dovecot-keywords'), '0 $Forwarded\n1 Work\n')
  writeFileSync(join(path, 'subscriptions'), 'V\t2\n\nLists\tCaf&AOk-\n')
  return path
}

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
    const courier = join(root, `courier${count++}`)
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
    const file = join(root, `old-mail${count++}`)
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
      const file = join(root, `numbered${count++}`)
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

describe('posthorn export', () => {
  for (const form of ['maildir', 'mbox']) {
    it(`what went out comes in again, the same to the octet: ${form}`, async () => {
      await newSite()
      const path = makeMaildir()
      await posthorn('import', 'maildir', 'alice', path, '--map', 'Sent=Sent/v1.0')
      const out = join(root, `out${count++}`)
      const report = await posthorn('export', form, 'alice', out)
      assert.equal(report.code, 0, report.out + report.err)
      assert.match(report.out, /^Lists\/Café +1 messages .* same$/m)
      const before = await Promise.all([kept('INBOX'), kept('Lists/Café'), kept('Sent/v1.0')])
      assert.equal((await posthorn('export', form, 'alice', out)).code, 1)
      await newSite()
      const again = await posthorn('import', form, 'alice', out)
      assert.equal(again.code, 0, again.out + again.err)
      const now = await Promise.all([kept('INBOX'), kept('Lists/Café'), kept('Sent/v1.0')])
      const comparable = ({ mailbox, messages }: Awaited<ReturnType<typeof kept>>) => [
        form === 'maildir' ? [mailbox.uidValidity, mailbox.uidNext, mailbox.subscribed] : [],
        messages.map((message) => (form === 'maildir' ? message : { ...message, uid: 0 })),
      ]
      assert.deepEqual(now.map(comparable), before.map(comparable))
    })
  }
})

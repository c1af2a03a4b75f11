/** CVE-2006-2414, CVE-2021-40525 class: a mailbox name is a key of the store, never a path; each has one spelling. */
import assert from 'node:assert/strict'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { MailServer } from '@posthorn/server'
import { ImapTalk } from './dialogue.ts'
import { alice, bob, startForClients } from './mail-server.ts'

let server: MailServer
before(async () => {
  server = await startForClients()
})
after(async () => await server.stop())

const literal = (name: string, kind: BufferEncoding = 'utf8'): string => {
  const octets = Buffer.from(name, kind)
  return `{${octets.length}+}\r\n${octets.toString('latin1')}`
}

/** Names that no mailbox may have, as literals. */
const impossible: readonly (readonly [why: string, name: string])[] = [
  ['NUL', literal('a\0b')],
  ['NUL alone', literal('\0')],
  ['line feed', literal('a\nb')],
  ['CR LF and a command', literal('a\r\nx DELETE Sent')],
  ['TAB', literal('a\tb')],
  ['escape', literal('\x1b[2Jx')],
  ['DEL', literal('a\x7f')],
  ['C1 control', literal('&AIU-')],
  ['NUL in modified UTF-7', literal('&AAA-')],
  ['ASCII in modified UTF-7', literal('&AGE-')],
  ['separator in modified UTF-7', literal('a&AC8-b')],
  ['dots in modified UTF-7', literal('&AC4ALg-')],
  ['lone surrogate', literal('&2D0-')],
  ['shift without end', literal('&AOQ')],
  ['two shifts for one', literal('&AOQ-&APY-')],
  ['bits left over', literal('&AOR-')],
  ['8-bit', literal('ä', 'latin1')],
  ['bad UTF-8', literal('\xff\xfe', 'latin1')],
  ['empty', '""'],
  ['separator alone', '"/"'],
  ['leading separator', '"/etc/passwd"'],
  ['empty level', '"a//b"'],
  ['the parent folder', '".."'],
  ['this folder', '"."'],
  ['the parent folder in it', literal('a/../../b')],
  ['somebody else', literal('../../bob/INBOX')],
  ['10,000 levels', literal(`${'a/'.repeat(10_000)}a`)],
  ['33 levels', literal(`${'a/'.repeat(32)}a`)],
  ['1,001 octets', literal('x'.repeat(1_001))],
  ['60,000 octets', literal('x'.repeat(60_000))],
]

for (const [why, name] of impossible) {
  test(`CREATE, RENAME, APPEND: a name with ${why} is refused, and the session goes on`, async () => {
    const talk = await ImapTalk.login(server.ports.imap, alice)
    assert.match(await talk.say(`CREATE ${name}`), /(^|\n)(NO|BAD) /)
    assert.match(await talk.say(`RENAME Junk ${name}`), /(^|\n)(NO|BAD) /)
    assert.match(await talk.say(`SUBSCRIBE ${name}`), /(^|\n)(NO|BAD) /)
    assert.match(await talk.say(`SELECT ${name}`), /(^|\n)(NO|BAD) /)
    assert.match(await talk.say(`APPEND ${name} {1+}\r\nx`), /(^|\n)(NO|BAD) /)
    const list = await talk.say('LIST "" *')
    assert.deepEqual(
      [...list.matchAll(/\* LIST \([^)]*\) "\/" (.*)\r/g)].map(([, listed]) => listed).sort(),
      ['Archive', 'Drafts', 'INBOX', 'Junk', 'Sent', 'Trash'],
    )
    talk.wire.close()
  })
}

/** Names that a file system would understand; here they are names. */
const plain = ['...', '..a', 'a../.b', '~', '~root', 'CON', '-rf', '%2e%2e', '*', 'a%b']

function filesBelow(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name)
    return statSync(path).isDirectory() ? filesBelow(path) : [path]
  })
}

test('names of files and folders are names: nobody else sees them, no file bears them', async () => {
  const talk = await ImapTalk.login(server.ports.imap, alice)
  const other = await ImapTalk.login(server.ports.imap, bob)
  for (const name of plain) {
    assert.match(await talk.say(`CREATE ${literal(name)}`), /OK /, name)
    assert.match(
      await talk.say(`APPEND ${literal(name)} {20+}\r\nSubject: secret\r\n\r\nx`),
      /OK \[APPENDUID/,
      name,
    )
    assert.match(await talk.say(`STATUS ${literal(name)} (MESSAGES)`), /\(MESSAGES 1\)/, name)
    assert.match(await other.say(`STATUS ${literal(name)} (MESSAGES)`), /NO \[NONEXISTENT\]/, name)
  }
  assert.match(await other.say('STATUS INBOX (MESSAGES)'), /\(MESSAGES 0\)/)
  for (const path of filesBelow(server.dataFolder)) {
    const below = path.slice(server.dataFolder.length)
    assert.ok(!/alice|bob|INBOX|root|CON/.test(below), below)
  }
  talk.wire.close()
  other.wire.close()
})

test('RFC 3501 §5.1.3: one mailbox, one name', async () => {
  const talk = await ImapTalk.login(server.ports.imap, alice)
  assert.match(await talk.say('STATUS iNbOx (UIDVALIDITY)'), /\* STATUS "?INBOX"? \(UIDVALIDITY/i)
  assert.match(await talk.say('CREATE &AOQ-'), /OK /)
  // a + combining diaeresis is composed to the same name.
  assert.match(await talk.say('CREATE a&Awg-'), /NO \[ALREADYEXISTS\]/)
  // Unicode upper case makes INBOX of a dotless i; that is another letter, and another mailbox.
  assert.match(await talk.say('STATUS &ATE-nbox (MESSAGES)'), /NO \[NONEXISTENT\]/)
  assert.match(await talk.say('CREATE &ATE-nbox'), /OK /)
  assert.match(await talk.say('LIST "" &ATE-nbox'), /\* LIST \([^)]*\) "\/" "?&ATE-nbox"?\r/)
  assert.match(await talk.say('DELETE &ATE-nbox'), /OK /)
  talk.wire.close()
})

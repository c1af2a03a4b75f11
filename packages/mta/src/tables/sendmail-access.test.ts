import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { LogEvent } from '@posthorn/mail'
import { createTables } from './index.ts'

const folder = mkdtempSync(join(tmpdir(), 'posthorn-access-'))
after(() => rmSync(folder, { recursive: true }))

const access = `# The file that /etc/mail/access was.
Connect:localhost.localdomain	RELAY
Connect:192.168.1		RELAY
Connect:10.1.2.3		REJECT
Connect:IPv6:2001:db8:7	OK
spam.example		REJECT
From:spam.example	OK
From:cyber@		ERROR:"550 We don't accept mail from you"
From:list.example	550 5.7.1 Not here
To:old.example		ERROR:5.1.1:"550 That domain is gone"
To:friend.example	RELAY
friend.example		OK
noise.example		DISCARD
hold.example		QUARANTINE:look at it
Spam:postmaster@	FRIEND
TLS_Rcpt:x.example	ENCR:112
bad.example		EXPLODE
Conect:10.9.9.9		REJECT
loose
`

test('M3: sendmail’s access file, by what asks', () => {
  const path = join(folder, 'access')
  writeFileSync(path, access, { mode: 0o644 })
  const warnings: LogEvent[] = []
  const tables = createTables({ log: (event) => warnings.push(event), now: () => 0 })
  const rows: readonly (readonly [view: string, key: string, action: string | undefined])[] = [
    ['connect', '192.168.1', 'OK'],
    ['connect', 'LOCALHOST.localdomain', 'OK'],
    ['connect', '10.1.2.3', 'REJECT'],
    ['connect', '2001:db8:7', 'OK'],
    ['connect', 'spam.example', 'REJECT'],
    ['connect', 'cyber@', undefined],
    ['from', 'spam.example', 'OK'],
    ['from', 'cyber@', "550 We don't accept mail from you"],
    ['from', 'list.example', '550 5.7.1 Not here'],
    ['from', '192.168.1', undefined],
    ['to', 'old.example', '550 5.1.1 That domain is gone'],
    ['to', 'friend.example', 'OK'],
    ['to', 'noise.example', 'DISCARD'],
    ['to', 'hold.example', 'HOLD look at it'],
    ['to', 'x.example', undefined],
    ['relay', '192.168.1', 'OK'],
    ['relay', '2001:db8:7', undefined],
    ['relay', 'friend.example', undefined],
    ['relay-to', 'friend.example', 'OK'],
    ['relay-to', 'old.example', undefined],
    ['to', 'bad.example', undefined],
  ]
  for (const [view, key, action] of rows)
    assert.equal(tables.open(`sendmail:${view}:${path}`).lookup(key), action, `${view} ${key}`)
  const told = warnings.map(({ text }) => text)
  assert.ok(told.some((text) => text.includes('unknown action: "EXPLODE"')))
  assert.ok(told.some((text) => text.includes('expected: key action (found "loose")')))
  assert.ok(told.some((text) => text.includes('unknown tag: Conect:10.9.9.9')))
  assert.equal(told.filter((text) => /Spam|TLS_Rcpt/.test(text)).length, 0)
  for (const spec of ['sendmail:/etc/mail/access', 'sendmail:nosuch:/x', 'sendmail:to:'])
    assert.throws(() => tables.open(spec), /expected sendmail:VIEW:FILE/)
})

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { zoneFileResolver } from '@posthorn/dns'
import { buildConfig } from '../../config/load-config.ts'
import { testMachine } from '../../config/machine-fixture.ts'
import { examineNames } from './names.ts'

const place = { file: '/srv/mail/main.cf', folder: '/srv/mail', named: false }
const mainCf = 'myhostname = mail.example.org\nmyorigin = example.org\nmydestination = example.org, localhost'

async function findings(zone: string, text = mainCf): Promise<readonly string[]> {
  const { config } = buildConfig(place, text, { environment: {}, machine: testMachine })
  const found: string[] = []
  for await (const { verdict, subject, text: said, remedy } of examineNames(config, zoneFileResolver(zone)))
    if (!subject.startsWith('block list'))
      found.push(`${verdict} ${said}${remedy === undefined ? '' : ` → ${remedy}`}`)
  return found
}

const right = `
mail.example.org.         A 192.0.2.7
example.org.              MX 10 mail.example.org.
7.2.0.192.in-addr.arpa.   PTR mail.example.org.
example.org.              TXT "v=spf1 mx -all"
_dmarc.example.org.       TXT "v=DMARC1; p=none"
`

test('N1, N2: a site whose names are right', async () => {
  assert.deepEqual(await findings(right), [
    'ok mail.example.org',
    'ok mail.example.org is 192.0.2.7',
    'ok 192.0.2.7 is mail.example.org in reverse',
    'ok MX of example.org is mail.example.org',
    'ok example.org lets 192.0.2.7 send',
    'ok example.org: v=DMARC1; p=none',
  ])
})

test('N1, N2: each missing record is named as it is to be written', async () => {
  assert.match(
    (await findings('x. A 192.0.2.1\n')).join('\n'),
    /→ add: mail\.example\.org\. IN A <your address>/,
  )
  const withoutMx = await findings('mail.example.org. A 192.0.2.7\n')
  assert.ok(withoutMx.some((line) => line.endsWith('→ add: example.org. IN MX 10 mail.example.org.')))
  assert.ok(withoutMx.some((line) => /^warn 192\.0\.2\.7 has no reverse name.*PTR record$/.test(line)))
  const elsewhere = await findings(`${right.replace('MX 10 mail', 'MX 10 other')}`)
  assert.ok(
    elsewhere.some((line) =>
      line.startsWith('warn MX of example.org is other.example.org, not mail.example.org'),
    ),
  )
})

test('N1, N2: a site without any record hears of all of them at once', async () => {
  assert.deepEqual(
    (await findings('x. A 192.0.2.1\n')).filter((line) => line.startsWith('warn')),
    [
      'warn mail.example.org has no address → add: mail.example.org. IN A <your address>, and ask the owner of the address for a PTR record that names mail.example.org',
      'warn example.org has no MX → add: example.org. IN MX 10 mail.example.org.',
      'warn example.org has no SPF record → add: example.org. IN TXT "v=spf1 mx a:mail.example.org -all"',
      'warn example.org has no DMARC record → add: _dmarc.example.org. IN TXT "v=DMARC1; p=none; rua=mailto:postmaster@example.org"',
    ],
  )
})

test('N2, Q8: domains in files, of virtual users, and those that we are the backup of', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-names-'))
  t.after(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'local-host-names'), '# ours\nfile.example\n')
  const text = `${mainCf}, ${folder}/local-host-names\nvirtual_alias_domains = alias.example\nvirtual_mailbox_domains = box.example, hash:/x, inline:{ table.example=yes }\nrelay_domains = primary.example, example.org`
  const mx = (await findings(right, text)).filter((line) => / MX( |$)/.test(line))
  assert.deepEqual(mx, [
    'ok MX of example.org is mail.example.org',
    'warn file.example has no MX → add: file.example. IN MX 10 mail.example.org.',
    'warn box.example has no MX → add: box.example. IN MX 10 mail.example.org.',
    'warn table.example has no MX → add: table.example. IN MX 10 mail.example.org.',
    'warn alias.example has no MX → add: alias.example. IN MX 10 mail.example.org.',
    'warn primary.example has no MX → add: primary.example. IN MX 20 mail.example.org.',
  ])
})

test('I1: a host name that others cannot know is said', async () => {
  assert.match(
    (await findings(right, 'myhostname = box.localdomain\nmyorigin = example.org')).join('\n'),
    /^warn box\.localdomain is no name that others know → set myhostname/,
  )
})

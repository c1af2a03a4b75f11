import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { checkSite } from './check-site.ts'
import { createShellFixture } from './shell-fixture.ts'

function site(t: TestContext, modes: Readonly<Record<string, number>>, lines = '', masterCf = '') {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-check-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const mainCf = `myhostname = mail.example.org\ndata_directory = ${folder}\nalias_maps = hash:${folder}/aliases\nsmtp_sasl_auth_enable = yes\nsmtp_sasl_password_maps = hash:${folder}/sasl_passwd\n${lines}`
  for (const [name, text] of [
    ['main.cf', mainCf],
    ['aliases', 'root: alice\n'],
    ['master.cf', masterCf],
    ['sasl_passwd', '[relay.example] user:secret\n'],
  ] as const) {
    writeFileSync(join(folder, name), text)
    chmodSync(join(folder, name), modes[name] ?? 0o600)
  }
  const { problems, warnings } = checkSite(createShellFixture({}), { config: join(folder, 'main.cf') })
  return [...problems.map((text) => `problem ${text}`), ...warnings].map((text) =>
    text.replaceAll(folder, ''),
  )
}

test('C17: files as they should be are no news', (t) => {
  assert.deepEqual(site(t, { aliases: 0o644, sasl_passwd: 0o640 }), [])
})

test('an option of a service that the server would not start with is named with its line', (t) => {
  const masterCf = `smtp inet n - n - - smtpd
588 inet n - n - - smtpd
  -o smtpd_sender_restrictions=check_sasl_access
  -o content_filter=one:two:three
589 inet n - n - - smtpd
  -o { content_filter=no filter }
`
  assert.deepEqual(site(t, { aliases: 0o644, sasl_passwd: 0o640 }, '', masterCf), [
    'problem /master.cf:2: 588/inet: smtpd_sender_restrictions: check_sasl_access needs a table after it',
    'problem /master.cf:5: 589/inet: content_filter: expected transport:destination, found "no filter"',
  ])
})

test('a table that the server would not start with is named before', (t) => {
  const lines = 'recipient_canonical_maps = tcp:localhost:10002\ntransport_maps = tcp:localhost:10003\n'
  const found = site(t, { aliases: 0o644, sasl_passwd: 0o640 }, lines)
  assert.deepEqual(found, [
    'problem recipient_canonical_maps: tcp:localhost:10002: a table that is asked over a network cannot be used in recipient_canonical_maps',
  ])
})

test('A5, C17: whoever else may write configuration or aliases is named', (t) => {
  const found = site(t, { 'main.cf': 0o666, aliases: 0o664 })
  assert.ok(
    found.includes('problem /main.cf: group or others may write it (mode 666): chmod go-w /main.cf'),
    found.join('\n'),
  )
  assert.ok(
    found.includes(
      'problem alias_maps: hash:/aliases: /aliases is group or other writable (chmod go-w /aliases)',
    ),
    found.join('\n'),
  )
})

test('a transport that no service has is told once for each place, with the line of main.cf', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-check-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const put = (name: string, text: string): void => writeFileSync(join(folder, name), text, { mode: 0o600 })
  put(
    'transport',
    'a.example esmtp:[192.0.2.1]\nb.example esmtp:[192.0.2.2]\nc.example slow:\nd.example :[x]\n',
  )
  put('master.cf', 'slow unix - - n - - smtp\n')
  put(
    'main.cf',
    `myhostname = mail.example.org\ndata_directory = ${folder}\nalias_maps =\ntransport_maps = hash:${folder}/transport\nrelay_transport = slow\nmailbox_transport = lmtp:unix:/x\ndefault_transport = uucp:\n`,
  )
  const { warnings } = checkSite(createShellFixture({}), { config: join(folder, 'main.cf') })
  const told = warnings.filter((text) => text.includes('there is no transport'))
  assert.deepEqual(told, [
    `${folder}/main.cf:7: default_transport: there is no transport "uucp": name it in master.cf (mail for it waits)`,
    `${folder}/main.cf:4: transport_maps: hash:${folder}/transport: there is no transport "esmtp"; did you mean "smtp"? (mail for it waits)`,
  ])
})

test('one file that is several tables is told of once', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-check-'))
  t.after(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'access'), 'From:x REJECT\nnonsense\n', { mode: 0o600 })
  writeFileSync(
    join(folder, 'main.cf'),
    `myhostname = mail.example.org\ndata_directory = ${folder}\nalias_maps =\nsmtpd_sender_restrictions = check_client_access sendmail:connect:${folder}/access, check_sender_access sendmail:from:${folder}/access\n`,
    { mode: 0o600 },
  )
  const { warnings } = checkSite(createShellFixture({}), { config: join(folder, 'main.cf') })
  assert.equal(warnings.length, 1, warnings.join('\n'))
})

test('I21: passwords of relay hosts that others may read are named', (t) => {
  const [found = ''] = site(t, { aliases: 0o644, sasl_passwd: 0o644 })
  assert.match(
    found,
    /^smtp_sasl_password_maps: others may read the passwords in \/sasl_passwd \(mode 644\): chmod 600/,
  )
})

import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { checkSite } from './check-site.ts'
import { createShellFixture } from './shell-fixture.ts'

function site(t: TestContext, modes: Readonly<Record<string, number>>) {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-check-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const mainCf = `myhostname = mail.example.org\ndata_directory = ${folder}\nalias_maps = hash:${folder}/aliases\nsmtp_sasl_auth_enable = yes\nsmtp_sasl_password_maps = hash:${folder}/sasl_passwd\n`
  for (const [name, text] of [
    ['main.cf', mainCf],
    ['aliases', 'root: alice\n'],
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

test('I21: passwords of relay hosts that others may read are named', (t) => {
  const [found = ''] = site(t, { aliases: 0o644, sasl_passwd: 0o644 })
  assert.match(
    found,
    /^smtp_sasl_password_maps: others may read the passwords in \/sasl_passwd \(mode 644\): chmod 600/,
  )
})

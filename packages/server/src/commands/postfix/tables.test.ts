import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, it } from 'node:test'
import { createCliFixture, runCommand } from '../../cli-fixture.ts'

const cli = createCliFixture()
after(() => cli.remove())
const { folder } = cli

it('tables are asked and checked', async () => {
  const path = folder()
  const access = join(path, 'access')
  writeFileSync(access, 'example.com REJECT\nuser@ OK\n')
  assert.deepEqual(await runCommand('postmap', ['-q', 'example.com', `hash:${access}`]), {
    code: 0,
    out: 'REJECT\n',
    err: '',
  })
  assert.equal((await runCommand('postmap', ['-q', 'nosuch', access])).code, 1)
  assert.equal(
    (await runCommand('postmap', ['-q', '-', access], 'user@\nx\nexample.com\n')).out,
    'user@\tOK\nexample.com\tREJECT\n',
  )
  const checks = join(path, 'checks')
  writeFileSync(checks, '/^Subject:.*viagra/ REJECT no\n')
  assert.equal(
    (await runCommand('postmap', ['-q', '-', `regexp:${checks}`], 'Subject: VIAGRA\n')).out,
    'Subject: VIAGRA\tREJECT no\n',
  )
  assert.equal((await runCommand('postmap', ['-s', access])).out, 'example.com\tREJECT\nuser@\tOK\n')
  assert.match(
    (await runCommand('postmap', ['-s', `regexp:${checks}`])).err,
    /sequence operation is not supported/,
  )
  assert.equal((await runCommand('postmap', ['-d', 'user@', access])).code, 0)
  assert.equal((await runCommand('postmap', ['-d', 'user@', access])).code, 1)
  assert.equal((await runCommand('postmap', ['-i', access], 'a b\nc d\n  e\n')).code, 0)
  assert.match((await runCommand('postmap', ['-i', access], 'a x\n')).err, /duplicate entry: "a"/)
  assert.equal((await runCommand('postmap', ['-ir', access], 'A y\n')).err, '')
  assert.equal((await runCommand('postmap', ['-s', access])).out, 'example.com\tREJECT\nc\td  e\na\ty\n')
  assert.equal((await runCommand('postmap', ['-d', '-', access], 'a\nc\n')).code, 0)
  assert.equal((await runCommand('postmap', ['-s', access])).out, 'example.com\tREJECT\n')
  assert.match(
    (await runCommand('postmap', ['-i', `regexp:${access}`], 'a x\n')).err,
    /does not support bulk-mode creation/,
  )
  assert.equal((await runCommand('postmap', ['/nosuch/file'])).code, 1)
  const aliases = join(path, 'aliases')
  writeFileSync(aliases, 'root: alice, bob\nlong: a,b ,\n  c, "|x a,b"\n')
  assert.equal((await runCommand('postalias', ['-q', 'root', aliases])).out, 'alice, bob\n')
  assert.equal((await runCommand('postalias', ['-q', 'long', aliases])).out, 'a, b, c, "|x a,b"\n')
  assert.equal(
    (await runCommand('postalias', ['-q', 'a', '-s', aliases])).err,
    'postalias: fatal: specify only one of -s or -q or -d\n',
  )
  assert.equal((await runCommand('postlock', [])).code, 75)
  assert.equal((await runCommand('postalias', [aliases])).code, 0)
})

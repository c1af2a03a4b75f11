import assert from 'node:assert/strict'
import { chmodSync } from 'node:fs'
import { after, it } from 'node:test'
import { createCliFixture, runCommand } from '../../cli-fixture.ts'

const cli = createCliFixture()
after(() => cli.remove())
const { folder } = cli

it('check, status and doctor', async () => {
  const path = folder()
  assert.deepEqual(await runCommand('postfix', ['-c', path, 'check']), { code: 0, out: '', err: '' })
  assert.equal((await runCommand('posthorn', ['-c', path, 'check'])).out, `${path}/main.cf: ok\n`)
  assert.deepEqual(await runCommand('posthorn', ['-c', path, 'status']), {
    code: 3,
    out: 'the server is not running\n',
    err: '',
  })
  assert.equal((await runCommand('postfix', ['-c', path, 'status'])).code, 1)
  for (const command of ['stop', 'reload'])
    assert.equal((await runCommand('postfix', ['-c', path, command])).code, 1)
  chmodSync(path, 0o777)
  const unsafe = await runCommand('postfix', ['-c', path, 'check'])
  assert.equal(unsafe.code, 1)
  assert.match(unsafe.err, /^postfix: fatal: .*: group or others may write it \(mode 777\): chmod go-w /m)
  const wrong = folder(
    'inet_interface = all\ntransport_maps = hash:/nosuch/transport\nsmtpd_sender_restrictions = permit_mynetwork\nssl_cert = /nosuch/cert\ngreylist_whitelist_clients = /nosuch/clients\n',
  )
  const { code, err } = await runCommand('posthorn', ['-c', wrong, 'check'])
  assert.equal(code, 1)
  assert.match(
    err,
    /^error: main\.cf:1: unknown parameter "inet_interface"; did you mean "inet_interfaces"\?$/m,
  )
  assert.match(err, /^error: transport_maps: .*\/nosuch\/transport/m)
  assert.match(err, /^error: smtpd_sender_restrictions: .*permit_mynetwork/m)
  assert.match(err, /^error: cannot read \/nosuch\/cert/m)
  assert.match(err, /^error: \/nosuch\/clients: /m)
  assert.match(
    (await runCommand('posthorn', ['-c', wrong, 'user', 'list'])).err,
    /^posthorn: main\.cf:1: unknown parameter/,
  )
})

it('what packages ask for after an upgrade is right already', async () => {
  for (const command of ['set-permissions', 'upgrade-configuration']) {
    const { code, out, err } = await runCommand('postfix', ['-c', folder(), command])
    assert.deepEqual([code, out], [0, ''])
    assert.match(err, /^postfix\/postfix-script: /)
    assert.doesNotMatch(err, /fatal|error/)
  }
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { buildConfig } from '../config/load-config.ts'
import { testMachine } from '../config/machine-fixture.ts'
import { loginSenders } from './login-senders.ts'

const place = { file: '/srv/mail/main.cf', folder: '/srv/mail', named: false }
const noSuchUid = 4_294_000_111

function sendersOf(lines: string): (uid: number, sender: string) => boolean {
  const { config } = buildConfig(place, lines, { environment: {}, machine: testMachine })
  return loginSenders(config, () => {})
}

test('Postfix: local_login_sender_maps', () => {
  const may = sendersOf(
    `local_login_sender_maps = inline:{{root=nobody @n.test a@b.test <>},{uid:${noSuchUid}=*}}\nrecipient_delimiter = +\n`,
  )
  // As postdrop(1) of Postfix 3.7 answers.
  for (const sender of [
    'nobody',
    'NOBODY',
    'nobody+x',
    'x@n.test',
    'x@N.test',
    'x+y@n.test',
    'a+q@b.test',
    'A@B.test',
    '',
  ])
    assert.equal(may(0, sender), true, sender)
  for (const sender of ['nobody@mail.example.org', 'root@b.test', 'n.test', 'root'])
    assert.equal(may(0, sender), false, sender)
  assert.equal(may(noSuchUid, 'anybody@x.test'), true)
  assert.equal(may(noSuchUid, ''), true)
  assert.equal(may(1, 'daemon'), false, 'nobody has listed him')
  assert.equal(sendersOf('')(1, 'anybody@x.test'), true)
})

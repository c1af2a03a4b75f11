import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { foreignOwner, unusedText } from './known.ts'
import { postfixParameters } from './known-parameters.generated.ts'
import { parameters } from './schema/schema.ts'
import { adviceFor } from './unused-advice.ts'

const postconf = ['/usr/sbin/postconf', '/sbin/postconf'].find((file) => existsSync(file))

test('every parameter that `postconf -d` of Debian lists is ours, or known with what to use instead', {
  skip: postconf === undefined && 'no Postfix on this machine',
}, () => {
  const { stdout } = spawnSync(postconf ?? '', ['-d'], { encoding: 'utf8' })
  const names = stdout
    .split('\n')
    .map((line) => line.split(' =', 1)[0] ?? '')
    .filter((name) => name !== '')
  assert.ok(names.length > 900, String(names.length))
  const unknown = names.filter((name) => !parameters.has(name) && foreignOwner(name) !== 'Postfix')
  assert.deepEqual(unknown, [])
})

test('a parameter that is not used here says what to use, or that nothing is needed', () => {
  const used = [...postfixParameters].filter((name) => !parameters.has(name))
  const speechless = used.filter((name) => adviceFor(name) === undefined)
  assert.ok(
    speechless.length < used.length / 10,
    `${speechless.length} of ${used.length}: ${speechless.join(' ')}`,
  )
  assert.equal(
    unusedText('virtual_mailbox_base', 'Postfix'),
    'virtual_mailbox_base: known to Postfix, not used by Posthorn: mail for accounts is kept in the store',
  )
  assert.equal(foreignOwner('virtual_mailbox_limit_maps'), 'Postfix')
  assert.match(unusedText('virtual_mailbox_limit_maps', 'Postfix'), /posthorn user quota/)
  assert.match(unusedText('maildrop_destination_recipient_limit', 'Postfix'), /default_destination_/)
})

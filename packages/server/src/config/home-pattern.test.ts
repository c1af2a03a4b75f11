import assert from 'node:assert/strict'
import { test } from 'node:test'
import { homePattern, unknownHomeParts } from './home-pattern.ts'

test("home_directory: Dovecot's %n and forward_path's $user are the local part, too", () => {
  for (const text of ['/srv/%d/%u', '/srv/%d/%n', '/srv/$domain/$user'])
    assert.equal(homePattern(text), '/srv/%d/%u')
  assert.equal(homePattern('/home'), '/home')
})

test('home_directory: what nobody fills in is named as it was written', () => {
  assert.deepEqual(unknownHomeParts('/srv/%d/%n/%u/x'), [])
  assert.deepEqual(unknownHomeParts('/srv/%Lu/%h/%1n.x/%{home}/%%'), ['%Lu', '%h', '%1n', '%{home}', '%%'])
})

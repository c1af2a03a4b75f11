import assert from 'node:assert/strict'
import { test } from 'node:test'
import { recipientsAfter } from './envelope-effects.ts'

test('access(5): REDIRECT keeps what the first recipient asked for, and names him', () => {
  const redirect = { kind: 'redirect', address: 'r@s.test' } as const
  const first = { address: 'a@x.test', notify: ['SUCCESS' as const] }
  assert.deepEqual(recipientsAfter([redirect], [first, { address: 'b@x.test' }]), [
    { ...first, address: 'r@s.test', originalRecipient: 'rfc822;a@x.test', originalTo: 'a@x.test' },
  ])
  const named = { address: 'a@x.test', originalRecipient: 'rfc822;z@x.test' }
  assert.equal(recipientsAfter([redirect], [named])[0]?.originalRecipient, 'rfc822;z@x.test')
  assert.deepEqual(recipientsAfter([redirect], [{ address: 'r@s.test' }]), [{ address: 'r@s.test' }])
})

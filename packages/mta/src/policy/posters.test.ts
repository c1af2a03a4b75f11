import assert from 'node:assert/strict'
import { test } from 'node:test'
import { policyOf, request, said } from './policy-fixture.ts'

const posters = (rules: string, ownMustLogIn: 'yes' | 'no' = 'no') =>
  policyOf({ posters: { tables: [`inline:{ ${rules} }`], ownMustLogIn } })

const refused =
  '554 5.7.1 <staff@us.org>: Recipient address rejected: only its posters may write to this list'

const rows: readonly (readonly [string, string, string])[] = [
  ['{staff = members}', 'member1@good.net', 'ok'],
  ['{staff = members}', 'stranger@good.net', refused],
  ['{staff = members}', '', refused],
  ['{staff@us.org = Boss@Good.net, chair@good.net}', 'boss@good.net', 'ok'],
  ['{staff@us.org = boss@good.net, members}', 'member1@good.net', 'ok'],
  ['{staff = @good.net}', 'who@good.net', 'ok'],
  ['{staff = @good.net}', 'who@notgood.net', refused],
  ['{staff = inline:{ {good.net=OK} }}', 'a@good.net', 'ok'],
  ['{staff = inline:{ {bad@good.net=REJECT}, {good.net=OK} }}', 'bad@good.net', refused],
  ['{staff = anyone}', 'stranger@good.net', 'ok'],
  ['{other = members}', 'stranger@good.net', 'ok'],
  ['{staff = nosuch:table}', 'a@good.net', '451 4.3.5 Server configuration error'],
]
for (const [rules, sender, expected] of rows) {
  test(`alias_posters ${rules}: ${sender || '<>'}`, async () => {
    assert.equal(
      await said(posters(rules), request({ sender, recipient: 'Staff@us.org' })),
      expected.replace('<staff', '<Staff'),
    )
  })
}

test('a poster of ours must have logged in, or be in mynetworks', async () => {
  const policy = posters('{staff = boss@us.org}', 'yes')
  const asked = { sender: 'boss@us.org', recipient: 'staff@us.org' }
  assert.match(await said(policy, request(asked)), /^554 5\.7\.1 .*: log in to write to this list$/)
  assert.equal(await said(policy, request({ ...asked, user: 'boss@us.org' })), 'ok')
  assert.equal(await said(policy, request({ ...asked, own: true })), 'ok')
})

test('smtpd_null_access_lookup_key; smtpd_relay_before_recipient_restrictions', async () => {
  const nobody = policyOf({
    recipient: 'check_sender_access inline:{nobody=REJECT}',
    nullSenderKey: 'nobody',
  })
  assert.match(await said(nobody, request({ sender: '' })), /^554 5\.7\.1 <>: Sender address rejected/)
  const restrictions = {
    relay: 'reject_unauth_destination',
    recipient: 'check_sender_access inline:{ {good.net = REJECT first} }',
  }
  const asked = request({ recipient: 'x@far.net' })
  assert.match(await said(policyOf({ restrictions }), asked), /Relay access denied/)
  assert.match(await said(policyOf({ restrictions, relayBeforeRecipient: 'no' }), asked), /: first$/)
})

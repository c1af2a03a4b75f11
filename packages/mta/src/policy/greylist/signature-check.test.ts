import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { dkimSign } from 'mailauth/lib/dkim/sign.js'
import { openMailFixture } from '../../receive/mail-fixture.ts'

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 })
const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
const record = `v=DKIM1; k=rsa; p=${publicKey.export({ type: 'spki', format: 'der' }).toString('base64')}`

const text =
  'From: Ann <ann@signed.net>\r\nTo: alice@example.org\r\nSubject: hello\r\n\r\nA line.\r\nAnother.\r\n'

async function signed(signingDomain: string, message = text): Promise<string> {
  const key = { signingDomain, selector: 's1', privateKey: pem }
  const { signatures } = await dkimSign(message, {
    ...key,
    canonicalization: 'relaxed/relaxed',
    signatureData: [key],
  })
  return `${signatures}${message}`
}

async function site() {
  return await openMailFixture({
    policy: {
      restrictions: {
        relay: 'permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination',
        recipient: 'greylist',
      },
    },
    greylist: { vouchers: ['dkim'], text: 'Greylisted (wait %s s)' },
    zone: `
s1._domainkey.signed.net. TXT "${record}"
s1._domainkey.other.net. TXT "${record}"
s1._domainkey.dead.net. FAIL timeout
`,
  })
}

test('RFC 6376: who has signed does not wait; all others are put off at the end of the message', async (t) => {
  const mail = await site()
  t.after(() => mail.close())
  let client = 0
  const send = async (sender: string, message: string): Promise<readonly string[]> => {
    const session = await mail.session({ clientAddress: `203.0.${++client}.5` })
    return await mail.say(session, sender, ['alice@example.org'], message)
  }
  const putOff = '450 4.2.0 <alice@example.org>: Recipient address rejected: Greylisted (wait 60 s)'
  const good = await signed('signed.net')
  assert.deepEqual((await send('ann@signed.net', good)).slice(1), [
    '250 2.1.5 Ok',
    '354 End data with <CR><LF>.<CR><LF>',
    '250 2.0.0 Ok: queued as ID',
  ])
  assert.equal(
    (await send('bounces@mail.signed.net', good)).at(-1),
    '250 2.0.0 Ok: queued as ID',
    'a domain below',
  )
  for (const [what, sender, message] of [
    ['no signature', 'ann@signed.net', text],
    ['changed on its way', 'ann@signed.net', good.replace('Another', 'Changed')],
    ["somebody else's signature", 'ann@signed.net', await signed('other.net')],
    ['a key that cannot be had', 'ann@dead.net', await signed('dead.net')],
    ['a key that is not there', 'ann@none.net', await signed('none.net')],
    ['too many signatures', 'ann@signed.net', `${'DKIM-Signature: v=1; d=x.net; s=a\r\n'.repeat(5)}${good}`],
  ] as const)
    assert.equal((await send(sender, message)).at(-1), putOff, what)
  assert.equal((await send('', text))[1], putOff, 'the null sender signs nothing: it waits at RCPT')
  assert.match(mail.lines().join('\n'), /not greylisted: DKIM passes for signed\.net, sender=ann@signed\.net/)
  assert.match(
    mail.lines().join('\n'),
    /reject: END-OF-MESSAGE from .*: 450 4\.2\.0 <alice@example\.org>: .*Greylisted/,
  )
  assert.equal((await mail.inbox('alice@example.org')).length, 2)
})

test('the second attempt passes without a signature, and octet by octet is the same', async (t) => {
  const mail = await site()
  t.after(() => mail.close())
  const session = await mail.session({ clientAddress: '203.0.113.5' })
  assert.match((await mail.say(session, 'ann@signed.net', ['alice@example.org'], text)).at(-1) ?? '', /^450/)
  mail.clock.ms += 61_000
  assert.match((await mail.say(session, 'ann@signed.net', ['alice@example.org'], text)).at(-1) ?? '', /^250/)
})

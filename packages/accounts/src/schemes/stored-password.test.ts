import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { storedPasswordProblem, storedScheme, verifyStored } from './stored-password.ts'

const long = 'y'.repeat(100)

/** Made by libxcrypt's crypt(3), doveadm pw and openssl. */
const rows: readonly (readonly [stored: string, password: string])[] = [
  [
    '$6$saltstring$Q78qN3hztgTquoWC9NtuDHj45jbqRGGbA4LEwaFxw3MHtUvbisWpNl2GcJxgV8s4WnkDTKEyViX3xD6jBJP0B0',
    'wonderland',
  ],
  [
    '$6$rounds=1400$saltstringsaltst$aRXqY73ACzoNBm5lhYbs2tjnYtRnXDCxmIOJrSU9AWhnC3B5lkZZtyQdyLQtF04UxGtRR5dnM.5MMW.BGh0BW.',
    'bücher ünd',
  ],
  ['$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5', 'Hello world!'],
  ['$5$rounds=1000$xy$5qAPdR4jdSnG4LsuKbKRoLDQ1ABzi5ByHKJdAeSY5/C', 'a'],
  ['$6$ab$4.b/buEmXWpJZHUY8ZnYbmrUc0v4XgGZT6WpqUbICJxv2ydGq2TWFvQg3eJAd072jqRY5KbsfoEPMOWiQVuvz/', long],
  ['$1$abcdefgh$90FgjgNE3pH//25Pe/ys.1', 'wonderland'],
  ['$2b$04$abcdefghijklmnopqrstuujZkTwHUiJ9XdZPwKfcfDo7dMp5DjlTu', 'wonderland'],
  ['$2y$05$ABCDEFGHIJKLMNOPQRSTUu3eZShYUgduqA8ajZUdRGNOk.AimTPEm', 'bücher ünd'],
  ['$2a$04$....................../by6zNeuToy6nUzV3hpWuDQ/xjcX2aq', long],
  [
    '{SHA512-CRYPT}$6$saltstring$Q78qN3hztgTquoWC9NtuDHj45jbqRGGbA4LEwaFxw3MHtUvbisWpNl2GcJxgV8s4WnkDTKEyViX3xD6jBJP0B0',
    'wonderland',
  ],
  ['{blf-crypt}$2b$04$abcdefghijklmnopqrstuujZkTwHUiJ9XdZPwKfcfDo7dMp5DjlTu', 'wonderland'],
  ['{CRYPT}$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5', 'Hello world!'],
  ['{MD5}$1$abcdefgh$90FgjgNE3pH//25Pe/ys.1', 'wonderland'],
  ['{PLAIN}wonderland', 'wonderland'],
  ['{SSHA}zneqD0NdVF4B3Mt5+X0WG6J4BdxIP5jm', 'wonderland'],
  ['{SSHA256}nUjEYveZ0uusyKfbOYZVFZT5j8jSaOid59aGghH/2x6r7DrD', 'wonderland'],
  [
    '{SSHA512}Wd8FV77TOIdIxrdczQIXbywBzzCKRBD/1z4EsqnmwiC1yi3nyhBJb/NkCpE+/fs0Zh8rzQWH3puqwCluSyWf2JBuYUA=',
    'wonderland',
  ],
  ['{SMD5}FrRiVcvB7iy/J5t4Q0K4epILrmc=', 'wonderland'],
  ['{SHA}tiY7sUhYKUwI5L3866kDY+ENcrQ=', 'wonderland'],
  ['{SHA256}pxp8cBH1OhurNkLsLOElk/BSMKzo3h4+dkX2nvrBRD0=', 'wonderland'],
  [
    '{SHA512}ku0fDfoQrWtagdEFYHEbjQ9c9VgiIcfBTHy9WUlYxzC0akkZeapved5X1TI3/zY9iEZNFBBxylKvMcYzgvbHpg==',
    'wonderland',
  ],
  ['{LDAP-MD5}TOyv8rMLvnXOcyIQkWTPtQ==', 'wonderland'],
  ['{PLAIN-MD5}4cecaff2b30bbe75ce7322109164cfb5', 'wonderland'],
  ['{SHA256.HEX}a71a7c7011f53a1bab3642ec2ce12593f05230ace8de1e3e7645f69efac1443d', 'wonderland'],
  [
    '{SSHA512.HEX}7f2e825cba9e735a157850aa57f880038142241886d2339b7bcade1ff18b4990f49dcbcca3fcf7e9e60bbbf2385a1b4cdc70ae129c598123e1b718ed6352ced0fb519d53',
    'wonderland',
  ],
  ['{PBKDF2}$1$oafOLwmkhG0GMG.U$5000$47889de6085a8373acb191f95d857edbdf4d8192', 'wonderland'],
  [
    '{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$NdE2alewITk9rf8So2AnZw$eJlaNT9GuelPEI4YpeCe0+AhVjn1PRJKNEGkuCg348s',
    'wonderland',
  ],
  [
    '{ARGON2I}$argon2i$v=19$m=32768,t=4,p=1$gzdTttGWtzU7p2iSNurXyw$pKDD+lHyl1VQwyy0knqfzF4nWgY4/oTsURgyk3E7Lnk',
    'wonderland',
  ],
  [
    '{SHA512-CRYPT}$6$EpD52oHZFvvgWrFK$9gEHWdnR3L8VdeVkizh2wYpAZYkxzdV9yRFRueyKdZ6apBBAAfxmhURw8WKhAOadtl8C6dlIahqcGPxPIrNlu.',
    'wonderland',
  ],
  ['{MD5-CRYPT}$1$S46B8DfI$kAj8QHbV8R0vimrt4fRt21', 'wonderland'],
]

describe('passwords as other systems keep them', () => {
  for (const [stored, password] of rows) {
    it(`${stored.slice(0, 24)}…: ${password.slice(0, 12)}`, async () => {
      assert.equal(storedPasswordProblem(stored), undefined)
      assert.equal(await verifyStored(stored, Buffer.from(password)), true)
      assert.equal(await verifyStored(stored, Buffer.from(`x${password}`)), false)
      assert.equal(await verifyStored(stored, Buffer.alloc(0)), false)
    })
  }

  const refused: readonly (readonly [string, RegExp])[] = [
    ['', /no known form/],
    ['x', /no known form/],
    ['*', /no known form/],
    ['!$6$saltstring$abc', /no known form/],
    ['$y$j9T$abc$def', /yescrypt.*saslauthd/],
    ['ab1234567890.', /DES crypt/],
    ['$6$rounds=2000000$abc$x', /more than 1000000 rounds/],
    [`$2b$20$${'a'.repeat(53)}`, /cost above/],
    [`$2x$10$${'a'.repeat(53)}`, /no known form/],
    ['{CRAM-MD5}0123', /not offered/],
    ['{NOSUCH}abc', /unknown scheme/],
    ['{PLAIN}', /empty/],
    ['{SSHA}YWJj', /not a sha1 digest with its salt/],
    ['{PBKDF2}$1$abc$99999999$00', /not of the form/],
    ['{ARGON2ID}$argon2id$v=19$m=99999999,t=3,p=1$YWJj$YWJj', /cost/],
  ]
  for (const [stored, reason] of refused) {
    it(`refused with its reason: ${stored.slice(0, 30)}`, async () => {
      assert.match(storedPasswordProblem(stored) ?? '', reason)
      await assert.rejects(verifyStored(stored, Buffer.from('x')), reason)
    })
  }

  it('what a list calls them', () => {
    const names = [
      '',
      '$argon2id$v=19$x',
      '$6$a$b',
      '$5$a$b',
      '$1$a$b',
      '$2b$10$x',
      '{ssha512.b64}x',
      '{MD5}$1$a$b',
      '?',
    ]
    assert.deepEqual(names.map(storedScheme), [
      '',
      'ARGON2ID',
      'SHA512-CRYPT',
      'SHA256-CRYPT',
      'MD5-CRYPT',
      'BLF-CRYPT',
      'SSHA512',
      'MD5-CRYPT',
      'CRYPT',
    ])
  })

  it('many at once: each gets its own answer, and the event loop goes on', async () => {
    const [stored, password] = rows.find(([text]) => text.startsWith('$6$'))!
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, i) => verifyStored(stored, Buffer.from(i % 2 ? password : 'wrong'))),
    )
    assert.deepEqual(answers, [false, true, false, true, false, true, false, true])
  })
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { canonicalName, decodeMailboxName, decodeUtf8MailboxName, encodeMailboxName } from './mailbox-name.ts'

/** RFC 3501 §5.1.3: [on the wire, Unicode]. */
const names: readonly (readonly [string, string])[] = [
  ['INBOX', 'INBOX'],
  ['a b', 'a b'],
  ['~peter/mail/&U,BTFw-/&ZeVnLIqe-', '~peter/mail/台北/日本語'],
  ['&-', '&'],
  ['&-&-x', '&&x'],
  ['Entw&APw-rfe', 'Entwürfe'],
  ['&AOQ-&-&APY-', 'ä&ö'],
  ['&2D3eAA-', '😀'],
  ['&IKwgrCCs-', '€€€'],
]

for (const [wire, unicode] of names) {
  test(`RFC 3501 §5.1.3: ${wire}`, () => {
    assert.equal(decodeMailboxName(Buffer.from(wire)), unicode)
    assert.equal(encodeMailboxName(unicode), wire)
  })
}

/** Not the one form of any name. */
const refused: readonly (readonly [string, string])[] = [
  ['a&b', 'shift without end'],
  ['&AOQ', 'shift without end'],
  ['&AGE-', 'ASCII in base64'],
  ['&ACY-', '& in base64'],
  ['&AOQ-&APY-', 'two shifts that could be one'],
  ['&AOR-', 'bits left over are not 0'],
  ['&AOQA-', 'six bits left over'],
  ['&A-', 'half a character'],
  ['&2D0-', 'lone surrogate'],
  ['&3gDYPQ-', 'surrogates the wrong way'],
  ['&AO/-', '/ is , here'],
  ['&AO!-', 'not base64'],
  ['\xe4', '8-bit'],
  ['a\x01', 'control'],
  ['a\x7f', 'DEL'],
  ['&AAA-', 'NUL'],
  ['&AAo-', 'line feed'],
  ['&AIU-', 'C1 control'],
  ['&ICg-', 'line separator'],
]

for (const [wire, why] of refused) {
  test(`RFC 3501 §5.1.3: ${JSON.stringify(wire)} is refused: ${why}`, () => {
    assert.equal(decodeMailboxName(Buffer.from(wire, 'latin1')), undefined)
  })
}

test('RFC 9051 §5.1: INBOX has no case, and its children have one parent', () => {
  assert.equal(canonicalName('iNbOx'), 'INBOX')
  assert.equal(canonicalName('inbox/Sub'), 'INBOX/Sub')
  assert.equal(canonicalName('inboxes'), 'inboxes')
})

test('RFC 5198 §3: names are composed', () => {
  assert.equal(decodeUtf8MailboxName(Buffer.from('u\u0308')), 'ü')
})

test('RFC 6855 §3: UTF-8 names', () => {
  assert.equal(decodeUtf8MailboxName(Buffer.from('Entwürfe & co')), 'Entwürfe & co')
  assert.equal(decodeUtf8MailboxName(Buffer.from([0xff])), undefined)
  assert.equal(decodeUtf8MailboxName(Buffer.from([0xed, 0xa0, 0x80])), undefined)
})

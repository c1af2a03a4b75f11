import assert from 'node:assert/strict'
import { test } from 'node:test'
import { conversationKey, messageIdentifiers } from './conversation.ts'
import { scanMessage } from './scanner.ts'
import { encodeSummary } from './summary-encode.ts'
import { SummaryReader } from './summary-reader.ts'

function of(header: string) {
  const reader = new SummaryReader()
  reader.open(encodeSummary(scanMessage(Buffer.from(`${header}\r\n\r\nbody\r\n`))))
  return messageIdentifiers(reader)
}

const [root, a, b] = ['root@x', 'a@x', 'b@x'].map(conversationKey)
const rows: readonly [
  header: string,
  own: string | undefined,
  references: readonly (string | undefined)[],
][] = [
  ['From: <@route:a@b>, c@d\r\nMessage-ID: <root@x>', root, []],
  ['In-Reply-To: <root@x>\r\nMessage-ID: <a@x>', a, [root]],
  ['References: <root@x> <a@x>\r\nIn-Reply-To: <a@x>\r\nMessage-ID: <b@x>', b, [root, a]],
  ['references:\r\n <root@x>\r\n <b@x>\r\nMessage-ID: <"a"@x>', a, [root, b]],
  ['In-Reply-To: your message of Friday <root@x> <a@x>', undefined, [root]],
  ['References: none\r\nIn-Reply-To: <a@x>', undefined, [a]],
  ['Subject: nothing else', undefined, []],
  ['Message-ID: no brackets', undefined, []],
]
for (const [header, own, references] of rows) {
  test(`RFC 5256 §3 REFERENCES, RFC 8474 §5.2: ${JSON.stringify(header)}`, () => {
    assert.deepEqual(of(header), { own, references })
  })
}

test('RFC 8474 §7: what stands for an identifier fits into an objectid', () => {
  assert.match(conversationKey('root@x'), /^[A-Za-z0-9_-]{16}$/)
})

test('references that the summary could not keep are in the header', () => {
  const header = `References: <r@x>\r\n ${`<${'y'.repeat(500)}@x>\r\n `.repeat(200)}\r\nMessage-ID: <a@x>\r\n\r\n`
  const reader = new SummaryReader()
  reader.open(encodeSummary(scanMessage(Buffer.from(`${header}body`))))
  assert.equal(messageIdentifiers(reader), undefined)
  assert.deepEqual(messageIdentifiers(reader, header)?.references[0], conversationKey('r@x'))
})

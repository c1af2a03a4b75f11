import assert from 'node:assert/strict'
import { test } from 'node:test'
import { conversationOf } from './conversation.ts'
import { scanMessage } from './scanner.ts'
import { encodeSummary } from './summary-encode.ts'
import { SummaryReader } from './summary-reader.ts'

function of(header: string): string | undefined {
  const reader = new SummaryReader()
  reader.open(encodeSummary(scanMessage(Buffer.from(`${header}\r\n\r\nbody\r\n`))))
  return conversationOf(reader)
}

test('RFC 8474 §5.2: one identifier for a message and all that answers it', () => {
  const root = of('From: <@route:a@b>, c@d\r\nMessage-ID: <root@x>')
  assert.match(root!, /^[A-Za-z0-9_-]{16}$/)
  assert.equal(of('In-Reply-To: <root@x>\r\nMessage-ID: <a@x>'), root)
  assert.equal(of('References: <root@x> <a@x>\r\nIn-Reply-To: <a@x>\r\nMessage-ID: <b@x>'), root)
  assert.equal(of('references:\r\n <root@x>\r\n <b@x>\r\nMessage-ID: <c@x>'), root)
  assert.equal(of('In-Reply-To: your message of Friday <root@x>'), root)
  assert.notEqual(of('Message-ID: <other@x>'), root)
  assert.equal(of('Subject: nothing else'), undefined)
  assert.equal(of('Message-ID: no brackets'), undefined)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseMessageUrl } from './message-url.ts'

const cases: readonly (readonly [url: string, expect: string | undefined])[] = [
  ['/INBOX/;UID=1', 'INBOX||1|all||'],
  ['/inbox/;uid=1', 'INBOX||1|all||'],
  ['/a%20b/c;UIDVALIDITY=7/;UID=2/;SECTION=1.2.MIME', 'a b/c|7|2|mime|1.2|'],
  ['/Entw%C3%BCrfe/;UID=2/;SECTION=HEADER', 'Entwürfe||2|header||'],
  ['/INBOX/;UID=2/;SECTION=HEADER.FIELDS%20(subject)/;PARTIAL=5.10', 'INBOX||2|fields||5.10'],
  ['/INBOX/;UID=2/;PARTIAL=5', 'INBOX||2|all||5.9007199254740991'],
  [';UID=3/;SECTION=1', '||3|all|1|'],
  ['/;UID=3', '||3|all||'],
  ['', undefined],
  ['/INBOX', undefined],
  ['/INBOX/;UID=0', undefined],
  ['/INBOX/;UID=1:2', undefined],
  ['/INBOX/;UID=1/;UID=2', undefined],
  ['/INBOX/;UID=1/;SECTION=bogus', undefined],
  ['/INBOX/;UID=1/;SECTION=1]x', undefined],
  ['/INBOX/;UID=1/;SECTION=%', undefined],
  ['/INBOX/;UID=1/;PARTIAL=x', undefined],
  ['/INBOX/;UID=1/;PARTIAL=1.2.3', undefined],
  ['/INBOX;UIDVALIDITY=x/;UID=1', undefined],
  ['/INBOX;OTHER=1/;UID=1', undefined],
  ['/IN%00BOX/;UID=1', undefined],
  ['/%FF/;UID=1', undefined],
  ['//other.example.org/INBOX/;UID=1', undefined],
  ['imap://alice@example.org/INBOX/;UID=1', undefined],
]

for (const [url, expect] of cases)
  test(`RFC 5092 §6, RFC 5550 §3.1: ${JSON.stringify(url)}`, () => {
    const parsed = parseMessageUrl(url)
    const text =
      parsed &&
      [
        parsed.mailbox,
        parsed.uidValidity,
        parsed.uid,
        parsed.section.what,
        parsed.section.path.join('.'),
        parsed.partial && `${parsed.partial.start}.${parsed.partial.length}`,
      ].join('|')
    assert.equal(text, expect)
  })

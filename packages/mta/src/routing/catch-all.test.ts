import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTables } from '../tables/index.ts'
import { createCatchAll } from './catch-all.ts'

const catchAllOf = (table: string) => {
  const tables = createTables({ log: () => {}, now: () => 0, environment: {} })
  return createCatchAll(tables.openAll([table], 'virtual_mailbox_maps'))
}

test('Postfix: virtual(8): @domain in virtual_mailbox_maps: the mailbox that its path means', () => {
  for (const [value, mailbox] of [
    ['a.test/catchall/', 'catchall@a.test'],
    ['a.test/Catchall', 'catchall@a.test'],
    ['b.test/info/Maildir/', 'info@b.test'],
    ['info/', 'info@a.test'],
    ['/var/mail/a.test/info', 'info@a.test'],
    ['info@b.test', 'info@b.test'],
    ['/', undefined],
  ] as const)
    assert.equal(catchAllOf(`inline:{ {@a.test = ${value}} }`)?.('a.test'), mailbox, value)
  assert.equal(catchAllOf('inline:{ x@a.test=a.test/x }')?.('a.test'), undefined)
})

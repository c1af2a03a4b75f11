import assert from 'node:assert/strict'
import { test } from 'node:test'
import { foldKey } from './fold-key.ts'
import { openTable } from './index.ts'
import { context, file } from './table-fixture.ts'

test('RFC 5890 §2.3.2.1: a domain is one key in both of its forms', () => {
  const rows: readonly (readonly [given: string, wanted: string])[] = [
    ['Alice@Example.ORG', 'alice@example.org'],
    ['info@BÜCHER.example', 'info@xn--bcher-kva.example'],
    ['info@xn--bcher-kva.example', 'info@xn--bcher-kva.example'],
    ['MÜLLER@bücher.example', 'müller@xn--bcher-kva.example'],
    ['müller@', 'müller@'],
    ['.bücher.example', '.xn--bcher-kva.example'],
    ['@bücher.example', '@xn--bcher-kva.example'],
    ['"a@ü"@example.org', '"a@ü"@example.org'],
    ['müller', 'müller'],
    ['two words ü', 'two words ü'],
    ['', ''],
  ]
  for (const [given, wanted] of rows) assert.equal(foldKey(given), wanted)
})

test('SMTPUTF8_README: tables with names as people write them answer for both forms', () => {
  const path = file(
    'info@bücher.example one\nxn--mller-kva.example two\n.köln.example three\nmüller@example.org four\n',
  )
  const table = openTable(`hash:${path}`, context())
  for (const [key, wanted] of [
    ['info@bücher.example', 'one'],
    ['info@xn--bcher-kva.example', 'one'],
    ['INFO@BÜCHER.EXAMPLE', 'one'],
    ['müller.example', 'two'],
    ['xn--mller-kva.example', 'two'],
    ['.xn--kln-sna.example', 'three'],
    ['MÜLLER@example.org', 'four'],
    ['bücher.example', undefined],
  ] as const)
    assert.equal(table.lookup(key), wanted, key)
  const inline = openTable('inline:{info@bücher.example=one}', context())
  assert.equal(inline.lookup('info@xn--bcher-kva.example'), 'one')
  const asGiven = openTable(`hash:${path}`, context({ keys: 'as-given' }))
  assert.equal(asGiven.lookup('info@xn--bcher-kva.example'), undefined)
})

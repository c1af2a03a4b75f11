import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileUidlFormat } from './uidl.ts'

const formats: readonly [format: string, uid: number, uidValidity: number, id: string][] = [
  ['%08Xu%08Xv', 1, 0x6b02249a, '000000016b02249a'],
  ['%08Xu%08Xv', 0xffffffff, 0xfffffffe, 'fffffffffffffffe'],
  ['%08Xv%08Xu', 26, 0x6b02249a, '6b02249a0000001a'],
  ['UID%u-%v', 26, 1781, 'UID26-1781'],
  ['%v.%u', 26, 1781, '1781.26'],
  ['%Xu', 26, 1, '1a'],
  ['%05u', 26, 1, '00026'],
  ['a%%%u', 26, 1, 'a%26'],
]

for (const [format, uid, uidValidity, id] of formats)
  test(`Dovecot: pop3_uidl_format = ${format}`, () => {
    assert.equal(compileUidlFormat(format)(uid, uidValidity), id)
    assert.match(id, /^[!-~]{1,70}$/)
  })

for (const [format, why] of [
  ['%v', /without %u/],
  ['', /without %u/],
  ['%u %v', /not printable/],
  ['%g', /unknown variable/],
  ['%u%', /unknown variable/],
  [`%u${'x'.repeat(70)}`, /over 70/],
  [`%u${'x'.repeat(300)}`, /too long/],
] as const)
  test(`a UIDL format that is refused: ${JSON.stringify(format.slice(0, 20))}`, () => {
    assert.throws(() => compileUidlFormat(format), why)
  })

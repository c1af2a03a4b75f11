import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileUidlFormat, globalIdOf, namesMessages } from './uidl.ts'

const formats: readonly [format: string, uid: number, uidValidity: number, id: string][] = [
  ['%08Xu%08Xv', 1, 0x6b02249a, '000000016b02249a'],
  ['%08Xu%08Xv', 0xffffffff, 0xfffffffe, 'fffffffffffffffe'],
  ['%08Xv%08Xu', 26, 0x6b02249a, '6b02249a0000001a'],
  ['UID%u-%v', 26, 1781, 'UID26-1781'],
  ['%v.%u', 26, 1781, '1781.26'],
  ['%Xu', 26, 1, '1a'],
  ['%05u', 26, 1, '00026'],
  ['a%%%u', 26, 1, 'a%26'],
  ['%g', 26, 1, 'guid'],
  ['%f-%u', 26, 1, 'guid-26'],
]

for (const [format, uid, uidValidity, id] of formats)
  test(`Dovecot: pop3_uidl_format = ${format}`, () => {
    assert.equal(compileUidlFormat(format)(uid, uidValidity, 'guid'), id)
    assert.match(id, /^[!-~]{1,70}$/)
  })

for (const [format, why] of [
  ['%v', /without %u/],
  ['', /without %u/],
  ['%u %v', /not printable/],
  ['%m', /unknown variable/],
  [`%g${'x'.repeat(40)}`, /over 70/],
  ['%u%', /unknown variable/],
  [`%u${'x'.repeat(70)}`, /over 70/],
  [`%u${'x'.repeat(300)}`, /too long/],
] as const)
  test(`a UIDL format that is refused: ${JSON.stringify(format.slice(0, 20))}`, () => {
    assert.throws(() => compileUidlFormat(format), why)
  })

test('Dovecot: pop3_uidl_format %f and %g name the message', () => {
  assert.equal(namesMessages('a%%f%u'), undefined)
  assert.equal(namesMessages('%f'), 'file')
  assert.equal(namesMessages('%u.%g'), 'guid')
  const ids = [1, 2, 0xffff_ffff].map((uid) => globalIdOf('ab'.repeat(16), uid))
  assert.equal(new Set(ids).size, 3)
  for (const id of ids) assert.match(compileUidlFormat('%g')(1, 1, id), /^[0-9a-f]{40}$/)
})

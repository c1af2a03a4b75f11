import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lookupAccessAddress, lookupDomain, lookupIpAddress, lookupMapping, openTable } from './index.ts'
import { context } from './table-fixture.ts'

test('access(5): partial keys', () => {
  const no = { parentMatchesSubdomains: 'no' } as const
  const yes = { parentMatchesSubdomains: 'yes' } as const
  const inline = (body: string) => openTable(`inline:{${body}}`, context())
  assert.equal(lookupDomain(inline('example.org=1'), 'a.example.org', no), undefined)
  assert.equal(lookupDomain(inline('example.org=1'), 'a.example.org', yes), '1')
  assert.equal(lookupDomain(inline('.example.org=1'), 'b.a.example.org', no), '1')
  assert.equal(lookupDomain(inline('.example.org=1'), 'example.org', no), undefined)
  assert.equal(lookupDomain(inline('.org=1,.example.org=2'), 'a.example.org', no), '2')
  const networks = inline('192.0=1,192.0.2.5=2,2001:db8=6')
  assert.equal(lookupIpAddress(networks, '192.0.2.5'), '2')
  assert.equal(lookupIpAddress(networks, '192.0.2.6'), '1')
  assert.equal(lookupIpAddress(networks, '192.1.2.6'), undefined)
  assert.equal(lookupIpAddress(networks, '2001:db8::1'), '6')
  const order = ['user+x@d.org', 'user@d.org', 'd.org', 'user+x@', 'user@']
  for (let i = 0; i < order.length; i++) {
    const table = inline(
      order
        .slice(i)
        .map((key) => `${key}=${key}`)
        .join(','),
    )
    assert.equal(lookupAccessAddress(table, 'user+x@d.org', '+', no), order[i])
  }
  assert.equal(lookupAccessAddress(inline('user@=1'), 'user', '+', no), '1')
})

test('virtual(5), canonical(5): partial keys and what is left of the extension', () => {
  const order = ['user+x@d.org', 'user@d.org', 'user+x', 'user', '@d.org']
  for (let i = 0; i < order.length; i++) {
    const table = openTable(
      `inline:{${order
        .slice(i)
        .map((key) => `${key}=v`)
        .join(',')}}`,
      context(),
    )
    assert.deepEqual(lookupMapping([table], 'user+x@d.org', { delimiter: '+', bareNames: 'yes' }), {
      value: 'v',
      unmatchedExtension: i === 1 || i === 3 ? '+x' : undefined,
      catchAll: i === 4,
    })
  }
  const bare = openTable('inline:{user=v}', context())
  assert.equal(lookupMapping([bare], 'user@d.org', { delimiter: '+', bareNames: 'no' }), undefined)
})

test('a quoted local part: its extension ends before the quote', () => {
  const how = { delimiter: '+', bareNames: 'no' } as const
  const table = openTable('inline:{{"a b"@d.org = v}, {plain@d.org = w}}', context())
  assert.equal(lookupMapping([table], '"a b+x"@d.org', how)?.unmatchedExtension, '+x')
  assert.equal(lookupMapping([table], '"plain+x y"@d.org', how)?.value, 'w')
  assert.equal(lookupMapping([table], '"a c+x"@d.org', how), undefined)
  assert.equal(lookupAccessAddress(table, '"a b+x"@d.org', '+', { parentMatchesSubdomains: 'no' }), 'v')
})

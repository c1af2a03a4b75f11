import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addressesOf, type Resolver } from '@posthorn/dns'
import { filteredResolver } from './filtered-resolver.ts'

const records = <T>(...all: readonly T[]) => ({ kind: 'records' as const, records: all, ttlMs: 300_000 })
const nothing = { kind: 'nodata', ttlMs: 0 } as const
const site: Resolver = {
  mx: async () => records({ preference: 10, exchange: 'a.test' }, { preference: 20, exchange: 'b.test' }),
  a: async (name) => (name === 'six.test' ? nothing : records('192.0.2.1')),
  aaaa: async () => records('2001:db8::1'),
  ptr: async () => nothing,
  txt: async () => nothing,
  tlsa: async () => nothing,
  srv: async () => nothing,
  ns: async () => nothing,
}

test('Postfix: smtp_dns_reply_filter: records that are ignored, as the filter sees them', async () => {
  const seen: string[] = []
  const resolver = filteredResolver(site, (record) => {
    seen.push(record)
    return /\sAAAA\s|20 b\.test\.$/.test(record) ? 'IGNORE' : undefined
  })
  assert.deepEqual(await resolver.mx('far.test'), records({ preference: 10, exchange: 'a.test' }))
  assert.deepEqual(await addressesOf(resolver, 'a.test'), records('192.0.2.1'))
  assert.deepEqual(
    seen,
    [
      'far.test. 300 IN MX 10 a.test.',
      'far.test. 300 IN MX 20 b.test.',
      'a.test. 300 IN AAAA 2001:db8::1',
      'a.test. 300 IN A 192.0.2.1',
    ].toSorted((a, b) => seen.indexOf(a) - seen.indexOf(b)),
  )
})

test('Postfix: smtp_dns_reply_filter: with no record left the mail waits', async () => {
  const resolver = filteredResolver(site, () => 'ignore this')
  assert.equal((await resolver.mx('far.test')).kind, 'temporary')
  assert.equal((await addressesOf(resolver, 'six.test')).kind, 'temporary')
  const asked = await filteredResolver(site, () => 'IGNORE', 'smtpd_dns_reply_filter').mx('far.test')
  assert.match(asked.kind === 'temporary' ? asked.reason : '', /smtpd_dns_reply_filter/)
  const other = filteredResolver(site, () => 'something else')
  assert.equal((await other.mx('far.test')).kind, 'records')
})

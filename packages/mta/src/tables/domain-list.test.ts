import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { createDomainList, createTables } from './index.ts'
import { context, file } from './table-fixture.ts'

test('string_list(3): mydestination has whole names, in the list and in its tables', () => {
  const ctx = context()
  const items = [
    '.sub.example.org',
    'example.org',
    'inline:{.table.example=x,table.example=y}',
    '!.no.example',
  ]
  const list = createDomainList(items, { ...ctx, tables: createTables(ctx) })
  const cases: readonly [string, boolean][] = [
    ['example.org', true],
    ['a.sub.example.org', false],
    ['sub.example.org', false],
    ['table.example', true],
    ['a.table.example', false],
  ]
  for (const [domain, expected] of cases) assert.equal(list.has(domain), expected, domain)
})

test('domain_list(3): names, files, tables, negation', async () => {
  const ctx = context()
  const names = file('# local-host-names\nhost1.example.org\nhost2.example.org\n')
  const list = (items: string[], parentMatchesSubdomains: 'yes' | 'no' = 'no') =>
    createDomainList(items, { ...ctx, tables: createTables(ctx) }, { parentMatchesSubdomains })
  const all = list([
    '!bad.example.org',
    names,
    'hash:'.concat(file('map.org x\n')),
    '.example.org',
    'Plain.ORG',
  ])
  const cases: readonly [string, boolean][] = [
    ['bad.example.org', false],
    ['HOST2.example.org', true],
    ['map.org', true],
    ['x.example.org', true],
    ['example.org', false],
    ['plain.org', true],
    ['a.plain.org', false],
  ]
  for (const [domain, expected] of cases) assert.equal(all.has(domain), expected, domain)
  assert.equal(list(['plain.org'], 'yes').has('a.plain.org'), true)
  assert.equal(list([]).has('plain.org'), false)
  writeFileSync(names, 'host3.example.net\n')
  await all.refresh()
  assert.equal(all.has('host3.example.net'), true)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { flushableSite } from './flushable-site.ts'
import { buildConfig } from './load-config.ts'
import { testMachine } from './machine-fixture.ts'

const place = { file: '/srv/mail/main.cf', folder: '/srv/mail', named: false }

test('fast_flush_domains: names and tables, as relay_domains has them', async () => {
  const lines = `relay_domains = inline:{example.com=OK} example.org, !not.example.net, .example.net\n`
  const { config } = buildConfig(place, lines, { environment: {}, machine: testMachine })
  const served = async (site: string) => (await flushableSite(config, site)) !== undefined
  for (const site of ['example.com', 'sub.example.com', 'EXAMPLE.org', '@example.org', 'a.example.net'])
    assert.equal(await served(site), true, site)
  for (const site of ['example', 'not.example.net', 'other.test'])
    assert.equal(await served(site), false, site)
})

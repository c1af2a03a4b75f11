import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Log } from '@posthorn/mail'
import { createGatewayGuard } from '@posthorn/mta'
import { containerGateways, gatewayOf } from './default-gateway.ts'

const head = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n'

test('the default route names the gateway', () => {
  assert.equal(
    gatewayOf(`${head}eth0\t000011AC\t00000000\t0001\neth0\t00000000\t010011AC\t0003\n`),
    '172.17.0.1',
  )
  assert.equal(gatewayOf(`${head}eth0\t000011AC\t00000000\t0001\n`), undefined)
  assert.equal(gatewayOf(''), undefined)
})

test('in a container the gateways of both families are found, and the guard trusts nobody who comes from there', () => {
  const files = new Map([
    ['/.dockerenv', ''],
    ['/proc/net/route', 'Iface\tDestination\tGateway\neth0\t00000000\t010011AC\t0003\n'],
    [
      '/proc/net/ipv6_route',
      `${'0'.repeat(32)} 00 ${'0'.repeat(32)} 00 fd000000000000000000000000000001 00000400 eth0\n`,
    ],
  ])
  const machine = {
    exists: (path: string) => files.has(path),
    read: (path: string) => files.get(path) ?? assert.fail(`no ${path}`),
  }
  const gateways = containerGateways(machine)
  assert.deepEqual(gateways, ['172.17.0.1', 'fd00:0000:0000:0000:0000:0000:0000:0001'])
  const lines: string[] = []
  const log: Log = ({ text }) => void lines.push(text)
  const guard = createGatewayGuard({ gateways, mynetworks: '172.17.0.0/16', log })
  for (const stranger of ['172.17.0.1', '::ffff:172.17.0.1', 'fd00::1'])
    assert.equal(guard.trusts(stranger), false, stranger)
  assert.equal(guard.trusts('172.17.0.9'), true)
  assert.equal(lines.length, 1)
  assert.match(lines[0] ?? '', /gateway 172\.17\.0\.1.*add 172\.17\.0\.1 to mynetworks/)
  const named = createGatewayGuard({ gateways, mynetworks: '172.17.0.1/32', log })
  assert.equal(named.trusts('172.17.0.1'), true)
})

test('outside of a container no gateway is distrusted', () => {
  const machine = { exists: () => false, read: () => assert.fail('must not be read') }
  assert.deepEqual(containerGateways(machine), [])
})

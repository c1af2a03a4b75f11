import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gatewayOf } from './default-gateway.ts'

const head = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n'

test('the default route names the gateway', () => {
  assert.equal(
    gatewayOf(`${head}eth0\t000011AC\t00000000\t0001\neth0\t00000000\t010011AC\t0003\n`),
    '172.17.0.1',
  )
  assert.equal(gatewayOf(`${head}eth0\t000011AC\t00000000\t0001\n`), undefined)
  assert.equal(gatewayOf(''), undefined)
})

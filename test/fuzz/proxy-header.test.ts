import assert from 'node:assert/strict'
import { isIP } from 'node:net'
import { test } from 'node:test'
import { readProxyHeader } from '@posthorn/net'
import fc from 'fast-check'

const seeds = [
  Buffer.from('PROXY TCP4 192.0.2.1 198.51.100.2 56324 110\r\nCAPA\r\n'),
  Buffer.from('PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\nCAPA\r\n'),
  Buffer.from('0d0a0d0a000d0a515549540a2111000cc0000201c6336402dc04006e', 'hex'),
  Buffer.from('0d0a0d0a000d0a515549540a20000000', 'hex'),
]

test('fuzz: a PROXY header is read, refused or awaited; addresses are addresses; nothing is awaited for ever', () => {
  const change = fc.record({ at: fc.nat(80), octet: fc.nat(255) })
  fc.assert(
    fc.property(
      fc.constantFrom(...seeds),
      fc.array(change, { maxLength: 4 }),
      fc.nat(80),
      (seed, changes, cut) => {
        const bytes = Buffer.from(seed)
        for (const { at, octet } of changes) bytes[at % bytes.length] = octet
        const read = readProxyHeader(bytes.subarray(0, cut))
        if (read.kind === 'done') {
          assert.ok(read.length <= bytes.length)
          if (read.header.kind === 'proxied') {
            assert.notEqual(isIP(read.header.remoteAddress), 0)
            assert.notEqual(isIP(read.header.localAddress), 0)
          }
        }
        const endless = Buffer.concat([bytes.subarray(0, cut), Buffer.alloc(5000, 65)])
        assert.notEqual(readProxyHeader(endless).kind, 'more')
      },
    ),
    { numRuns: 20_000 },
  )
})

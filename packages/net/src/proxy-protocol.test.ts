import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readProxyHeader } from './proxy-protocol.ts'

const v2 = (rest: string): Buffer => Buffer.from(`0d0a0d0a000d0a515549540a${rest}`.replaceAll(' ', ''), 'hex')

const good: readonly { readonly why: string; readonly bytes: Buffer; readonly expect: string }[] = [
  {
    why: 'v1 IPv4 (§2.1)',
    bytes: Buffer.from('PROXY TCP4 192.0.2.1 198.51.100.2 56324 110\r\n'),
    expect: '192.0.2.1:56324 198.51.100.2:110',
  },
  {
    why: 'v1 IPv6 (§2.1)',
    bytes: Buffer.from('PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n'),
    expect: '2001:db8::1:1 2001:db8::2:65535',
  },
  { why: 'v1 UNKNOWN (§2.1)', bytes: Buffer.from('PROXY UNKNOWN anything here\r\n'), expect: 'local' },
  {
    why: 'v2 IPv4 (§2.2)',
    bytes: v2('21 11 000c c0000201 c6336402 dc04 006e'),
    expect: '192.0.2.1:56324 198.51.100.2:110',
  },
  {
    why: 'v2 IPv6 (§2.2)',
    bytes: v2(`21 21 0024 20010db8${'0'.repeat(23)}1 20010db8${'0'.repeat(23)}2 0001 ffff`),
    expect: '2001:db8::1:1 2001:db8::2:65535',
  },
  {
    why: 'v2 with TLVs behind the addresses (§2.2)',
    bytes: v2('21 11 0013 c0000201 c6336402 dc04 006e 04 0004 00000000'),
    expect: '192.0.2.1:56324 198.51.100.2:110',
  },
  { why: 'v2 LOCAL (§2.2)', bytes: v2('20 00 0000'), expect: 'local' },
  { why: 'v2 UNIX sockets are not shown', bytes: v2(`21 31 00d8 ${'00'.repeat(216)}`), expect: 'local' },
]

for (const { why, bytes, expect } of good) {
  test(`PROXY: ${why}`, () => {
    const followed = Buffer.concat([bytes, Buffer.from('CAPA\r\n')])
    const read = readProxyHeader(followed)
    assert.equal(read.kind, 'done')
    if (read.kind !== 'done') return
    assert.equal(read.length, bytes.length, 'what follows is left alone')
    const { header } = read
    const shown =
      header.kind === 'local'
        ? 'local'
        : `${header.remoteAddress}:${header.remotePort} ${header.localAddress}:${header.localPort}`
    assert.equal(shown, expect)
    for (let cut = 0; cut < bytes.length; cut++)
      assert.equal(readProxyHeader(bytes.subarray(0, cut)).kind, 'more', `cut at ${cut}`)
  })
}

const bad: readonly { readonly why: string; readonly bytes: Buffer }[] = [
  { why: 'no header at all', bytes: Buffer.from('USER alice\r\n') },
  { why: 'an address of the other family', bytes: Buffer.from('PROXY TCP4 2001:db8::1 1.2.3.4 1 2\r\n') },
  { why: 'no address', bytes: Buffer.from('PROXY TCP4 1.2.3 1.2.3.4 1 2\r\n') },
  { why: 'a port too large', bytes: Buffer.from('PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n') },
  { why: 'a port with a sign', bytes: Buffer.from('PROXY TCP4 1.2.3.4 1.2.3.4 -1 1\r\n') },
  { why: 'a missing field', bytes: Buffer.from('PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n') },
  { why: 'an unknown family', bytes: Buffer.from('PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n') },
  { why: 'a line without an end', bytes: Buffer.from(`PROXY TCP4 ${'1'.repeat(200)}`) },
  { why: 'a line too long', bytes: Buffer.from(`PROXY UNKNOWN ${'1'.repeat(100)}\r\n`) },
  { why: 'version 3', bytes: v2('31 11 000c c0000201 c6336402 dc04 006e') },
  { why: 'an unknown command', bytes: v2('22 11 000c c0000201 c6336402 dc04 006e') },
  { why: 'too short for its family', bytes: v2('21 21 000c c0000201 c6336402 dc04 006e') },
  { why: 'too long to be waited for', bytes: v2('21 11 ffff') },
]

for (const { why, bytes } of bad) {
  test(`PROXY refused: ${why}`, () => {
    assert.equal(readProxyHeader(bytes).kind, 'bad')
  })
}

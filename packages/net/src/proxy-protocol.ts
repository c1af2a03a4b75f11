import * as net from 'node:net'
import { normalizeAddress } from './address.ts'

/** Who the upstream says is really talking. 'local' = the upstream itself (its health checks). */
export type ProxyHeader =
  | {
      readonly kind: 'proxied'
      readonly remoteAddress: string
      readonly remotePort: number
      readonly localAddress: string
      readonly localPort: number
    }
  | { readonly kind: 'local' }

export type ProxyRead =
  | { readonly kind: 'more' }
  | { readonly kind: 'bad'; readonly reason: string }
  | { readonly kind: 'done'; readonly header: ProxyHeader; readonly length: number }

const signatureV2 = Buffer.from('0d0a0d0a000d0a515549540a', 'hex')
const signatureV1 = Buffer.from('PROXY ')
/** "The PROXY protocol" §2.1: the worst case line is 107 octets with CRLF. */
const maxV1Bytes = 107
/** §2.2 allows 65,535; addresses and the TLVs in use need far less. */
const maxV2Bytes = 16 + 4096

const more: ProxyRead = { kind: 'more' }
const bad = (reason: string): ProxyRead => ({ kind: 'bad', reason })

/** Reads a PROXY protocol header, version 1 or 2, at the start of `bytes` (haproxy.org proxy-protocol.txt §2). */
export function readProxyHeader(bytes: Buffer): ProxyRead {
  if (startsAlike(bytes, signatureV2)) return bytes.length < 16 ? more : readV2(bytes)
  if (startsAlike(bytes, signatureV1)) return readV1(bytes)
  return bad('no PROXY header')
}

function startsAlike(bytes: Buffer, signature: Buffer): boolean {
  const length = Math.min(bytes.length, signature.length)
  return bytes.compare(signature, 0, length, 0, length) === 0
}

function readV1(bytes: Buffer): ProxyRead {
  const end = bytes.indexOf('\r\n')
  if (end < 0) return bytes.length < maxV1Bytes ? more : bad('PROXY line too long')
  if (end + 2 > maxV1Bytes) return bad('PROXY line too long')
  const fields = bytes.toString('latin1', 0, end).split(' ')
  const [, family, remote, local, remotePort, localPort] = fields
  const length = end + 2
  if (family === 'UNKNOWN') return { kind: 'done', header: { kind: 'local' }, length }
  const version = family === 'TCP4' ? 4 : family === 'TCP6' ? 6 : 0
  if (version === 0 || fields.length !== 6) return bad('malformed PROXY line')
  if (net.isIP(remote!) !== version || net.isIP(local!) !== version) return bad('bad address in PROXY line')
  const ports = [parsePort(remotePort!), parsePort(localPort!)]
  if (ports[0] === undefined || ports[1] === undefined) return bad('bad port in PROXY line')
  return {
    kind: 'done',
    length,
    header: {
      kind: 'proxied',
      remoteAddress: normalizeAddress(remote!),
      remotePort: ports[0],
      localAddress: normalizeAddress(local!),
      localPort: ports[1],
    },
  }
}

function parsePort(text: string): number | undefined {
  if (text.length === 0 || text.length > 5) return undefined
  for (let i = 0; i < text.length; i++)
    if (text.charCodeAt(i) < 48 || text.charCodeAt(i) > 57) return undefined
  const port = Number(text)
  return port <= 65535 ? port : undefined
}

function readV2(bytes: Buffer): ProxyRead {
  const versionAndCommand = bytes[12]!
  const family = bytes[13]!
  const length = 16 + bytes.readUInt16BE(14)
  if (versionAndCommand >> 4 !== 2) return bad('unknown PROXY version')
  if (length > maxV2Bytes) return bad('PROXY header too long')
  if (bytes.length < length) return more
  const command = versionAndCommand & 15
  if (command > 1) return bad('unknown PROXY command')
  // §2.2: LOCAL, and families we cannot show (UNSPEC, UNIX), keep the real connection endpoints.
  const addressBytes = family === 0x11 ? 4 : family === 0x21 ? 16 : 0
  if (command === 0 || addressBytes === 0) return { kind: 'done', header: { kind: 'local' }, length }
  if (length < 16 + 2 * addressBytes + 4) return bad('PROXY header too short')
  const ports = 16 + 2 * addressBytes
  return {
    kind: 'done',
    length,
    header: {
      kind: 'proxied',
      remoteAddress: formatBinary(bytes.subarray(16, 16 + addressBytes)),
      remotePort: bytes.readUInt16BE(ports),
      localAddress: formatBinary(bytes.subarray(16 + addressBytes, ports)),
      localPort: bytes.readUInt16BE(ports + 2),
    },
  }
}

function formatBinary(address: Buffer): string {
  if (address.length === 4) return address.join('.')
  const groups: string[] = []
  for (let i = 0; i < 16; i += 2) groups.push(address.readUInt16BE(i).toString(16))
  const mapped = groups.slice(0, 5).every((group) => group === '0') && groups[5] === 'ffff'
  return mapped
    ? address.subarray(12).join('.')
    : new net.SocketAddress({ address: groups.join(':'), family: 'ipv6' }).address
}

import type { Machine } from './computed.ts'

/** For tests: a machine whose defaults are known. */
export const testMachine: Machine = {
  hostname: 'mail.example.org',
  addresses: [
    { address: '127.0.0.1', bits: 8, loopback: true },
    { address: '192.0.2.7', bits: 24, loopback: false },
    { address: '::1', bits: 128, loopback: true },
    { address: '2001:db8:1::7', bits: 64, loopback: false },
  ],
  exists: () => false,
  firstLine: (file) => (file === '/etc/mailname' ? 'example.net' : undefined),
}

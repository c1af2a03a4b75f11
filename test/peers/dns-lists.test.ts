import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { Resolver } from 'node:dns/promises'
import { mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { MailServer } from '@posthorn/server'
import { bob, eventually, startForClients } from '../clients/mail-server.ts'
import { Wire } from '../clients/wire.ts'
import { freeUdpPort } from './free-udp-port.ts'

/** DNS block and allow lists, asked of Debian's nsd with real zones. RFC 5782. */
const folder = mkdtempSync(join(tmpdir(), 'posthorn-nsd-'))
let nsd: ChildProcess | undefined
let server: MailServer
let serverAddress = ''
let silent: ReturnType<typeof createSocket>

const zones: Readonly<Record<string, string>> = {
  'bl.test': `
2.2.0.192 A 127.0.0.2
2.2.0.192 TXT "see https://bl.test/192.0.2.2"
3.2.0.192 A 127.0.0.10
2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2 A 127.0.0.3
`,
  'dbl.test': 'spam.test A 127.0.1.2\n*.wild.test A 127.0.1.2\n',
  'wl.test': '4.2.0.192 A 127.0.5.1\n4.2.0.192 TXT "a good one"\n',
  'bl2.test': '4.2.0.192 A 127.0.0.2\n',
}

async function startNsd(port: number): Promise<ChildProcess> {
  let configuration = `server:
  ip-address: 127.0.0.1@${port}
  server-count: 1
  username: ""
  chroot: ""
  zonesdir: "${folder}"
  pidfile: "${join(folder, 'nsd.pid')}"
  xfrdfile: "${join(folder, 'xfrd.state')}"
  zonelistfile: "${join(folder, 'zone.list')}"
  xfrdir: "${folder}"
remote-control:
  control-enable: no
`
  for (const [name, records] of Object.entries(zones)) {
    const soa = `$ORIGIN ${name}.\n$TTL 60\n@ SOA ns.${name}. root.${name}. 1 3600 600 86400 60\n@ NS ns.${name}.\nns A 127.0.0.1\n`
    writeFileSync(join(folder, name), soa + records)
    configuration += `zone:\n  name: ${name}\n  zonefile: ${name}\n`
  }
  // A zone without its file: nsd answers SERVFAIL.
  configuration += 'zone:\n  name: broken.test\n  zonefile: nowhere\n'
  writeFileSync(join(folder, 'nsd.conf'), configuration)
  const output = openSync(join(folder, 'log'), 'a')
  const child = spawn('/usr/sbin/nsd', ['-d', '-c', join(folder, 'nsd.conf')], {
    stdio: ['ignore', output, output],
  })
  const probe = new Resolver({ timeout: 300, tries: 1 })
  probe.setServers([`127.0.0.1:${port}`])
  await eventually('nsd', async () => {
    if (child.exitCode !== null) throw new Error(`nsd ended with ${child.exitCode}`)
    return await probe.resolve4('2.2.0.192.bl.test').catch(() => undefined)
  })
  return child
}

before(async () => {
  const port = await freeUdpPort()
  nsd = await startNsd(port)
  serverAddress = `127.0.0.1:${port}`
  server = await startForClients({
    dns_servers: `127.0.0.1:${port}`,
    smtpd_peername_lookup: 'no',
    smtpd_upstream_proxy_protocol: 'haproxy',
    haproxy_trusted_networks: '127.0.0.0/8',
    smtpd_greet_wait: '0',
    smtpd_recipient_restrictions: [
      'reject_unauth_destination',
      'reject_rbl_client broken.test',
      'reject_rbl_client refused.test',
      'permit_dnswl_client wl.test=127.0.[0..255].[1..3]',
      'reject_rbl_client bl.test=127.0.0.[2;3..9]',
      'reject_rbl_client bl2.test',
      'reject_rhsbl_helo dbl.test',
      'reject_rhsbl_sender dbl.test',
    ].join(', '),
  })
})
after(async () => {
  await server?.stop()
  silent?.close()
  const ended = new Promise((resolve) => nsd?.once('exit', resolve))
  if (nsd?.exitCode === null) {
    nsd.kill('SIGTERM')
    await ended
  }
  rmSync(folder, { recursive: true, force: true })
})

/** The answer to RCPT for a client of that address. */
async function rcpt(
  address: string,
  over: { helo?: string; from?: string; at?: MailServer } = {},
): Promise<string> {
  const { helo = 'mail.stranger.test', from = 'a@stranger.test', at = server } = over
  const family = address.includes(':') ? 'TCP6' : 'TCP4'
  const own = address.includes(':') ? '::1' : '127.0.0.1'
  const wire = await Wire.open(at.ports.smtp)
  wire.send(`PROXY ${family} ${address} ${own} 1024 25\r\n`)
  await wire.hears(/^220 [^\r]*\r\n/m)
  wire.send(`EHLO ${helo}\r\n`)
  await wire.hears(/250 [^\r]*\r\n$/)
  wire.send(`MAIL FROM:<${from}>\r\nRCPT TO:<${bob.address}>\r\n`)
  await wire.hears(/250 2\.1\.0 Ok\r\n[^\r]*\r\n$/)
  const answer = wire.heard.trimEnd().split('\r\n').at(-1) ?? ''
  wire.close()
  return answer
}

const blocked = (what: string, list: string) => `554 5.7.1 Service unavailable; ${what} blocked using ${list}`

const clients: readonly (readonly [string, Parameters<typeof rcpt>, string])[] = [
  [
    'listed, with the reason',
    ['192.0.2.2'],
    `${blocked('Client host [192.0.2.2]', 'bl.test')}; see https://bl.test/192.0.2.2`,
  ],
  ['listed for what we did not ask', ['192.0.2.3'], '250 2.1.5 Ok'],
  ['on no list; dead lists stop nothing', ['192.0.2.9'], '250 2.1.5 Ok'],
  ['listed by IPv6 address', ['2001:db8::2'], blocked('Client host [2001:db8::2]', 'bl.test')],
  ['not listed by IPv6 address', ['2001:db8::3'], '250 2.1.5 Ok'],
  ['on the allow list before a block list', ['192.0.2.4'], '250 2.1.5 Ok'],
  ['HELO listed', ['192.0.2.9', { helo: 'spam.test' }], blocked('Helo command [spam.test]', 'dbl.test')],
  [
    'sender listed',
    ['192.0.2.9', { from: 'x@spam.test' }],
    blocked('Sender address [x@spam.test]', 'dbl.test'),
  ],
  [
    'sender listed by a wildcard',
    ['192.0.2.9', { from: 'x@a.wild.test' }],
    blocked('Sender address [x@a.wild.test]', 'dbl.test'),
  ],
]
for (const [what, call, expected] of clients) {
  test(`a client ${what}`, async () => {
    assert.equal(await rcpt(...call), expected)
  })
}

test('a name server that never answers delays a client by the limit once, and stops no mail', async () => {
  silent = createSocket('udp4')
  await new Promise<void>((resolve) => silent.bind(0, '127.0.0.1', resolve))
  const dead = await startForClients({
    dns_servers: `127.0.0.1:${silent.address().port}`,
    dns_list_timeout: '1s',
    smtpd_peername_lookup: 'no',
    smtpd_upstream_proxy_protocol: 'haproxy',
    haproxy_trusted_networks: '127.0.0.0/8',
    smtpd_greet_wait: '0',
    smtpd_recipient_restrictions:
      'reject_unauth_destination, reject_rbl_client a.test, reject_rbl_client b.test, reject_rbl_client c.test, permit_dnswl_client d.test',
  })
  try {
    const startMs = performance.now()
    assert.equal(await rcpt('192.0.2.1', { at: dead }), '250 2.1.5 Ok')
    assert.ok(performance.now() - startMs < 15_000)
    assert.equal(await rcpt('192.0.2.2', { at: dead }), '250 2.1.5 Ok')
    assert.equal(await rcpt('192.0.2.3', { at: dead }), '250 2.1.5 Ok')
    const laterMs = performance.now()
    for (let i = 4; i < 10; i++) assert.equal(await rcpt(`192.0.2.${i}`, { at: dead }), '250 2.1.5 Ok')
    assert.ok(performance.now() - laterMs < 5_000, 'dead lists rest')
  } finally {
    await dead.stop()
  }
})

test('POSTSCREEN_README: lists with weights, allow lists below zero, filters, a name in place of a secret one', async () => {
  const replies = join(folder, 'dnsbl_reply')
  writeFileSync(replies, 'bl2.test our.list\n', { mode: 0o644 })
  const screened = await startForClients({
    dns_servers: serverAddress,
    mynetworks: '10.0.0.0/8',
    smtpd_peername_lookup: 'no',
    smtpd_upstream_proxy_protocol: 'haproxy',
    haproxy_trusted_networks: '127.0.0.0/8',
    postscreen: 'yes',
    postscreen_greet_wait: '1s',
    postscreen_cache_map: '',
    postscreen_dnsbl_sites:
      'broken.test*5 bl.test=127.0.0.[2..9]*2 bl.test=127.0.0.10 bl2.test*2 wl.test=127.0.[0..255].[1..3]*-4',
    postscreen_dnsbl_threshold: '2',
    postscreen_dnsbl_allowlist_threshold: '-1',
    postscreen_dnsbl_action: 'enforce',
    postscreen_dnsbl_reply_map: `texthash:${replies}`,
    postscreen_blacklist_action: 'drop',
  })
  try {
    const ask = async (address: string): Promise<string> => await rcpt(address, { at: screened })
    const answers = await Promise.all(
      ['192.0.2.2', '192.0.2.3', '192.0.2.4', '192.0.2.9', '2001:db8::2'].map(ask),
    )
    assert.deepEqual(answers, [
      '550 5.7.1 Service unavailable; client [192.0.2.2] blocked using bl.test',
      '250 2.1.5 Ok',
      '250 2.1.5 Ok',
      '250 2.1.5 Ok',
      '550 5.7.1 Service unavailable; client [2001:db8::2] blocked using bl.test',
    ])
  } finally {
    await screened.stop()
  }
  const strict = await startForClients({
    dns_servers: serverAddress,
    mynetworks: '10.0.0.0/8',
    smtpd_peername_lookup: 'no',
    smtpd_upstream_proxy_protocol: 'haproxy',
    haproxy_trusted_networks: '127.0.0.0/8',
    postscreen: 'yes',
    postscreen_greet_wait: '1s',
    postscreen_cache_map: '',
    postscreen_dnsbl_sites: 'bl2.test',
    postscreen_dnsbl_action: 'enforce',
    postscreen_dnsbl_reply_map: `texthash:${replies}`,
  })
  try {
    assert.equal(
      await rcpt('192.0.2.4', { at: strict }),
      '550 5.7.1 Service unavailable; client [192.0.2.4] blocked using our.list',
    )
  } finally {
    await strict.stop()
  }
})

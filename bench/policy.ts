import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** An address of loopback that nobody has: the C library knows no port but 53. */
const dnsAddress = '127.0.0.54'
const lists = ['list1.test', 'list2.test', 'list3.test']

/** What stands between a stranger and his delivery: greylist, three DNS lists, a hundred rules. */
export interface PolicyBench {
  /** Lines of main.cf, for Postfix (with postgrey) and for Posthorn. */
  readonly postfix: string
  readonly posthorn: string
  /** For the peers: a resolv.conf that names our server of DNS lists. */
  readonly resolvConf: string
  stop(): void
}

const rules = (phrase: (n: number) => string): string =>
  Array.from({ length: 50 }, (_, n) => `/${phrase(n)}/ REJECT not wanted\n`).join('')

function startDns(folder: string): ChildProcess {
  for (const list of lists) {
    const zone = `$ORIGIN ${list}.\n$TTL 60\n@ SOA ns hostmaster 1 60 60 60 60\n@ NS ns\nns A ${dnsAddress}\n`
    writeFileSync(join(folder, `${list}.zone`), `${zone}9.2.0.192 A 127.0.0.2\n`)
  }
  const zones = lists.map((list) => `zone:\n  name: ${list}\n  zonefile: ${join(folder, `${list}.zone`)}\n`)
  const server = `server:\n  ip-address: ${dnsAddress}\n  username: ""\n  database: ""\n  pidfile: ""\n`
  const state = `  zonelistfile: ${join(folder, 'zone.list')}\n  xfrdfile: ${join(folder, 'xfrd')}\n  rrl-ratelimit: 0\n`
  const control = 'remote-control:\n  control-enable: no\n'
  const file = join(folder, 'nsd.conf')
  writeFileSync(file, server + state + control + zones.join(''))
  return spawn('nsd', ['-d', '-c', file], { stdio: 'ignore' })
}

function startPostgrey(folder: string, port: number): ChildProcess {
  const data = join(folder, 'postgrey')
  mkdirSync(data)
  chmodSync(data, 0o777)
  const args = [`--inet=127.0.0.1:${port}`, '--delay=1', '--auto-whitelist-clients=1', `--dbdir=${data}`]
  return spawn('postgrey', [...args, `--pidfile=${join(data, 'pid')}`], { stdio: 'ignore' })
}

/** Needs Debian's nsd and postgrey, and root. */
export function startPolicy(folder: string, greylistPort: number): PolicyBench {
  mkdirSync(folder, { mode: 0o755 })
  const dns = startDns(folder)
  const postgrey = startPostgrey(folder, greylistPort)
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  const header = file(
    'header_checks',
    rules((n) => `^X-Offer-${n}: .*(cheap|free)`),
  )
  const body = file(
    'body_checks',
    rules((n) => `earn [0-9]+ thousand a week by plan ${n}\\b`),
  )
  const restrictions = ['reject_unauth_destination', ...lists.map((list) => `reject_rbl_client ${list}`)]
  const shared = `mynetworks = 192.0.2.0/24
relay_domains = far.example
header_checks = regexp:${header}
body_checks = regexp:${body}
`
  const recipients = (last: string): string =>
    `smtpd_recipient_restrictions = ${[...restrictions, last].join(', ')}\n`
  return {
    postfix: `${shared}${recipients(`check_policy_service inet:127.0.0.1:${greylistPort}`)}`,
    posthorn: `${shared}${recipients('greylist')}greylist_delay = 1s\ndns_servers = ${dnsAddress}\n`,
    resolvConf: file('resolv.conf', `nameserver ${dnsAddress}\n`),
    stop: () => {
      dns.kill('SIGTERM')
      postgrey.kill('SIGTERM')
    },
  }
}

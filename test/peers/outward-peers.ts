/** A private Postfix and a Posthorn that send the same mail to servers that follow the same script. */
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type MailServer, startMailServer } from '@posthorn/server'
import {
  type PeerScript,
  type ScriptedPeer,
  scriptedPeer,
} from '../../packages/smtp/src/client/scripted-peer-fixture.ts'
import { eventually } from '../clients/mail-server.ts'
import { Wire } from '../clients/wire.ts'
import { freePort } from '../free-port.ts'
import { startOtherServer } from '../other-server.ts'
import { masterCf, ownPlaces, runPostfix } from './private-postfix.ts'

export interface OutwardScenario {
  readonly name: string
  readonly peer: PeerScript
  /** What stands behind `MAIL FROM:`; default <from@back.test>. */
  readonly from?: string
  /** What stands behind `RCPT TO:`; `PEER` stands for the domain of the scripted server. */
  readonly to?: readonly string[]
  readonly message?: string
  /** Reports that come back to the sender. */
  readonly reports?: number | 'not compared'
}

export interface OutwardSeen {
  /** What the peer heard, connection by connection. */
  readonly heard: readonly string[]
  /** `to=<…>, relay=…, dsn=…, status=…` of each recipient. */
  readonly log: readonly string[]
  readonly reports: readonly string[]
}

interface Side {
  readonly peer: ScriptedPeer
  readonly back: { readonly port: number; readonly messages: string[]; close(): Promise<void> }
  readonly log: () => readonly string[]
}

/** Those who write to back.test get their reports here. */
async function startBack(): Promise<Side['back']> {
  const messages: string[] = []
  const { port, close } = await startOtherServer(
    ({ from, to, text }) => {
      messages.push(`from=<${from}> to=<${to.join(' ')}>\n${text}`)
    },
    {},
    { host: '0.0.0.0' },
  )
  return { port, messages, close }
}

const common = [
  'myhostname = mx.example.org',
  'mydestination = example.org',
  'mynetworks = 127.0.0.0/8',
  'smtpd_peername_lookup = no',
  'smtp_tls_security_level = none',
  'smtp_helo_timeout = 5s',
  'smtp_mail_timeout = 5s',
  'smtp_rcpt_timeout = 5s',
  'smtp_data_init_timeout = 5s',
  'smtp_data_done_timeout = 5s',
  'compatibility_level = 3.6',
]

export class Outward {
  readonly #folder = mkdtempSync(join(tmpdir(), 'posthorn-outward-'))
  #server!: MailServer
  #port = 0
  #ours!: Side
  #theirs!: Side
  #count = 0

  async start(): Promise<void> {
    const folder = this.#folder
    chmodSync(folder, 0o755)
    for (const name of ['postfix', 'queue', 'lib']) mkdirSync(join(folder, name))
    execFileSync('chown', ['postfix', join(folder, 'lib')])
    const ourLog: string[] = []
    const log = join(folder, 'maillog')
    const side = async (name: string, lines: () => readonly string[]): Promise<Side> => {
      const [peer, back] = [await scriptedPeer({}, { host: '0.0.0.0' }), await startBack()]
      // Every scenario has an address of its own, that what one learns of a server is nothing to another.
      const ways = Array.from({ length: 250 }, (_, at) => `s${at}.test smtp:[127.0.1.${at}]:${peer.port}\n`)
      const transport = `${ways.join('')}back.test smtp:[127.0.2.1]:${back.port}\n`
      writeFileSync(join(folder, `${name}-transport`), transport, { mode: 0o644 })
      return { peer, back, log: lines }
    }
    this.#ours = await side('ours', () => ourLog)
    this.#theirs = await side('theirs', () =>
      existsSync(log) ? readFileSync(log, 'latin1').split('\n') : [],
    )
    this.#port = await freePort()
    writeFileSync(join(folder, 'postfix', 'master.cf'), masterCf(this.#port))
    writeFileSync(join(folder, 'postfix', 'main.cf'), this.#mainCf())
    runPostfix(folder, 'start')
    await eventually('the greeting of Postfix', async () => {
      const wire = await Wire.open(this.#port).catch(() => undefined)
      await wire?.hears(/^220 .*\r\n/, 2_000).catch(() => undefined)
      wire?.close()
      return wire?.heard.startsWith('220 ') ? true : undefined
    })
    const parameters = [
      ...common,
      `transport_maps = texthash:${folder}/ours-transport`,
      'smtpd_tls_security_level = none',
    ]
    this.#server = await startMailServer({
      parameters: Object.fromEntries(parameters.map((line) => line.split(' = ', 2) as [string, string])),
      accounts: [],
      log: ({ text, service }) => ourLog.push(`${service}: ${text}`),
    })
  }

  async stop(): Promise<void> {
    runPostfix(this.#folder, 'stop')
    await this.#server?.stop()
    for (const side of [this.#ours, this.#theirs]) {
      side?.peer.close()
      await side?.back.close()
    }
    rmSync(this.#folder, { recursive: true, force: true })
  }

  async run(
    scenario: OutwardScenario,
  ): Promise<{ readonly ours: OutwardSeen; readonly theirs: OutwardSeen }> {
    const domain = `s${++this.#count}.test`
    const [ours, theirs] = await Promise.all([
      this.#play(this.#ours, this.#server.ports.smtp, domain, scenario),
      this.#play(this.#theirs, this.#port, domain, scenario),
    ])
    return { ours, theirs }
  }

  async #play(side: Side, port: number, domain: string, scenario: OutwardScenario): Promise<OutwardSeen> {
    const {
      peer,
      from = '<from@back.test>',
      to = ['<to@PEER>'],
      message = plainMessage,
      reports = 0,
    } = scenario
    side.peer.play(peer)
    const wire = await Wire.open(port)
    const say = async (line: string): Promise<void> => {
      const at = wire.heard.length
      wire.send(Buffer.from(`${line}\r\n`))
      const reply = await eventually(
        `a reply to ${line.slice(0, 40)}`,
        async () => /(?:^|\r\n)(\d{3}) [^\r]*\r\n$/.exec(wire.heard.slice(at))?.[1],
      )
      if (Number(reply) >= 400) throw new Error(`${line.slice(0, 60)}: ${wire.heard.slice(at)}`)
    }
    await wire.hears(/^220 .*\r\n/)
    await say('EHLO client.example.net')
    await say(`MAIL FROM:${from}`)
    for (const recipient of to) await say(`RCPT TO:${recipient.replaceAll('PEER', domain)}`)
    await say('DATA')
    await say(`${message.replaceAll('\n', '\r\n')}\r\n.`)
    wire.close()
    const whom = new RegExp(` to=<(.*?)@${domain.replace('.', '[.]')}>, .*status=`)
    const log = await eventually(`the outcome of ${scenario.name}`, async () => {
      const last = new Map(
        side.log().flatMap((line) => {
          const local = whom.exec(line)?.[1]
          return local === undefined ? [] : [[local, line] as const]
        }),
      )
      return last.size >= to.length ? [...last.values()] : undefined
    })
    // A late one of another scenario is none of this one.
    const reported = () => side.back.messages.filter((text) => text.includes(`@${domain}`))
    await eventually(
      `reports of ${scenario.name}`,
      async () => reports === 'not compared' || reported().length >= reports || undefined,
    ).catch(() => undefined)
    return {
      heard: side.peer.received.map((text) => normalDialogue(text, domain)).filter((text) => text !== ''),
      log: log.map((line) => normalLog(line, domain)).toSorted(),
      reports: reports === 'not compared' ? [] : reported().map((text) => normalReport(text, domain)),
    }
  }

  #mainCf(): string {
    const folder = this.#folder
    return `${[
      ...common,
      ...ownPlaces(folder),
      'smtp_bind_address = 127.0.0.1',
      'alias_maps =',
      'alias_database =',
      'in_flow_delay = 0',
      `transport_maps = texthash:${folder}/theirs-transport`,
    ].join('\n')}\n`
  }
}

export const plainMessage =
  'From: from@back.test\nTo: to@elsewhere.test\nSubject: hello\nMessage-ID: <1@back.test>\nDate: Sun, 01 Feb 2026 10:00:00 +0000\n\nbody'

const placeless = (text: string, domain: string): string =>
  text
    .replaceAll(/127\.0\.[12]\.\d+\[127/g, '127')
    .replaceAll(/127\.0\.[12]\.\d+\]?(?:\[127\.0\.[12]\.\d+\])?(?::\d+)?/g, 'HOST')
    .replaceAll(domain, 'PEER')

const normalDialogue = (text: string, domain: string): string => {
  const at = text.search(/^Received:/m)
  const commands = at < 0 ? text : text.slice(0, at)
  const message = at < 0 ? '' : text.slice(at)
  return placeless(
    commands
      .replace(/SIZE=\d+/, 'SIZE=N')
      // Postfix makes these where the client gave none.
      .replace(/ ENVID=\S+@mx\.example\.org/, '')
      .replaceAll(/ ORCPT=rfc822;\S*(?= |\r)/g, '')
      .replace(/QUIT\r\n$/, '')
      // It cleans up before it leaves, and ends what nobody gets by a dot: we hang up.
      .replace(/RSET\r\n$/, '')
      .replace(/DATA\r\n\.\r\n$/, 'DATA\r\n') +
      message.replace(/^Received:.*\r\n(?:[ \t].*\r\n)*/gm, '').replace(/QUIT\r\n$/, ''),
    domain,
  )
}

const normalLog = (line: string, domain: string): string =>
  placeless(
    line
      .replace(/^.*? to=</, 'to=<')
      .replace(/conn_use=\d+, /, '')
      .replace(/delay=[^ ]+ delays=[^ ]+ /, ''),
    domain,
  )

const normalReport = (text: string, domain: string): string =>
  placeless(
    text
      .replaceAll('\r\n', '\n')
      .replace(/^Received:.*\n(?:[ \t].*\n)*/gm, '')
      .replace(/^((?:Arrival-Date|Date|Last-Attempt-Date|Will-Retry-Until):).*$/gm, '$1 DATE')
      .replace(/^(Message-I[dD]:).*$/gm, '$1 ID')
      .replace(/^X-Post(?:fix|horn)-(Queue-ID:).*$/gm, 'X-$1 ID')
      .replace(/^X-Post(?:fix|horn)-/gm, 'X-')
      .replaceAll(/[0-9A-Za-z.]+\/(?:mx\.example\.org|report)/g, 'BOUNDARY')
      .replace(/^Original-Recipient: .*\n/gm, '')
      .replace(/^Content-Transfer-Encoding: 8bit\n/gm, '')
      .replace('charset=utf-8', 'charset=us-ascii'),
    domain,
  )

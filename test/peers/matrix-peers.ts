/** One private Postfix and one Posthorn with the same lines of main.cf, the same tables and the same users. */
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type MailServer, startMailServer } from '@posthorn/server'
import { eventually } from '../clients/mail-server.ts'
import { readMailbox } from '../clients/mailbox-reader.ts'
import { Wire } from '../clients/wire.ts'
import { freePort } from '../free-port.ts'
import { startOtherServer } from '../other-server.ts'
import { masterCf, ownPlaces, runPostfix, sbin, writeMainCf } from './private-postfix.ts'

export { postfixMissing as matrixMissing } from './private-postfix.ts'

/** A line to be said, or a message after DATA. */
export type Say = string | { readonly message: string }

export interface Scenario {
  readonly name: string
  /** Lines of main.cf for both; `FOLDER` stands for the folder of the files, `SINK` for the port where mail ends. */
  readonly mainCf?: readonly string[]
  /** Tables: `access` for instance, as `texthash:FOLDER/access` in main.cf; `aliases` is made for both. */
  readonly files?: Readonly<Record<string, string>>
  /** `.forward` of users. */
  readonly forward?: Readonly<Record<string, string>>
  readonly sessions: readonly (readonly Say[])[]
  /** What must have come of it: `mailbox daemon: subject`, `sent from=<a> to=<b>: subject`. */
  readonly outcome?: readonly string[]
}

export interface Seen {
  /** Replies by session, each reply with its lines. */
  readonly replies: readonly (readonly string[])[]
  readonly outcome: readonly string[]
}

/** Users of this system that also have an account here. */
export const users = ['daemon', 'bin', 'sys', 'games'] as const

const password = 'matrix-secret'

interface Sink {
  readonly port: number
  readonly seen: string[]
  /** Whole messages, in order of arrival. */
  readonly messages: string[]
  close(): Promise<void>
}

async function startSink(): Promise<Sink> {
  const seen: string[] = []
  const messages: string[] = []
  const { port, close } = await startOtherServer(
    ({ from, to, text }) => {
      for (const address of to) seen.push(`sent from=<${from}> to=<${address}>: ${subjectOf(text)}`)
      messages.push(text)
    },
    {
      hideSize: true,
      onRcptTo({ address }, _session, done) {
        const refused = address.startsWith('refused@')
        done(refused ? Object.assign(new Error('5.1.1 no such user there'), { responseCode: 550 }) : null)
      },
    },
  )
  return { port, seen, messages, close }
}

const subjectOf = (text: string): string => /^Subject: (.*?)\r?$/im.exec(text)?.[1] ?? ''

const common = [
  'myhostname = mx.example.org',
  'mydomain = example.org',
  'myorigin = example.org',
  'mydestination = example.org',
  'mynetworks = 192.0.2.0/24',
  'smtpd_peername_lookup = no',
  'smtpd_tls_security_level = none',
  'smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination',
  'recipient_delimiter = +',
  'biff = no',
  'compatibility_level = 3.6',
]

export class Matrix {
  readonly #folder = mkdtempSync(join(tmpdir(), 'posthorn-matrix-'))
  #ours!: MailServer
  #port = 0
  #sinks!: { readonly ours: Sink; readonly theirs: Sink }
  #count = 0

  async start(): Promise<void> {
    const folder = this.#folder
    chmodSync(folder, 0o755)
    for (const name of ['postfix', 'queue', 'lib', 'spool', 'home']) mkdirSync(join(folder, name))
    chmodSync(join(folder, 'spool'), 0o1777)
    execFileSync('chown', ['postfix', join(folder, 'lib')])
    this.#sinks = { ours: await startSink(), theirs: await startSink() }
    this.#port = await freePort()
    writeFileSync(join(folder, 'postfix', 'master.cf'), masterCf(this.#port))
    writeMainCf(folder, ['myhostname = mx.example.org'])
    this.#configurePostfix([], 'starting')
    runPostfix(this.#folder, 'start')
    await this.#greeted('starting')
    this.#ours = await startMailServer({
      parameters: { ...this.#parameters([]), smtpd_banner: 'ours' },
      accounts: users.map((name) => ({ address: `${name}@example.org`, password })),
    })
  }

  async stop(): Promise<void> {
    runPostfix(this.#folder, 'stop')
    await this.#ours.stop()
    await Promise.all([this.#sinks.ours.close(), this.#sinks.theirs.close()])
    rmSync(this.#folder, { recursive: true, force: true })
  }

  /** Both answer the same client, with the same configuration. */
  async run(scenario: Scenario): Promise<{ readonly ours: Seen; readonly theirs: Seen }> {
    const banner = `scenario-${++this.#count}`
    this.#write(scenario)
    const lines = scenario.mainCf ?? []
    this.#configurePostfix(lines, banner)
    runPostfix(this.#folder, 'reload')
    await this.#ours.configure({ ...this.#parameters(lines), smtpd_banner: banner })
    await this.#greeted(banner)
    for (const sink of [this.#sinks.ours, this.#sinks.theirs]) {
      sink.seen.splice(0)
      sink.messages.splice(0)
    }
    const before = { ours: await this.#ourMailboxes(), theirs: this.#theirMailboxes() }
    const replies = {
      ours: await this.#talk(this.#ours.ports.smtp, scenario),
      theirs: await this.#talk(this.#port, scenario),
    }
    const outcomes = async () => ({
      ours: [...added(before.ours, await this.#ourMailboxes()), ...this.#sinks.ours.seen].toSorted(),
      theirs: [...added(before.theirs, this.#theirMailboxes()), ...this.#sinks.theirs.seen].toSorted(),
    })
    const wanted = scenario.outcome?.length ?? 0
    // What is compared is what both have made of it; a missing or additional message is shown as such.
    const outcome = await eventually(`the outcome of ${scenario.name}`, async () => {
      const now = await outcomes()
      return now.ours.length >= wanted && now.theirs.length >= wanted ? now : undefined
    }).catch(async () => await outcomes())
    return {
      ours: { replies: replies.ours, outcome: outcome.ours },
      theirs: { replies: replies.theirs, outcome: outcome.theirs },
    }
  }

  /** What left for elsewhere in the scenario that was run last. */
  get sent(): { readonly ours: readonly string[]; readonly theirs: readonly string[] } {
    return { ours: this.#sinks.ours.messages, theirs: this.#sinks.theirs.messages }
  }

  #lines(lines: readonly string[], { port }: Sink): readonly string[] {
    return [...common, ...lines].map((line) =>
      line.replaceAll('FOLDER', this.#folder).replaceAll('SINK', String(port)),
    )
  }

  #parameters(lines: readonly string[]): Readonly<Record<string, string>> {
    const settings = [
      ...this.#lines(['alias_maps = hash:FOLDER/aliases', ...lines], this.#sinks.ours),
      `relayhost = [127.0.0.1]:${this.#sinks.ours.port}`,
      `home_directory = ${this.#folder}/home/$user`,
    ]
    if (!existsSync(join(this.#folder, 'aliases'))) this.#write({ name: '', sessions: [] })
    return Object.fromEntries(
      settings.map((line) => {
        const equals = line.indexOf('=')
        return [line.slice(0, equals).trim(), line.slice(equals + 1).trim()]
      }),
    )
  }

  #configurePostfix(lines: readonly string[], banner: string): void {
    const folder = this.#folder
    if (!existsSync(join(folder, 'aliases'))) this.#write({ name: '', sessions: [] })
    const own = [
      ...ownPlaces(folder),
      `alias_maps = hash:${folder}/aliases`,
      `alias_database = hash:${folder}/aliases`,
      `mail_spool_directory = ${folder}/spool/`,
      `forward_path = ${folder}/home/\${user}/.forward`,
      'in_flow_delay = 0',
      'smtpd_client_connection_rate_limit = 0',
      'smtpd_error_sleep_time = 0',
      'default_destination_concurrency_limit = 1',
      `relayhost = [127.0.0.1]:${this.#sinks.theirs.port}`,
      `smtpd_banner = ${banner}`,
    ]
    writeMainCf(folder, [...own, ...this.#lines(lines, this.#sinks.theirs)])
  }

  #write({ files = {}, forward = {} }: Scenario): void {
    for (const [name, text] of Object.entries({ aliases: 'postmaster: daemon\n', ...files }))
      writeFileSync(join(this.#folder, name), text.replaceAll('FOLDER', this.#folder), { mode: 0o644 })
    execFileSync('postalias', ['-c', `${this.#folder}/postfix`, `hash:${this.#folder}/aliases`], {
      env: { ...sbin, MAIL_CONFIG: `${this.#folder}/postfix` },
      stdio: 'ignore',
    })
    for (const user of users) {
      const home = join(this.#folder, 'home', user)
      const [uid = 0, gid = 0] = ['-u', '-g'].map((what) =>
        Number(execFileSync('id', [what, user]).toString()),
      )
      mkdirSync(home, { recursive: true })
      chownSync(home, uid, gid)
      const file = join(home, '.forward')
      rmSync(file, { force: true })
      const text = forward[user]
      if (text === undefined) continue
      writeFileSync(file, text.replaceAll('FOLDER', this.#folder), { mode: 0o600 })
      chownSync(file, uid, gid)
    }
  }

  /** Postfix's smtpd processes end one after the other: until a new one greets. */
  async #greeted(banner: string): Promise<void> {
    await eventually(`the greeting ${banner} of Postfix`, async () => {
      try {
        const wire = await Wire.open(this.#port)
        await wire.hears(/^220 .*\r\n/, 2_000)
        wire.send('QUIT\r\n')
        wire.close()
        return wire.heard.includes(banner) ? true : undefined
      } catch {
        return undefined
      }
    })
  }

  async #talk(port: number, scenario: Scenario): Promise<readonly (readonly string[])[]> {
    const all: string[][] = []
    for (const session of scenario.sessions) {
      const wire = await Wire.open(port)
      const replies: string[] = []
      await hearReply(wire, 0)
      for (const say of session) {
        const from = wire.heard.length
        wire.send(typeof say === 'string' ? `${say}\r\n` : `${say.message.replaceAll('\n', '\r\n')}\r\n.\r\n`)
        replies.push(normal(await hearReply(wire, from)))
        if (wire.closed) break
      }
      if (!wire.closed) wire.send('QUIT\r\n')
      wire.close()
      all.push(replies)
    }
    return all
  }

  async #ourMailboxes(): Promise<readonly string[]> {
    const found: string[] = []
    for (const user of users) {
      const messages = await readMailbox(this.#ours.ports.imap, { address: `${user}@example.org`, password })
      for (const { source } of messages)
        found.push(`mailbox ${user}: ${subjectOf(source.toString('latin1'))}`)
    }
    return found
  }

  #theirMailboxes(): readonly string[] {
    return users.flatMap((user) => {
      const folder = join(this.#folder, 'spool', user, 'new')
      if (!existsSync(folder)) return []
      return readdirSync(folder).map(
        (name) => `mailbox ${user}: ${subjectOf(readFileSync(join(folder, name), 'latin1'))}`,
      )
    })
  }
}

/** What is there now and was not before, counted. */
function added(before: readonly string[], now: readonly string[]): readonly string[] {
  const left = [...before]
  return now.filter((one) => {
    const at = left.indexOf(one)
    if (at === -1) return true
    left.splice(at, 1)
    return false
  })
}

/** The next complete reply. */
async function hearReply(wire: Wire, from: number): Promise<string> {
  const endMs = performance.now() + 4_000
  for (;;) {
    const heard = wire.heard.slice(from)
    if (/(?:^|\r\n)\d{3} [^\r]*\r\n$/.test(heard) || wire.closed) return heard
    if (performance.now() > endMs) return `(no reply) ${heard}`
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

/** What differs from run to run. */
const normal = (text: string): string =>
  text
    .replaceAll(/queued as \w+/g, 'queued as ID')
    .replace(/\r\n$/, '')
    .split('\r\n')
    // In any order, and each has some of its own.
    .filter(
      (line) => !/^250[- ](?:XFORWARD|CHUNKING|REQUIRETLS|LIMITS|STARTTLS|AUTH|HELP|DSN|SMTPUTF8)/.test(line),
    )
    .join('\n')

/** The same commands, for a private Postfix of the machine's packages and for a site of ours. */
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runCli } from '../../packages/server/src/cli.ts'
import { createShellFixture } from '../../packages/server/src/commands/shell-fixture.ts'
import { eventually } from '../clients/mail-server.ts'
import { freePort } from '../free-port.ts'
import { masterCf, runPostfix, sbin } from './private-postfix.ts'

const mainCf = `myhostname = mx.example.org
mydomain = example.org
myorigin = example.org
mydestination = example.org
mynetworks = 127.0.0.0/8
relay_domains = relay.example
relayhost = [127.0.0.1]:9
message_size_limit = 5000
alias_maps = hash:FOLDER/aliases
alias_database = hash:FOLDER/aliases
`

export interface Said {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

export interface Both {
  readonly ours: Said
  readonly theirs: Said
}

/** `sendmail`, `mailq` and `newaliases` name the folder of main.cf by another letter. */
const configFlag = (name: string) => (['sendmail', 'mailq', 'newaliases'].includes(name) ? '-C' : '-c')

export class CommandPeers {
  readonly #root = mkdtempSync(join(tmpdir(), 'posthorn-commands-'))
  readonly ours = join(this.#root, 'ours')
  readonly theirs = join(this.#root, 'theirs')

  /** Mail waits in both queues: nothing is delivered. */
  async start(): Promise<void> {
    chmodSync(this.#root, 0o755)
    mkdirSync(this.ours, { mode: 0o700 })
    for (const name of ['.', 'postfix', 'queue', 'lib', 'spool'])
      mkdirSync(join(this.theirs, name), { recursive: true })
    execFileSync('chown', ['postfix', join(this.theirs, 'lib')])
    for (const folder of [this.ours, this.theirs])
      writeFileSync(join(folder, 'aliases'), 'postmaster: carol\n', { mode: 0o644 })
    writeFileSync(
      join(this.ours, 'main.cf'),
      `${mainCf.replaceAll('FOLDER', this.ours)}smtp_port = 0\nhome_directory = ${this.ours}/home/%u\n`,
    )
    const own = `queue_directory = ${this.theirs}/queue
data_directory = ${this.theirs}/lib
mail_spool_directory = ${this.theirs}/spool/
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mail_owner = postfix
setgid_group = postdrop
defer_transports = smtp local relay virtual
compatibility_level = 3.6
`
    writeFileSync(join(this.theirs, 'postfix', 'main.cf'), mainCf.replaceAll('FOLDER', this.theirs) + own)
    writeFileSync(join(this.theirs, 'postfix', 'master.cf'), masterCf(await freePort()))
    // The real ones wait until a file is a second old.
    for (const name of ['main.cf', 'master.cf']) utimesSync(join(this.theirs, 'postfix', name), 1e9, 1e9)
    this.runTheirs('postalias', [`hash:${this.theirs}/aliases`])
    this.startPostfix()
  }

  startPostfix(): void {
    runPostfix(this.theirs, 'start')
  }

  stopPostfix(): void {
    runPostfix(this.theirs, 'stop')
  }

  remove(): void {
    rmSync(this.#root, { recursive: true, force: true })
  }

  runTheirs(name: string, args: readonly string[], input = ''): Said {
    const { status, stdout, stderr } = spawnSync(
      name,
      [configFlag(name), join(this.theirs, 'postfix'), ...args],
      { encoding: 'utf8', input, env: { ...sbin, MAIL_CONFIG: join(this.theirs, 'postfix'), TZ: 'UTC' } },
    )
    return { code: status, out: stdout, err: stderr }
  }

  async runOurs(name: string, args: readonly string[], input = ''): Promise<Said> {
    // Whoever runs these tests is root: only root may start Postfix.
    const shell = { ...createShellFixture({ input }), uid: 0, userName: 'root', fullName: 'root' }
    const code = await runCli(name, [configFlag(name), this.ours, ...args], shell, async () => 0)
    return { code, out: shell.output(), err: shell.errors() }
  }

  async run(name: string, args: readonly string[], input = ''): Promise<Both> {
    return { ours: await this.runOurs(name, args, input), theirs: this.runTheirs(name, args, input) }
  }

  /** Queue IDs by their first recipient. */
  async queue(): Promise<{ readonly ours: QueueIds; readonly theirs: QueueIds }> {
    return {
      ours: queueIds((await this.runOurs('postqueue', ['-j'])).out),
      theirs: queueIds(this.runTheirs('postqueue', ['-j']).out),
    }
  }

  /** Until Postfix has `count` messages in its queue of deferred mail. */
  async settled(count: number): Promise<void> {
    await eventually(`${count} messages in the queue of Postfix`, async () => {
      const lines = this.runTheirs('postqueue', ['-j'])
        .out.split('\n')
        .filter((line) => line !== '')
      return lines.length === count && lines.every((line) => line.includes('"deferred"')) ? true : undefined
    })
  }
}

type QueueIds = ReadonlyMap<string, string>

function queueIds(listing: string): QueueIds {
  const ids = new Map<string, string>()
  for (const line of listing.split('\n')) {
    if (line === '') continue
    const { queue_id: id, recipients } = JSON.parse(line) as {
      queue_id: string
      recipients: { address: string }[]
    }
    ids.set(recipients[0]?.address ?? '', id)
  }
  return ids
}

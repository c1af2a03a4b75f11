import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePorts } from '../free-port.ts'

const main = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'packages', 'server', 'src', 'main.js')

export interface SpawnedServer {
  readonly child: ChildProcess
  readonly smtpPort: number
  readonly imapPort: number
  readonly pop3Port: number
  /** All that it printed so far. */
  output(): string
  /** Ends it at once, as a power failure of the process would. */
  kill(): Promise<void>
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>
}

/** Runs the CLI on a data folder; throws when it fails. Returns what it printed. */
export async function posthorn(folder: string, ...args: string[]): Promise<string> {
  const child = spawn(process.execPath, [main, ...args], {
    env: { ...process.env, POSTHORN_CONFIG: join(folder, 'main.cf') },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let out = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      out += chunk.toString()
    })
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  if (code !== 0) throw new Error(`posthorn ${args.join(' ')} ended with ${code}: ${out}`)
  return out
}

/** Starts the server in a process of its own on a data folder, with free ports, trusting loopback. */
export async function spawnServer(
  folder: string,
  extra = '',
  { submissionPort = 0 } = {},
): Promise<SpawnedServer> {
  const [smtpPort = 0, imapPort = 0, pop3Port = 0] = await freePorts(3)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  writeFileSync(
    join(folder, 'main.cf'),
    `data_directory = ${folder}\nmyhostname = mail.example.org\nmydestination = example.org\nmyorigin = example.org
inet_interfaces = 127.0.0.1\nmynetworks = 127.0.0.0/8\nsmtp_port = ${smtpPort}\nimap_port = ${imapPort}
submission_port = ${submissionPort}\nsubmissions_port = 0\npop3_port = ${pop3Port}\npop3s_port = 0\nimaps_port = 0
smtpd_client_connection_count_limit = 0\nsample_accounts = no\nnotify_classes = 2bounce\n${extra}`,
  )
  const child = spawn(process.execPath, [main, 'start', '--config', join(folder, 'main.cf')], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve))
  await new Promise<void>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        said += chunk.toString()
        if (/ready/i.test(said)) resolve()
      })
    void exited.then((code) => reject(new Error(`the server ended with ${code}: ${said}`)))
  })
  return {
    child,
    smtpPort,
    imapPort,
    pop3Port,
    output: () => said,
    kill: async () => {
      child.kill('SIGKILL')
      await exited
    },
    stop: async () => {
      child.kill('SIGTERM')
      return await exited
    },
  }
}

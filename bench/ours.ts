import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createAccounts } from '@posthorn/accounts'
import { openStore } from '@posthorn/storage'

export interface OurServer {
  readonly smtpPort: number
  readonly imapPort: number
  readonly imapsPort: number
  readonly pop3Port: number
  readonly pid: number
  stop(): Promise<void>
}

const main = join(dirname(fileURLToPath(import.meta.url)), '..', 'packages', 'server', 'src', 'main.js')
const usualPort = Number(process.env['BENCH_PORT'] ?? 27_000)

/** Accounts u0..u99, alice and bob @bench.test with the password `secret`, argon2id as for anybody. */
export async function makeAccounts(storeFolder: string): Promise<void> {
  const store = await openStore({ directory: storeFolder })
  const accounts = createAccounts({
    store,
    now: Date.now,
    log: () => {},
    options: () => ({ defaultDomain: 'bench.test' }),
  })
  const { account } = await accounts.create({ address: 'u0@bench.test', password: 'secret' })
  const names = [...Array.from({ length: 99 }, (_, n) => `u${n + 1}`), 'alice', 'bob']
  // One hash for all: hashing a hundred times would only delay the start.
  for (const name of names) {
    const { passwordHash } = account
    await store.accounts.create({
      address: `${name}@bench.test`,
      passwordHash,
      enabled: true,
      quotaBytes: 0,
      home: '',
    })
  }
  await store.close()
}

function configuration(folder: string, firstPort: number): string {
  return `# Made by npm run bench.
data_directory = ${folder}
myhostname = mx.bench.test
mydestination = bench.test
inet_interfaces = 127.0.0.1
mynetworks = 127.0.0.0/8
smtp_port = ${firstPort + 25}
submission_port = 0
submissions_port = 0
pop3_port = ${firstPort + 110}
pop3s_port = ${firstPort + 995}
imap_port = ${firstPort + 143}
imaps_port = ${firstPort + 993}
disable_plaintext_auth = no
message_size_limit = 52428800
mailbox_size_limit = 0
smtpd_client_connection_count_limit = 0
mail_max_userip_connections = 2000
maillog_file = ${folder}/maillog
sample_accounts = no
`
}

async function ready(child: ChildProcess): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    let said = ''
    child.stdout?.on('data', (chunk: Buffer) => {
      said += chunk.toString()
      if (/ready/i.test(said)) resolve()
    })
    child.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString()
    })
    child.once('exit', (code) => reject(new Error(`Posthorn ended with ${code}: ${said}`)))
  })
}

/** Starts the server in a process of its own, as an administrator would, on 27025, 27143, 27993, 27110. */
export async function startOurs(folder: string, extra = '', firstPort = usualPort): Promise<OurServer> {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  await makeAccounts(join(folder, 'store'))
  return runOurs(folder, extra, firstPort)
}

/** The same on a folder that has its accounts. */
export async function runOurs(folder: string, extra = '', firstPort = usualPort): Promise<OurServer> {
  const mainCf = join(folder, 'main.cf')
  writeFileSync(mainCf, configuration(folder, firstPort) + extra)
  const child = spawn(process.execPath, [...process.execArgv, main, 'start', '--config', mainCf], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  await ready(child)
  return {
    smtpPort: firstPort + 25,
    imapPort: firstPort + 143,
    imapsPort: firstPort + 993,
    pop3Port: firstPort + 110,
    pid: child.pid ?? 0,
    stop: async () => {
      if (child.exitCode !== null) return
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGTERM')
      await ended
    },
  }
}

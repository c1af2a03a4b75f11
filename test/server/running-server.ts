/** The server as a process of its own, as an administrator runs it: its output, its end, its ports. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createConnection, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { canBind, freePort } from '../free-port.ts'

const main = fileURLToPath(new URL('../../packages/server/src/main.js', import.meta.url))
export const serviceNames = ['smtp', 'submission', 'submissions', 'pop3', 'pop3s', 'imap', 'imaps'] as const
export type Ports = Readonly<Record<(typeof serviceNames)[number], number>>

const running = new Set<ChildProcess>()
const endsWithinMs = 150_000
const sockets = new Set<Socket>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

export async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-server-'))
  try {
    await run(folder)
  } finally {
    // A failed test leaves its server.
    for (const child of running) child.kill('SIGKILL')
    for (const socket of sockets) socket.destroy()
    rmSync(folder, { recursive: true, force: true })
  }
}

export async function freePorts(): Promise<Ports> {
  const taken = new Set<number>()
  while (taken.size < serviceNames.length) taken.add(await freePort())
  return Object.fromEntries([...taken].map((port, n) => [serviceNames[n], port])) as unknown as Ports
}

export interface Site {
  readonly folder: string
  readonly dataFolder: string
  readonly mainCf: string
  readonly ports: Ports
  /** Writes main.cf anew: the ports, a site named example.org, and `lines`. */
  configure(lines?: string): void
}

export async function createSite(folder: string, lines = ''): Promise<Site> {
  const ports = await freePorts()
  const dataFolder = join(folder, 'data')
  const mainCf = join(folder, 'main.cf')
  const configure = (more = ''): void =>
    writeFileSync(
      mainCf,
      `data_directory = ${dataFolder}
myhostname = mail.example.org
mydestination = example.org
myorigin = example.org
alias_maps =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
${serviceNames.map((name) => `${name}_port = ${ports[name]}`).join('\n')}
${more}
`,
    )
  mkdirSync(folder, { recursive: true })
  configure(lines)
  return { folder, dataFolder, mainCf, ports, configure }
}

export interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

function collect(child: ChildProcess): { out: string; err: string } {
  const said = { out: '', err: '' }
  child.stdout?.on('data', (chunk: Buffer) => {
    said.out += chunk.toString()
  })
  child.stderr?.on('data', (chunk: Buffer) => {
    said.err += chunk.toString()
  })
  return said
}

/** Runs a command to its end; one that does not end within two minutes is killed (code null). */
export async function command(
  site: Site,
  args: readonly string[],
  options: { readonly input?: string; readonly uid?: number } = {},
): Promise<Ended> {
  const child = spawn(process.execPath, [main, ...args], {
    env: { PATH: process.env['PATH'] ?? '', POSTHORN_CONFIG: site.mainCf },
    ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
  })
  const said = collect(child)
  child.stdin.end(options.input ?? '')
  const timer = setTimeout(() => child.kill('SIGKILL'), 120_000)
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  clearTimeout(timer)
  return { code, ...said }
}

export interface RunningServer {
  readonly site: Site
  readonly pid: number
  output(): string
  /** Resolves when the output so far, or what comes within a minute, matches. */
  says(wanted: RegExp): Promise<void>
  signal(name: NodeJS.Signals): void
  readonly ended: Promise<Ended>
}

export async function startServer(
  site: Site,
  environment: Readonly<Record<string, string>> = {},
): Promise<RunningServer> {
  const child = spawn(process.execPath, [main, 'start', '--config', site.mainCf], {
    env: { PATH: process.env['PATH'] ?? '', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  running.add(child)
  const said = collect(child)
  const ended = new Promise<Ended>((resolve) =>
    child.once('close', (code) => {
      running.delete(child)
      resolve({ code, ...said })
    }),
  )
  const output = (): string => said.out + said.err
  const server = {
    site,
    pid: child.pid ?? 0,
    output,
    says: async (wanted: RegExp) => await eventually(() => assert.match(output(), wanted)),
    signal: (name: NodeJS.Signals) => {
      child.kill(name)
      if (name !== 'SIGTERM' && name !== 'SIGINT') return
      // One that hangs is shown with what it said, instead of hanging the test.
      const timer = setTimeout(() => {
        said.err += `\nit did not end within ${endsWithinMs} ms of ${name}\n`
        child.kill('SIGKILL')
      }, endsWithinMs)
      void ended.then(() => clearTimeout(timer))
    },
    ended,
  }
  await Promise.race([
    server.says(/Posthorn is ready/),
    ended.then(({ code }) => assert.fail(`the server ended with ${code}: ${output()}`)),
  ])
  return server
}

/** Waiting on does not help. */
class Hangup extends Error {}

/** Runs `check` until it does not throw; its last error after `timeoutMs`. */
export async function eventually(check: () => unknown, timeoutMs = 60_000): Promise<void> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    try {
      await check()
      return
    } catch (error) {
      if (error instanceof Hangup || performance.now() > deadline) throw error
    }
    await delay(25)
  }
}

export const stopServer = async (server: RunningServer): Promise<Ended> => {
  server.signal('SIGTERM')
  return await server.ended
}

/** Nobody listens on any of the site's ports, and no file says that a server is there. */
export async function assertNothingRuns(site: Site): Promise<void> {
  for (const name of serviceNames) assert.ok(await canBind(site.ports[name]), `something listens on ${name}`)
  for (const file of ['posthorn.pid', 'control.sock'])
    assert.ok(!existsSync(join(site.dataFolder, file)), `${file} was left`)
}

/** A client that speaks lines. */
export class LineClient {
  readonly #socket: Socket
  #text = ''
  #open = true
  private constructor(socket: Socket) {
    this.#socket = socket
    sockets.add(socket)
    socket.on('error', () => {})
    socket.setEncoding('utf8')
    socket.on('data', (chunk: string) => {
      this.#text += chunk
    })
    socket.on('close', () => {
      this.#open = false
      sockets.delete(socket)
    })
  }
  static async connect(port: number, greeting: RegExp, before = ''): Promise<LineClient> {
    const client = new LineClient(createConnection(port, '127.0.0.1'))
    client.send(before)
    await client.heard(greeting)
    return client
  }
  send(text: string): void {
    this.#socket.write(text)
  }
  /** Sends lines and waits for an answer to them. */
  async ask(lines: string, wanted: RegExp): Promise<string> {
    this.#text = ''
    this.send(`${lines}\r\n`)
    return await this.heard(wanted)
  }
  /** Waits until what came since the last question matches. */
  async heard(wanted: RegExp): Promise<string> {
    await eventually(() => {
      if (wanted.test(this.#text)) return
      if (!this.#open) throw new Hangup(`closed after ${JSON.stringify(this.#text)}, not ${wanted}`)
      assert.match(this.#text, wanted)
    })
    return this.#text
  }
  async closed(): Promise<string> {
    await eventually(() => assert.ok(!this.#open, `still open: ${this.#text}`), 60_000)
    return this.#text
  }
  get isOpen(): boolean {
    return this.#open
  }
  get text(): string {
    return this.#text
  }
  close(): void {
    this.#socket.destroy()
  }
}

export async function imapClient(site: Site, login = 'alice@example.org secret'): Promise<LineClient> {
  const client = await LineClient.connect(site.ports.imap, /^\* OK/)
  await client.ask(`a login ${login}`, /^a OK/m)
  return client
}

/** One message by SMTP; resolves when it was answered 250. */
export async function sendMessage(site: Site, subject: string, to = 'alice@example.org'): Promise<void> {
  const smtp = await LineClient.connect(site.ports.smtp, /^220 /)
  await smtp.ask('ehlo client.test', /^250 /m)
  await smtp.ask(`mail from:<sender@example.net>\r\nrcpt to:<${to}>\r\ndata`, /^354 /m)
  await smtp.ask(`Subject: ${subject}\r\n\r\nbody\r\n.`, /^250 2\.0\.0 Ok: queued/m)
  await smtp.ask('quit', /^221 /m)
  smtp.close()
}

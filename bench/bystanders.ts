import { setTimeout as delay } from 'node:timers/promises'
import { parentPort, Worker, workerData } from 'node:worker_threads'
import type { OurServer } from './ours.ts'
import { Talk } from './talk.ts'

export interface Waits {
  readonly name: string
  readonly waitsMs: number[]
}

type Ports = Pick<OurServer, 'imapPort' | 'smtpPort'>

/** Others at work while something huge goes on. */
export interface Bystanders {
  /** What was waited until now does not count. */
  reset(): void
  /** What each of them waited, ms. */
  stop(): Promise<readonly Waits[]>
}

/** In a thread of their own: who takes a huge answer apart beside them would be counted, too. */
export function startBystanders({ imapPort, smtpPort }: OurServer): Bystanders {
  const worker = new Worker(new URL(import.meta.url), { workerData: { imapPort, smtpPort } satisfies Ports })
  const failed = new Promise<never>((_, reject) => worker.once('error', reject))
  return {
    reset: () => worker.postMessage('reset'),
    async stop() {
      const waits = new Promise<readonly Waits[]>((resolve) => worker.once('message', resolve))
      worker.postMessage('stop')
      return await Promise.race([waits, failed])
    },
  }
}

const isReply = (line: string): boolean => /^\d{3} /.test(line)

export async function imapSession(port: number, user: string, mailbox = 'INBOX'): Promise<Talk> {
  const talk = new Talk(port)
  await talk.wait((line) => line.startsWith('* OK'))
  await talk.imap(`LOGIN ${user}@bench.test secret`)
  await talk.imap(`SELECT ${mailbox}`)
  return talk
}

/** Each asks again a moment after it was answered. */
async function standBy(ports: Ports, until: { over: boolean }, waits: Waits[]): Promise<void> {
  const loop = async (name: string, pauseMs: number, ask: () => Promise<unknown>): Promise<void> => {
    const mine: Waits = { name, waitsMs: [] }
    waits.push(mine)
    while (!until.over) {
      const beganMs = performance.now()
      await ask()
      mine.waitsMs.push(performance.now() - beganMs)
      await delay(pauseMs)
    }
  }
  const noop = async (user: string): Promise<void> => {
    const talk = await imapSession(ports.imapPort, user)
    await loop('NOOP', 2, () => talk.imap('NOOP'))
    talk.end()
  }
  const deliver = async (): Promise<void> => {
    const talk = new Talk(ports.smtpPort)
    await talk.wait(isReply)
    await talk.send('EHLO bench\r\n', isReply)
    const body = `From: <a@b.test>\r\nSubject: x\r\n\r\n${'text '.repeat(200)}\r\n.\r\n`
    const steps = ['MAIL FROM:<a@b.test>\r\n', 'RCPT TO:<u3@bench.test>\r\n', 'DATA\r\n', body]
    let step = 0
    await loop('SMTP reply', 2, () => talk.send(steps[step++ % steps.length] as string, isReply))
    talk.end()
  }
  const store = async (): Promise<void> => {
    const talk = await imapSession(ports.imapPort, 'u5')
    await talk.send('x APPEND INBOX {10+}\r\nA: b\r\n\r\nxx\r\n', (line) => line.startsWith('x '))
    await talk.imap('NOOP')
    let on = false
    await loop('STORE of one', 5, () =>
      talk.imap(`STORE 1 ${(on = !on) ? '+' : '-'}FLAGS.SILENT (\\Flagged)`),
    )
    talk.end()
  }
  // Several connections, so that each worker has some.
  await Promise.all([noop('u1'), noop('u2'), noop('u4'), deliver(), deliver(), store()])
}

async function main(ports: Ports): Promise<void> {
  const until = { over: false }
  const waits: Waits[] = []
  parentPort?.on('message', (word: string) => {
    if (word === 'stop') until.over = true
    else for (const each of waits) each.waitsMs.length = 0
  })
  await standBy(ports, until, waits)
  parentPort?.postMessage(waits)
  parentPort?.close()
}

if (parentPort !== null) await main(workerData as Ports)
